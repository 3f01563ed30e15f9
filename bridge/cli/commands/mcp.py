"""`ditto-live mcp`: tools for an assistant that speaks the Model Context Protocol, over standard input and output."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import MissingPackageError
from engine.settings import DEFAULT_ENGINE_PORT, Settings

from ..running import placed


def mcp(
    engine: Annotated[str, typer.Option(help="Where the engine is.")] = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}",
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the keys.")] = None,
) -> int:
    """Offer make, redraw, takes and take to an assistant; the engine runs beside it (`ditto-live serve`)."""
    if find_spec("mcp") is None:
        remedy = "Install it with `pip install 'ditto-live[mcp]'`."
        raise MissingPackageError("This needs the package mcp.", remedy=remedy)
    from bridge.cli.assistant import make_server
    from bridge.client import Peer
    from engine.service.access import Keys

    settings = placed(Settings(), home, takes)
    make_server(Peer(engine, keys=Keys(settings.home / "keys")), settings.takes).run("stdio")
    return 0

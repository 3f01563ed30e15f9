"""`ditto-live bridge`: the bridge alone, on the computer with Live; the engine is elsewhere."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.settings import DEFAULT_ENGINE_PORT, DEFAULT_OSC_PORT, Settings

from ..running import OscPort, placed, run_bridge


def bridge(
    engine: Annotated[str, typer.Option(help="Where the engine is.")] = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}",
    engine_key: Annotated[Path | None, typer.Option(help="Copy of the engine's engine.key.")] = None,
    pair: Annotated[str, typer.Option(help="The code that `ditto-live engine --pair` shows there; once.")] = "",
    port: OscPort = DEFAULT_OSC_PORT,
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the keys and the discovery file.")] = None,
) -> int:
    """Start the bridge and keep it running until Ctrl-C."""
    from engine.service.access import Keys, address_of, load_key

    from ...upstream.connection import Peer
    from ...upstream.pairing import pair as pair_with

    settings = placed(Settings(osc_port=port), home, takes)
    address, keys = address_of(engine), Keys(settings.home / "keys")
    key = None if engine_key is None else load_key(engine_key)[0]
    if pair:
        pair_with(keys, address, pair)
        sys.stderr.write(f"Paired with the engine at {address}; next time leave --pair out.\n")
    Peer(address, key, keys).key()  # says here, and not only to a device, that its key is not known
    return run_bridge(settings, engine_address=address, engine_key=key)

"""`ditto-live bridge`: the bridge alone, on the computer with Live; the engine is elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from engine.settings import DEFAULT_ENGINE_PORT, DEFAULT_OSC_PORT, Settings

from ..running import placed, run_bridge


def bridge(
    engine: Annotated[str, typer.Option(help="Where the engine is.")] = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}",
    engine_key: Annotated[Path | None, typer.Option(help="Copy of the engine's engine.key.")] = None,
    port: Annotated[int, typer.Option(help="UDP port for OSC; if taken, the next free one.")] = DEFAULT_OSC_PORT,
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where keys and the discovery file lie.")] = None,
) -> int:
    """Start the bridge and keep it running until Ctrl-C."""
    from engine.errors import BadRequestError
    from engine.service.access import Keys, is_loopback, load_key

    settings = placed(Settings(osc_port=port), home, takes)
    if engine_key is None and not is_loopback(engine):
        Keys(settings.home / "keys").pair("client")
        raise BadRequestError(
            f"The engine {engine} is on another computer, so its key is needed: --engine-key engine.key.",
            remedy=f"Copy engine.key from there, and {settings.home / 'keys' / 'client.key'} to there.",
        )
    key = None if engine_key is None else load_key(engine_key)[0]
    return run_bridge(settings, engine_address=engine, engine_key=key)

"""`ditto-live engine`: the engine alone, on the computer with the GPU."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.settings import DEFAULT_ENGINE_PORT, Settings

from ..running import Device, Executor, FirstModel, Home, JobsName, Precision, Workers, placed, worker_options

if TYPE_CHECKING:
    from engine.service.access import Keys


def engine(
    listen: Annotated[str, typer.Option(help="Address to listen on; any but 127.0.0.1 needs keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; if taken, the next free one.")] = DEFAULT_ENGINE_PORT,
    allow: Annotated[list[Path] | None, typer.Option(help="Public key of a client to let in.")] = None,
    home: Home = None,
    model: FirstModel = "pocket",
    device: Device = "auto",
    dtype: Precision = "auto",
    executor: Executor = "local",
    workers: Workers = 1,
    jobs: JobsName = "",
) -> int:
    """Start the engine and keep it running until Ctrl-C."""
    from engine.service.access import Keys, is_loopback
    from engine.service.process import EngineOptions
    from engine.service.run import run_engine

    settings = placed(Settings(device=device, dtype=dtype), home)
    keys = Keys(settings.home / "keys")
    for file in allow or ():
        keys.allow(file)
    guarded = not is_loopback(f"tcp://{listen}:{port}")
    options = EngineOptions(
        worker=worker_options(settings, jobs, model),
        host=listen,
        port=port,
        keys=guarded,
        executor=executor,
        workers=workers,
    )
    run_engine(options, lambda address: _say(address, keys, guarded))
    return 0


def _say(address: str, keys: "Keys", guarded: bool) -> None:
    sys.stderr.write(f"The engine listens on {address}.\n")
    if guarded:
        sys.stderr.write(
            f"Copy {keys.folder / 'engine.key'} to the computer with Live, and let its client.key in with --allow.\n"
        )

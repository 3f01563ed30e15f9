"""`ditto-live engine`: the engine alone, on the computer with the GPU."""

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.settings import DEFAULT_ENGINE_PORT, ExecutorKind, Settings

from ..running import (
    Device,
    EnginePort,
    Executor,
    FirstModel,
    Home,
    JobsName,
    Precision,
    Workers,
    placed,
    worker_options,
)

if TYPE_CHECKING:
    from engine.service.access import Keys


def engine(
    listen: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is all. [default: 127.0.0.1]")] = "",
    port: EnginePort = DEFAULT_ENGINE_PORT,
    pair: Annotated[bool, typer.Option("--pair", help="Show a code by which one bridge elsewhere is let in.")] = False,
    allow: Annotated[list[Path] | None, typer.Option(help="Public key of a client to let in.")] = None,
    home: Home = None,
    model: FirstModel = "pocket",
    device: Device = "auto",
    dtype: Precision = "auto",
    executor: Executor = ExecutorKind.LOCAL,
    workers: Workers = 1,
    jobs: JobsName = "",
) -> int:
    """Start the engine and keep it running until Ctrl-C."""
    from engine.service.access import Keys
    from engine.service.options import EngineOptions
    from engine.service.run import run_engine

    settings = placed(Settings(device=device, dtype=dtype), home)
    host = listen or ("0.0.0.0" if pair else "127.0.0.1")
    keys = Keys(settings.home / "keys")
    for file in allow or ():
        keys.allow(file)
    if pair:
        _pair(keys, host, port)
    options = EngineOptions(
        worker=worker_options(settings, jobs, model), host=host, port=port, executor=executor, workers=workers
    )
    run_engine(options, lambda address: _say(address, keys))
    return 0


def _pair(keys: "Keys", host: str, port: int) -> None:
    from engine.service.access import ENGINE
    from engine.service.pairing import new_code, wait_for_partner

    keys.pair(ENGINE)
    keys.allowed.mkdir(exist_ok=True)  # where nothing can be kept nobody should begin to type
    code = new_code()
    sys.stderr.write(
        "At the computer with Live, type within ten minutes:\n\n"
        f"    ditto-live bridge --engine {socket.gethostname()}:{port} --pair {code}\n\n"
    )
    wait_for_partner(keys, code, host=host, port=port)
    sys.stderr.write("Paired. Next time leave --pair out, and name the address: --listen 0.0.0.0.\n")


def _say(address: str, keys: "Keys") -> None:
    from engine.service.access import is_loopback

    sys.stderr.write(f"The engine listens on {address}.\n")
    if not is_loopback(address) and len(keys.allowed_keys()) == 1:
        sys.stderr.write("No other computer is let in yet: start it with --pair, or --allow its client.key.\n")

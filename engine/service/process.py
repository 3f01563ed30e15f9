"""Parts of every process of ours: the options of an engine, the version, and the signals to stop."""

import asyncio
import signal
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import msgspec

from ..settings import DEFAULT_ENGINE_PORT, ExecutorKind
from .workers.worker_options import WorkerOptions


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is run; `host` is the address that it listens on."""

    worker: WorkerOptions
    host: str = "127.0.0.1"
    port: int = DEFAULT_ENGINE_PORT
    executor: ExecutorKind = ExecutorKind.LOCAL
    workers: int = 1
    silent_seconds: float = 60.0  # as in Patience
    step_seconds: float = 300.0
    tied: bool = False  # stop when standard input ends


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on the loop's thread at SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def own_version() -> str:
    """Return the installed version."""
    try:
        return version("ditto-live")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"

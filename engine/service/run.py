"""An engine as a process: options in, the service until a signal, in order out.

    python -m engine.service '{"worker": ..., "port": 47110}'

It prints one line of JSON, `{"address": "tcp://..."}`, when it is ready, or `{"sentence": ..., "remedy": ...}` where it
cannot start. If it is `tied` to its parent it stops when its standard input ends, so that no orphan holds the port.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable

from ..settings import ExecutorKind
from .access import Access, Keys
from .listener import Listening
from .logs import log_to_stderr
from .options import EngineOptions
from .queue.journal import Journal
from .server import Engine
from .signals import stop_on_signals
from .transport import run
from .version import own_version
from .workers.executor import Executor
from .workers.local import LocalExecutor, Timeouts
from .workers.worker_options import Manner


def run_engine(options: EngineOptions, on_ready: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM; `on_ready` is called with the address. Raises `DittoError` if it cannot start."""
    log_to_stderr()
    run(_serve(options, on_ready))


async def _serve(options: EngineOptions, on_ready: Callable[[str], None]) -> None:
    settings = options.worker.settings()
    journal = Journal(settings.journal_file)
    try:
        engine = Engine(journal, make_executor(options), version=own_version(), manner=Manner.of(settings))
        stop_on_signals(engine.stop)
        if options.tied:
            _stop_with_parent(engine.stop)
        access = Access(Keys(settings.home / "keys"))
        serving = asyncio.create_task(engine.serve(Listening(access=access, host=options.host, port=options.port)))
        ready = asyncio.create_task(engine.ready.wait())
        await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
        if engine.ready.is_set():
            on_ready(engine.address)
        ready.cancel()
        await serving
    finally:
        journal.close()


def make_executor(options: EngineOptions) -> Executor:
    """Return what makes loops: processes here, or actors on a Ray cluster."""
    timeouts = Timeouts(silent_seconds=options.silent_seconds, step_seconds=options.step_seconds)
    if options.executor is ExecutorKind.RAY:
        from .workers.cluster import RayExecutor  # the extra `cluster`; nobody else pays for it

        return RayExecutor(options.worker, workers=options.workers)
    return LocalExecutor(options.worker, workers=options.workers, timeouts=timeouts)


def _stop_with_parent(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()

    def wait() -> None:
        while os.read(0, 1_024):  # not through `sys.stdin`, whose lock would abort this process at its end
            continue
        with contextlib.suppress(RuntimeError):  # it has stopped by itself
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=wait, daemon=True, name="parent").start()

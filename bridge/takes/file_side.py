"""A bridge's side of its disk: effects that read or write files are done on threads, and come back as effects."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from engine.errors import DittoError, InternalError
from engine.files import refused_by_system

from ..requests.file_threads import CLOSE_SECONDS, WRITING, FileThreads
from ..session.effects import CheckLane, Effect, FindTakes, Prepare
from .backlog import Backlog
from .file_work import FileWork

log = structlog.get_logger("ditto.bridge")


class FileSide:
    """Does effects by `work` and hands the effects that follow to `then`. Methods run on the event loop's thread."""

    def __init__(self, work: FileWork, then: Callable[[Iterable[Effect]], None]) -> None:
        self._work, self._then = work, then
        self._backlog = Backlog(self._write)
        self._readers = FileThreads(2, "read")  # a request is not to wait for takes
        self._writers = FileThreads(1, "write", WRITING)
        self._watchers = FileThreads(1, "watch")  # a disk that hangs holds up nothing else
        self.disturb = self._backlog.disturb

    def do(self, effect: Effect) -> None:
        """Do an effect that reads or writes files; each kind has threads of its own."""
        match effect:
            case Prepare() if effect.assembly.is_quick:
                self._then(self._work.prepare(effect))
            case Prepare() | FindTakes():
                self._on_thread(self._readers, effect)
            case CheckLane():
                self._on_thread(self._watchers, effect)
            case _:
                self._backlog.add(effect)

    def close(self) -> None:
        """Begin nothing more, and end the threads."""
        self._backlog.close()
        for threads in (self._watchers, self._readers):
            threads.close()
        self._writers.close(seconds=CLOSE_SECONDS)

    def _write(self, effect: Effect) -> None:
        self._on_thread(self._writers, effect).add_done_callback(lambda _: self._backlog.done())

    def _on_thread(self, threads: FileThreads, effect: Effect) -> "asyncio.Future[Iterable[Effect]]":
        future = threads.run(partial(self._work.do, effect))
        future.add_done_callback(lambda done: self._finish(done, effect))
        return future

    def _finish(self, future: "asyncio.Future[Iterable[Effect]]", effect: Effect) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._then(future.result())
            return
        if isinstance(error, OSError):
            error = refused_by_system(error)
        elif not isinstance(error, DittoError):  # a fault of ours must not leave a device without an answer
            log.error("bridge.fault", effect=type(effect).__name__, exc_info=error)
            error = InternalError(f"Something went wrong inside Ditto Live ({type(error).__name__}).")
        self._then(self._work.failed(effect, error))

"""Where requests are made: worker processes of this computer, or of many (`engine.service.workers.cluster`).

An executor keeps its workers alive, hands out requests and reports what workers say. What a lost request
means is decided by the engine, which has the journal.
"""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from ...errors import DittoError
from ...request import LoopRequest
from . import pipe
from .worker_options import WorkerOptions

log = structlog.get_logger("ditto.executor")

START_TRIES = 3  # that end by themselves in a row, before a worker that does not start is called broken
KILLED_TRIES = 10  # or that are ended by a signal: memory may be short for a moment only
SLOWEST_RESTART_SECONDS = 10.0


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A request's worker is gone; `sentence` says how."""

    request_id: str
    sentence: str


Report = pipe.Said | pipe.Saved | pipe.Ended | Lost
Listener = Callable[[Report], None]


class Executor(Protocol):
    """Makes up to `capacity` requests at a time. Threads: all calls on the loop's thread, and so are reports."""

    capacity: int

    def start(self, listener: Listener) -> None:
        """Start the workers; `listener` gets every report from now on."""
        ...

    def free(self) -> int:
        """Return how many workers are ready for a request."""
        ...

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Give a request to a free worker."""
        ...

    def stop(self, request_id: str, *, keep: bool) -> None:
        """Ask its worker to stop a request, and to send its best take first if `keep`."""
        ...

    def abandon(self, request_id: str) -> None:
        """End the worker of a request that does not stop; it is reported as lost."""
        ...

    def check(self) -> None:
        """Notice workers that hang; called several times a second."""
        ...

    def standings(self) -> tuple[pipe.Standing, ...]:
        """Return what each worker said last about itself."""
        ...

    def trouble(self) -> str:
        """Return, in a sentence, why no worker can be started; empty if all is well."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may be quiet before it counts as hanging."""

    silent_seconds: float = 60.0  # no sign of life; compiling in Numba can hold the lock that long
    step_seconds: float = 300.0  # alive, but not a step further
    restart_seconds: float = 0.2  # pause before the first restart, doubled each time


class LocalExecutor:
    """Worker processes on this computer; meets `Executor`."""

    def __init__(self, options: WorkerOptions, *, workers: int = 1, patience: Patience | None = None) -> None:
        self.capacity = workers
        self._options = options
        self._patience = patience or Patience()
        self._children: list[_Child] = []

    def start(self, listener: Listener) -> None:
        """Start the worker processes."""
        self._children = [_Child(self._options, self._patience, listener) for _ in range(self.capacity)]
        for child in self._children:
            child.spawn()

    def free(self) -> int:
        """Return how many workers are ready for a request."""
        return sum(child.is_free for child in self._children)

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Give a request to a free worker."""
        next(child for child in self._children if child.is_free).run(request, resume)

    def stop(self, request_id: str, *, keep: bool) -> None:
        """Ask the worker that has the request to stop it."""
        for child in self._children:
            if child.request_id == request_id:
                child.order(pipe.Stop(request_id=request_id, keep=keep))

    def abandon(self, request_id: str) -> None:
        """Kill the worker of a request that does not stop."""
        for child in self._children:
            if child.request_id == request_id:
                child.kill("it did not stop when asked")

    def check(self) -> None:
        """Kill what hangs; the end of its pipe does the rest."""
        for child in self._children:
            child.check()

    def standings(self) -> tuple[pipe.Standing, ...]:
        """Return what each worker said last about itself."""
        return tuple(child.standing for child in self._children)

    def trouble(self) -> str:
        """Return why no worker can be started."""
        return next((child.trouble for child in self._children if child.trouble), "")

    def close(self) -> None:
        """End all workers and wait until they are gone."""
        for child in self._children:
            child.close()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(child.process.pid for child in self._children if child.process)


_STARTING = pipe.Standing(state="loading", sentence="The worker is starting.")


@dataclass(eq=False)
class _Child:
    """One worker process after another.

    Threads: `_read` runs on a thread of its own for each process and only posts to the loop.
    """

    options: WorkerOptions
    patience: Patience
    listener: Listener
    process: "subprocess.Popen[bytes] | None" = None
    standing: pipe.Standing = _STARTING
    request_id: str = ""
    trouble: str = ""
    _failed_starts: int = 0
    _was_ready: bool = False
    _heard: float = 0.0
    _moved: float = 0.0
    _reason: str = ""
    _closed: bool = False
    _reader: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    @property
    def is_free(self) -> bool:
        return not self.request_id and self.standing.state == "ready" and not self._closed

    def spawn(self) -> None:
        if self._closed:
            return
        command = [sys.executable, "-m", "engine.service.workers.worker", msgspec.json.encode(self.options).decode()]
        # A session of its own, so that Ctrl-C in a terminal reaches the engine only, which then ends it in order.
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=sys.platform != "win32"
        )
        self.standing, self._was_ready, self._reason = _STARTING, False, ""
        self._heard = self._moved = time.monotonic()
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True, name="worker-reports")
        self._reader.start()
        log.info("worker.started", pid=self.process.pid)

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        self.request_id, self._moved = request.request_id, time.monotonic()
        self.order(pipe.Run(request=request, resume=resume))

    def order(self, order: pipe.Order) -> None:
        try:
            pipe.write(self.process.stdin, order)  # type: ignore[union-attr, arg-type]  # spawned with a pipe
        except OSError:
            log.info("worker.deaf")  # it is dying; its reader will notice

    def check(self) -> None:
        if self.process is None:
            return
        now, limits = time.monotonic(), self.patience
        if now - self._heard > limits.silent_seconds:
            self.kill(f"it gave no sign of life for {limits.silent_seconds:g} s")
        elif self.request_id and now - self._moved > limits.step_seconds:
            self.kill(f"one step took more than {limits.step_seconds:g} s")

    def close(self) -> None:
        self._closed = True
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        if self._reader is not None:
            self._reader.join()
        for end in (self.process.stdin, self.process.stdout):
            _close_quietly(end)

    def kill(self, reason: str) -> None:
        if self.process is None:
            return
        log.warning("worker.hangs", reason=reason)
        self._reason = reason
        self._heard = self._moved = time.monotonic()
        self.process.kill()

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        try:
            while (report := pipe.read_report(process.stdout)) is not None:  # type: ignore[arg-type]
                self._loop.call_soon_threadsafe(self._take_in, process, report)
        except (OSError, ValueError, DittoError) as error:
            log.error("worker.garbled", error=str(error))
            self._reason = "what it said could not be understood"
            process.kill()
        code = process.wait()
        try:
            self._loop.call_soon_threadsafe(self._gone, process, code)
        except RuntimeError:
            return  # the loop was closed before its workers

    def _take_in(self, process: "subprocess.Popen[bytes]", report: pipe.Report) -> None:
        if process is not self.process:
            return
        self._heard = time.monotonic()
        if isinstance(report, pipe.Standing):
            self.standing = report
            if report.state == "loading":
                self._moved = self._heard
            if report.state == "ready":
                self._was_ready, self._failed_starts, self.trouble = True, 0, ""
            return
        self._moved = self._heard
        if isinstance(report, pipe.Ended):
            self.request_id = ""
        self.listener(report)

    def _gone(self, process: "subprocess.Popen[bytes]", code: int) -> None:
        if process is not self.process:
            return
        for end in (process.stdin, process.stdout):
            _close_quietly(end)
        self.process, self.standing = None, _STARTING
        if self._closed:
            return
        reason, lost = self._reason or describe_exit(code), self.request_id
        log.warning("worker.gone", code=code, reason=reason, request_id=lost)
        self.request_id = ""
        self._failed_starts += not self._was_ready
        if self._failed_starts >= (START_TRIES if code >= 0 else KILLED_TRIES):
            self.trouble = f"The worker does not start: {reason}."
        pause = self.patience.restart_seconds * 2**self._failed_starts
        self._loop.call_later(min(pause, SLOWEST_RESTART_SECONDS), self.spawn)
        if lost:
            self.listener(Lost(request_id=lost, sentence=f"The worker stopped in the middle of it: {reason}."))


def _close_quietly(end: object) -> None:
    try:
        end.close()  # type: ignore[attr-defined]  # a pipe's file object
    except OSError:
        return  # what was still to be written to a dead process


def describe_exit(code: int) -> str:
    """Return in words how a process ended."""
    if code == -9:
        return "the system killed it, most likely because memory ran out"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}"

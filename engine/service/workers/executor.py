"""Where requests are made: worker processes of this computer, or of many (`engine.service.workers.cluster`).

An executor keeps its workers alive, hands out requests and reports what workers say. What a lost request
means is decided by the engine, which has the journal.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ...request import LoopRequest
from ..child_process import ChildProcess, Exit
from ..messages import EngineState
from . import pipe
from .worker_options import WorkerOptions

START_TRIES = 3  # that end by themselves in a row, before a worker that does not start is called broken
KILLED_TRIES = 10  # or that are ended by a signal: memory may be short for a moment only
SLOWEST_RESTART_SECONDS = 10.0
ASLEEP_SECONDS = 5.0  # between two looks at a worker that come several times a second


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A request's worker is gone; `sentence` says how."""

    request_id: str
    sentence: str


Report = pipe.EventReport | pipe.Saved | pipe.Ended | Lost
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

    def statuses(self) -> tuple[pipe.WorkerStatus, ...]:
        """Return what each worker said last about itself."""
        ...

    def failure(self) -> str:
        """Return, in a sentence, why no worker can be started; empty if all is well."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a worker may be quiet before it counts as hanging."""

    silent_seconds: float = 60.0  # no sign of life; compiling in Numba can hold the lock that long
    step_seconds: float = 300.0  # alive, but not a step further
    restart_seconds: float = 0.2  # pause before the first restart, doubled each time


class LocalExecutor:
    """Worker processes on this computer; meets `Executor`."""

    def __init__(self, options: WorkerOptions, *, workers: int = 1, timeouts: Timeouts | None = None) -> None:
        self.capacity = workers
        self._options = options
        self._timeouts = timeouts or Timeouts()
        self._workers: list[_Worker] = []

    def start(self, listener: Listener) -> None:
        """Start the worker processes."""
        self._workers = [_Worker(self._options, self._timeouts, listener) for _ in range(self.capacity)]
        for worker in self._workers:
            worker.child.start()

    def free(self) -> int:
        """Return how many workers are ready for a request."""
        return sum(worker.is_free for worker in self._workers)

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Give a request to a free worker."""
        next(worker for worker in self._workers if worker.is_free).run(request, resume)

    def stop(self, request_id: str, *, keep: bool) -> None:
        """Ask the worker that has the request to stop it."""
        for worker in self._workers:
            if worker.request_id == request_id:
                worker.order(pipe.Stop(request_id=request_id, keep=keep))

    def abandon(self, request_id: str) -> None:
        """Kill the worker of a request that does not stop."""
        for worker in self._workers:
            if worker.request_id == request_id:
                worker.kill("it did not stop when asked")

    def check(self) -> None:
        """Kill what hangs; the end of its pipe does the rest."""
        for worker in self._workers:
            worker.check()

    def statuses(self) -> tuple[pipe.WorkerStatus, ...]:
        """Return what each worker said last about itself."""
        return tuple(worker.status for worker in self._workers)

    def failure(self) -> str:
        """Return why no worker can be started."""
        return next((worker.failure for worker in self._workers if worker.failure), "")

    def close(self) -> None:
        """End all workers and wait until they are gone."""
        for worker in self._workers:
            worker.child.close()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(worker.child.pid for worker in self._workers if worker.child.pid is not None)


_STARTING = pipe.WorkerStatus(state=EngineState.LOADING, sentence="The worker is starting.")


class _Worker:
    """One worker process after another, as `ChildProcess` starts them; meets `ChildListener`."""

    def __init__(self, options: WorkerOptions, timeouts: Timeouts, listener: Listener) -> None:
        self.status = _STARTING
        self.request_id = ""  # of the request that it has
        self.failure = ""
        self._timeouts, self._listener = timeouts, listener
        self._failed_starts = 0
        self._was_ready = False
        self._signalled = self._advanced = self._checked = time.monotonic()
        module = "engine.service.workers.worker"
        command = [sys.executable, "-P", "-m", module, msgspec.json.encode(options).decode()]
        self.child: ChildProcess[pipe.Report] = ChildProcess("worker", command, pipe.read_report, self)

    @property
    def is_free(self) -> bool:
        """Whether it could make a request now."""
        return not self.request_id and self.status.state is EngineState.READY

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Have it make a request."""
        self.request_id, self._advanced = request.request_id, time.monotonic()
        self.order(pipe.Run(request=request, resume=resume))

    def order(self, order: pipe.Order) -> None:
        """Tell it something; what it does not read waits on a thread, and `check` notices."""
        self.child.write(pipe.encoded(order))

    def check(self) -> None:
        """Kill it when it gives no sign of life, or takes too long for a step."""
        now, limits = time.monotonic(), self._timeouts
        asleep, self._checked = now - self._checked, now
        if self.child.pid is None:
            self._signalled = self._advanced = now
            return
        if asleep > ASLEEP_SECONDS:  # we were stopped, or the computer slept: nobody was there to hear it
            self._signalled, self._advanced = min(now, self._signalled + asleep), min(now, self._advanced + asleep)
        if now - self._signalled > limits.silent_seconds:
            self.kill(f"it gave no sign of life for {limits.silent_seconds:g} s")
        elif self.request_id and now - self._advanced > limits.step_seconds:
            self.kill(f"one step took more than {limits.step_seconds:g} s")

    def kill(self, reason: str) -> None:
        """End it; the next one is started."""
        self._signalled = self._advanced = time.monotonic()
        self.child.kill(reason)

    def on_item(self, item: pipe.Report) -> None:
        """Take in a report; see `ChildListener`."""
        self._signalled = time.monotonic()
        if isinstance(item, pipe.WorkerStatus):
            self.status = item
            if item.state is EngineState.LOADING:
                self._advanced = self._signalled
            if item.state is EngineState.READY:
                self._was_ready, self._failed_starts, self.failure = True, 0, ""
            return
        self._advanced = self._signalled
        if isinstance(item, pipe.Ended):
            self.request_id = ""
        self._listener(item)

    def on_exit(self, end: Exit) -> float:
        """Report its request as lost; see `ChildListener`."""
        self.status, lost, self.request_id = _STARTING, self.request_id, ""
        self._failed_starts += not self._was_ready
        self._was_ready = False
        self._signalled = self._advanced = time.monotonic()
        if self._failed_starts >= (START_TRIES if end.by_itself else KILLED_TRIES):
            self.failure = f"The worker does not start: {end.reason}."
        if lost:
            self._listener(Lost(request_id=lost, sentence=f"The worker stopped in the middle of it: {end.reason}."))
        return min(self._timeouts.restart_seconds * 2**self._failed_starts, SLOWEST_RESTART_SECONDS)

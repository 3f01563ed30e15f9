"""Worker processes on this computer: started, watched, ended when they hang, and started again when they are gone."""

import sys
import time
from dataclasses import dataclass

import msgspec

from ...request import LoopRequest
from ..child_process import ChildProcess, Exit
from ..messages import EngineState
from . import pipe
from .executor import RESTART_SECONDS, SLOWEST_RESTART_SECONDS, START_TRIES, Listener, Lost, WorkerPool
from .worker_options import WorkerOptions

KILLED_TRIES = 10  # that are ended by a signal in a row: memory may be short for a moment only; otherwise `START_TRIES`
ASLEEP_SECONDS = 5.0  # between two looks at a worker that come several times a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a worker may be quiet before it counts as hanging."""

    silent_seconds: float = 60.0  # no sign of life; compiling in Numba can hold the lock that long
    step_seconds: float = 300.0  # alive, but not a step further
    restart_seconds: float = RESTART_SECONDS


_STARTING = pipe.WorkerStatus(state=EngineState.LOADING, sentence="The worker is starting.")


class _Worker:
    """One worker process after another, as `ChildProcess` starts them; meets `Worker` and `ChildListener`."""

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

    def start(self) -> None:
        """Start the first process."""
        self.child.start()

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Have it make a request."""
        self.request_id, self._advanced = request.request_id, time.monotonic()
        self._order(pipe.Run(request=request, resume=resume))

    def stop(self, *, keep: bool) -> None:
        """Have it stop its request, and send its best take first if `keep`."""
        self._order(pipe.Stop(request_id=self.request_id, keep=keep))

    def _order(self, order: pipe.Order) -> None:
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

    def close(self) -> None:
        """End it for good, and wait until it is gone."""
        self.child.close()

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


class LocalExecutor(WorkerPool[_Worker]):
    """Worker processes on this computer; meets `Executor`."""

    def __init__(self, options: WorkerOptions, *, workers: int = 1, timeouts: Timeouts | None = None) -> None:
        super().__init__(workers)
        self._options, self._timeouts = options, timeouts or Timeouts()

    def new_worker(self, listener: Listener) -> _Worker:
        """Return a worker whose process is not started yet."""
        return _Worker(self._options, self._timeouts, listener)

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The workers' process ids."""
        return tuple(worker.child.pid for worker in self.workers if worker.child.pid is not None)

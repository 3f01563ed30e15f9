"""Where requests are made: worker processes of this computer (`local`), or actors on many (`cluster`).

An executor keeps its workers alive, hands out requests and reports what workers say. What a lost request
means is decided by the engine, which has the journal.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from ...request import LoopRequest
from . import pipe

START_TRIES = 3  # that end by themselves in a row, before a worker that does not start is called broken
RESTART_SECONDS = 0.2  # pause before the first restart, doubled each time
SLOWEST_RESTART_SECONDS = 10.0


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


class Worker(Protocol):
    """One worker after another, as its executor sees it: when one is gone, the next is started."""

    status: pipe.WorkerStatus
    request_id: str  # of the request that it has
    failure: str  # why none can be started, in a sentence; empty if all is well

    @property
    def is_free(self) -> bool:
        """Whether it could make a request now."""
        ...

    def start(self) -> None:
        """Start the first one."""
        ...

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Have it make a request."""
        ...

    def stop(self, *, keep: bool) -> None:
        """Have it stop its request, and send its best take first if `keep`."""
        ...

    def kill(self, reason: str) -> None:
        """End it; the next one is started."""
        ...

    def check(self) -> None:
        """Notice that it hangs; called several times a second."""
        ...

    def close(self) -> None:
        """End it for good."""
        ...


W = TypeVar("W", bound=Worker)


class WorkerPool(ABC, Generic[W]):
    """`capacity` workers of one kind, which a subclass makes; meets `Executor`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.workers: list[W] = []

    @abstractmethod
    def new_worker(self, listener: Listener) -> W:
        """Return a worker that is not started yet, and that reports to `listener`."""

    def start(self, listener: Listener) -> None:
        """Start the workers; see `Executor`."""
        self.workers = [self.new_worker(listener) for _ in range(self.capacity)]
        for worker in self.workers:
            worker.start()

    def free(self) -> int:
        """Return how many workers are ready for a request."""
        return sum(worker.is_free for worker in self.workers)

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        """Give a request to a free worker."""
        next(worker for worker in self.workers if worker.is_free).run(request, resume)

    def stop(self, request_id: str, *, keep: bool) -> None:
        """Ask the worker that has the request to stop it; see `Executor`."""
        for worker in self._having(request_id):
            worker.stop(keep=keep)

    def abandon(self, request_id: str) -> None:
        """End the worker of a request that does not stop; see `Executor`."""
        for worker in self._having(request_id):
            worker.kill("it did not stop when asked")

    def check(self) -> None:
        """Notice workers that hang."""
        for worker in self.workers:
            worker.check()

    def statuses(self) -> tuple[pipe.WorkerStatus, ...]:
        """Return what each worker said last about itself."""
        return tuple(worker.status for worker in self.workers)

    def failure(self) -> str:
        """Return why no worker can be started."""
        return next((worker.failure for worker in self.workers if worker.failure), "")

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.close()

    def _having(self, request_id: str) -> list[W]:
        return [worker for worker in self.workers if worker.request_id == request_id]

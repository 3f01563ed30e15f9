"""The worker process: owns torch and the model, makes one request at a time, talks to the engine only.

    python -m engine.worker '{"jobs": "engine.jobs:ModelJobs", ...}'

Threads: the main thread is the only one that runs jobs. One thread reads orders from standard input and
ends the process when the engine is gone; one says once a second that the worker lives and what it is at.
Reports of all threads go out under one lock.
"""

import os
import queue
import sys
import threading
from typing import BinaryIO

import msgspec
import structlog

from . import pipe
from .errors import DittoError, InternalError, OutOfMemoryError
from .events import Cancelled, Done, Event, Failed, Final, Take
from .jobs import Checkpoint, Jobs, find
from .logs import log_to_stderr
from .memory import memory_bytes
from .messages import State
from .settings import go_offline
from .worker_options import WorkerOptions

BEAT_SECONDS = 1.0

log = structlog.get_logger("ditto.worker")


class Worker:
    """Takes orders from one pipe, reports on another; see the module for its threads."""

    def __init__(self, jobs: Jobs, orders: BinaryIO, reports: BinaryIO) -> None:
        self._jobs = jobs
        self._orders = orders
        self._reports = reports
        self._lock = threading.Lock()
        self._todo: queue.Queue[pipe.Run | None] = queue.Queue()
        self._stopped: dict[str, bool] = {}  # request id -> keep the best take
        self._standing: tuple[State, float, str] = ("loading", -1.0, "Starting up.")

    def serve(self, model: str = "") -> None:
        """Load `model`, then make requests until the orders end."""
        for target in (self._listen, self._beat):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()
        if model:
            self._prepare(model)
        self._stand("ready", -1.0, "")
        while (order := self._todo.get()) is not None:
            self._stand("working", -1.0, "")
            self._make(order)
            self._stand("ready", -1.0, "")

    def _prepare(self, model: str) -> None:
        try:
            self._jobs.prepare(self._loading, model)
        except DittoError as error:  # the first request for it will say the same to its producer
            log.warning("worker.not_loaded", model=model, error=error.sentence)
        except Exception:  # a broken model must not keep others from working
            log.exception("worker.not_loaded", model=model)

    def _make(self, order: pipe.Run) -> None:
        """Run one request to its end; every failure becomes an event."""
        request, takes, ended = order.request, 0, False
        items = self._jobs.run(order.request, order.resume, lambda: request.request_id in self._stopped)
        try:
            for item in items:
                if self._dropped(request.request_id):
                    items.close()
                    break
                takes += isinstance(item, Take)
                ended = ended or isinstance(item, Final)
                self._report(request.request_id, item)
        except Exception as error:  # noqa: BLE001  the one place where everything is caught
            self._say(pipe.Said(event=failure(request.request_id, error)))
            ended = True
        if not ended and not self._dropped(request.request_id):
            final = Cancelled if request.request_id in self._stopped else Done
            self._say(pipe.Said(event=final(request_id=request.request_id, takes=takes)))
        self._stopped.pop(request.request_id, None)
        self._say(pipe.Ended(request_id=request.request_id))

    def _report(self, request_id: str, item: Event | Checkpoint) -> None:
        if isinstance(item, Checkpoint):
            self._say(pipe.Saved(request_id=request_id, state=item.state))
        else:
            self._say(pipe.Said(event=item))

    def _dropped(self, request_id: str) -> bool:
        return self._stopped.get(request_id) is False

    def _loading(self, fraction: float, sentence: str) -> None:
        self._stand("loading", fraction, sentence)

    def _stand(self, state: State, fraction: float, sentence: str) -> None:
        self._standing = (state, fraction, sentence)
        self._say_standing()

    def _say_standing(self) -> None:
        state, fraction, sentence = self._standing
        self._say(pipe.Standing(
            state=state, fraction=fraction, sentence=sentence, model=self._jobs.model, memory_bytes=memory_bytes()
        ))

    def _say(self, report: pipe.Report) -> None:
        try:
            with self._lock:
                pipe.write(self._reports, report)
        except OSError:
            os._exit(0)  # the engine is gone; nobody is left to report to

    def _listen(self) -> None:
        while (order := pipe.read_order(self._orders)) is not None:
            if isinstance(order, pipe.Run):
                self._stopped.pop(order.request.request_id, None)
                self._todo.put(order)
            else:
                self._stopped[order.request_id] = order.keep
        # A step may last minutes; an engine that has gone must not leave a worker that holds the accelerator.
        os._exit(0)

    def _beat(self) -> None:
        while True:
            threading.Event().wait(BEAT_SECONDS)
            self._say_standing()


def failure(request_id: str, error: Exception) -> Failed:
    """Return what to tell the producer about any exception; ours say it themselves."""
    if not isinstance(error, DittoError):
        name = type(error).__name__
        if isinstance(error, MemoryError) or name in ("OutOfMemoryError", "AcceleratorError"):
            error = OutOfMemoryError(f"There was not enough memory for this request ({name}).")
        else:
            log.exception("worker.fault", request_id=request_id, exc_info=error)
            error = InternalError(f"Something went wrong inside Ditto Live ({name}).")
    return Failed(request_id=request_id, code=error.code, sentence=error.sentence, remedy=error.remedy)


def main(arguments: list[str]) -> None:
    """Run a worker on this process's own pipes."""
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not end up between our messages
    log_to_stderr()
    go_offline()
    options = msgspec.json.decode(arguments[0], type=WorkerOptions)
    jobs = find(options.jobs)(options.settings())
    Worker(jobs, sys.stdin.buffer, reports).serve(options.model)


if __name__ == "__main__":
    main(sys.argv[1:])

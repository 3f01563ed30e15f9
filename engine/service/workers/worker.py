"""The worker process: owns torch and the model, makes one request at a time, talks to the engine only.

    python -m engine.service.workers.worker '{"jobs": "engine.service.workers.jobs:ModelJobs", ...}'

Threads: the main thread is the only one that runs jobs. One thread reads orders from standard input and
ends the process when the engine is gone; one says once a second that the worker lives and what it is at.
Reports of all threads go out under one lock.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

import msgspec
import structlog

from ...errors import DittoError, InternalError, OutOfMemoryError
from ...events import Cancelled, Checkpoint, Done, Event, Failed, Final, Take
from ...files import refused_by_system
from ...settings import go_offline
from ..logs import log_to_stderr
from ..messages import EngineState
from . import pipe
from .jobs import Jobs, find
from .memory import memory_bytes
from .priority import step_back
from .worker_options import WorkerOptions

BEAT_SECONDS = 1.0

log = structlog.get_logger("ditto.worker")


class Worker:
    """Makes requests and reports through `say`.

    Threads: `make` and `prepare` on one thread, the only one that touches the model; `stop` and `status`
    on any. `say` is called on whichever thread has something to report.
    """

    def __init__(self, jobs: Jobs, say: Callable[[pipe.Report], None]) -> None:
        self._jobs = jobs
        self._say = say
        self._stopped: dict[str, bool] = {}  # request id -> keep the best take
        self._set_status: tuple[EngineState, float, str] = (EngineState.LOADING, -1.0, "Starting up.")

    def prepare(self, model: str) -> None:
        """Load `model` if it is named, and be ready."""
        try:
            if model:
                self._jobs.prepare(model, self._loading)
        except DittoError as error:  # the first request for it will say the same to its producer
            log.warning("worker.not_loaded", model=model, error=error.sentence)
        except Exception:  # a broken model must not keep others from working
            log.exception("worker.not_loaded", model=model)
        self._stand(EngineState.READY)

    def make(self, order: pipe.Run) -> None:
        """Run one request to its end; every failure becomes an event."""
        request, takes, ended = order.request, 0, False
        request_id = request.request_id
        self._stand(EngineState.WORKING)
        items = self._jobs.run(request, order.resume, lambda: request_id in self._stopped, self._loading)
        try:
            while not self._dropped(request_id) and (item := next(items, None)) is not None:
                if self._dropped(request_id):
                    break
                takes += isinstance(item, Take)
                ended = ended or isinstance(item, Final)
                self._report(request_id, item)
        except Exception as error:  # noqa: BLE001  the one place where everything is caught
            self._say(pipe.EventReport(event=failure(request_id, error)))
            ended = True
        if not ended and not self._dropped(request_id):
            final = Cancelled if request_id in self._stopped else Done
            self._say(pipe.EventReport(event=final(request_id=request_id, takes=takes)))
        self._stopped.pop(request_id, None)
        self._stand(EngineState.READY)
        self._say(pipe.Ended(request_id=request_id))

    def stop(self, order: pipe.Stop) -> None:
        """Have a request stopped between two steps."""
        self._stopped[order.request_id] = order.keep

    def status(self) -> pipe.WorkerStatus:
        """Return what this worker is at."""
        state, fraction, sentence = self._set_status
        return pipe.WorkerStatus(
            state=state, fraction=fraction, sentence=sentence, model=self._jobs.model, memory_bytes=memory_bytes()
        )

    def _report(self, request_id: str, item: Event | Checkpoint) -> None:
        if self._set_status[0] is EngineState.LOADING:  # the model that it waited for is there
            self._stand(EngineState.WORKING)
        if isinstance(item, Checkpoint):
            self._say(pipe.Saved(request_id=request_id, state=item.state))
        else:
            self._say(pipe.EventReport(event=item))

    def _dropped(self, request_id: str) -> bool:
        return self._stopped.get(request_id) is False

    def _loading(self, fraction: float, sentence: str) -> None:
        self._stand(EngineState.LOADING, fraction, sentence)

    def _stand(self, state: EngineState, fraction: float = -1.0, sentence: str = "") -> None:
        self._set_status = (state, fraction, sentence)
        self._say(self.status())


def failure(request_id: str, error: Exception) -> Failed:
    """Return what to tell the producer about any exception; ours say it themselves."""
    if not isinstance(error, DittoError):
        name = type(error).__name__
        if isinstance(error, MemoryError) or name in ("OutOfMemoryError", "AcceleratorError"):
            error = OutOfMemoryError(f"There was not enough memory for this request ({name}).")
        elif isinstance(error, OSError) and error.filename is not None:  # such as weights on a share that is gone
            error = refused_by_system(error)
        else:
            log.error("worker.fault", request_id=request_id, exc_info=error)
            error = InternalError(f"Something went wrong inside Ditto Live ({name}).")
    return Failed(request_id=request_id, code=error.code, sentence=error.sentence, remedy=error.remedy)


class WorkerProcess:
    """A worker at the end of two pipes; see the module for its threads."""

    def __init__(self, options: WorkerOptions, orders: BinaryIO, reports: BinaryIO) -> None:
        self._options = options
        self._orders = orders
        self._reports = reports
        self._lock = threading.Lock()
        self._todo: queue.Queue[pipe.Run] = queue.Queue()
        self._worker = Worker(find(options.jobs)(options.settings()), self._say)

    def serve(self) -> None:
        """Load the default model, then make requests until the engine is gone."""
        for target in (self._listen, self._beat):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()
        self._worker.prepare(self._options.model)
        step_back()
        while True:
            self._worker.make(self._todo.get())

    def _say(self, report: pipe.Report) -> None:
        try:
            with self._lock:
                pipe.write(self._reports, report)
        except OSError:
            os._exit(0)  # the engine is gone; nobody is left to report to

    def _listen(self) -> None:
        while (order := pipe.read_order(self._orders)) is not None:
            if isinstance(order, pipe.Run):
                self._todo.put(order)
            else:
                self._worker.stop(order)
        # A step may last minutes; an engine that has gone must not leave a worker that holds the accelerator.
        os._exit(0)

    def _beat(self) -> None:
        while True:
            threading.Event().wait(BEAT_SECONDS)
            self._say(self._worker.status())


def main(arguments: list[str]) -> None:
    """Run a worker on this process's own pipes."""
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not end up between our messages
    log_to_stderr()
    go_offline()
    options = msgspec.json.decode(arguments[0], type=WorkerOptions)
    WorkerProcess(options, sys.stdin.buffer, reports).serve()


if __name__ == "__main__":
    main(sys.argv[1:])

"""A worker as a Ray actor, on another computer of the cluster."""

import queue
import threading
from collections.abc import Iterator

from ...request import LoopRequest
from .. import wire
from . import pipe
from .jobs import find
from .worker import Worker
from .worker_options import WorkerOptions


class RemoteWorker:
    """A `Worker` behind methods that Ray calls, up to three at a time."""

    def __init__(self, options: bytes) -> None:
        self._options = wire.decode(options, WorkerOptions)
        self._reports: queue.Queue[pipe.Report] = queue.Queue()
        self._worker = Worker(find(self._options.jobs)(self._options.settings()), self._reports.put)

    def prepare(self) -> None:
        """Load the default model."""
        self._worker.prepare(self._options.model)

    def run(self, request: bytes, resume: bytes | None) -> Iterator[bytes]:
        """Yield the reports of one request, the last one being `Ended`."""
        order = pipe.Run(request=wire.decode(request, LoopRequest), resume=resume)
        threading.Thread(target=self._worker.make, args=(order,), daemon=True).start()
        while True:
            report = self._reports.get()
            yield wire.encode(report)
            if isinstance(report, pipe.Ended):
                return

    def stop(self, request_id: str, keep: bool) -> None:
        """Stop the request between two steps."""
        self._worker.stop(pipe.Stop(request_id=request_id, keep=keep))

    def status(self) -> bytes:
        """Return what the worker is at."""
        return wire.encode(self._worker.status())

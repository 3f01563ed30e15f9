"""Requests made by actors of a Ray cluster, one on each GPU: the same jobs and results as on one computer.

Start the cluster with `ray start --head` (and `ray start --address=...` on every other computer), then
`ditto-live engine --executor ray --workers 4`. Ray restarts an actor that dies; its request is reported as
lost, and the engine tries it again from its last saved state.
"""

import asyncio
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import structlog

from ...errors import EngineUnavailableError, MissingPackageError
from ...request import LoopRequest
from ...settings import ray_address
from .. import wire
from ..messages import EngineState
from . import pipe
from .executor import RESTART_SECONDS, SLOWEST_RESTART_SECONDS, START_TRIES, Listener, Lost, WorkerPool
from .worker_options import WorkerOptions

log = structlog.get_logger("ditto.cluster")

STATUS_SECONDS = 1.0
KNOCK_SECONDS = 5.0


def _ray() -> Any:
    from ...settings import go_offline

    go_offline()
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError(
            "The executor `ray` needs the package ray.", remedy="pip install 'ditto-live[cluster]'"
        ) from error
    return ray


def _knock(address: str) -> None:
    """Raise `OSError` where nothing answers at a cluster's address: Ray would try for minutes, without a word."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


_STARTING = pipe.WorkerStatus(state=EngineState.LOADING, sentence="The cluster is starting a worker.")


@dataclass(eq=False)
class _Actor:
    """One actor after another, seen from the engine; meets `Worker`.

    Threads: one waits for its reports and posts them to the loop.
    """

    ray: Any
    options: WorkerOptions
    listener: Listener
    handle: Any = None
    status: pipe.WorkerStatus = _STARTING
    request_id: str = ""
    failure: str = ""
    _failures: int = 0
    _closed: bool = False
    _asked: float = 0.0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    @property
    def is_free(self) -> bool:
        return not self.request_id and self.status.state is EngineState.READY and not self._closed

    def start(self) -> None:
        from .cluster_actor import RemoteWorker

        gpus = 1 if self.ray.cluster_resources().get("GPU", 0) else 0
        remote = self.ray.remote(num_cpus=1, num_gpus=gpus, max_concurrency=3)(RemoteWorker)
        self.status = _STARTING
        self.handle = remote.remote(wire.encode(self.options))
        self._on_thread(self._await_ready, self.handle)

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        self.request_id = request.request_id
        self._on_thread(self._follow, self.handle, request, resume)

    def stop(self, *, keep: bool) -> None:
        self.handle.stop.remote(self.request_id, keep)

    def kill(self, reason: str) -> None:
        log.warning("actor.killed", reason=reason)
        self.ray.kill(self.handle, no_restart=True)

    def close(self) -> None:
        self._closed = True
        if self.handle is not None:
            self.ray.kill(self.handle, no_restart=True)

    def check(self) -> None:
        if self.handle is not None and not self._closed and time.monotonic() - self._asked > STATUS_SECONDS:
            self._asked = time.monotonic()
            self._on_thread(self._fetch_status, self.handle)

    def _on_thread(self, work: Any, *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, daemon=True, name="ray-actor").start()

    def _await_ready(self, handle: Any) -> None:
        try:
            self.ray.get(handle.prepare.remote())
        except self.ray.exceptions.RayError as error:
            self._post(self._gone, handle, "", str(error))
            return
        self._post(self._ready, handle)

    def _follow(self, handle: Any, request: LoopRequest, resume: bytes | None) -> None:
        try:
            for reference in handle.run.options(num_returns="streaming").remote(wire.encode(request), resume):
                report = pipe.decode_report(self.ray.get(reference))
                self._post(self._take_in, handle, report)
        except self.ray.exceptions.RayError as error:
            self._post(self._gone, handle, request.request_id, type(error).__name__)

    def _fetch_status(self, handle: Any) -> None:
        try:
            status = wire.decode(self.ray.get(handle.status.remote(), timeout=10), pipe.WorkerStatus)
        except (self.ray.exceptions.RayError, TimeoutError):
            return  # the thread that follows its request will say so
        self._post(self._set_status, handle, status)

    def _post(self, call: Any, *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            return  # the engine has stopped

    def _ready(self, handle: Any) -> None:
        self._failures, self.failure = 0, ""
        self._set_status(handle, pipe.WorkerStatus(state=EngineState.READY))

    def _set_status(self, handle: Any, status: pipe.WorkerStatus) -> None:
        if handle is self.handle and (status.state is not EngineState.LOADING or self.status is not _STARTING):
            self.status = status

    def _take_in(self, handle: Any, report: pipe.Report) -> None:
        if handle is not self.handle or isinstance(report, pipe.WorkerStatus):
            return
        if isinstance(report, pipe.Ended):
            self.request_id, self.status = "", pipe.WorkerStatus(state=EngineState.READY, model=self.status.model)
        self.listener(report)

    def _gone(self, handle: Any, request_id: str, reason: str) -> None:
        if handle is not self.handle or self._closed:
            return
        log.warning("actor.gone", reason=reason, request_id=request_id)
        self.handle, self.request_id, self.status = None, "", _STARTING
        self._failures += not request_id
        if self._failures >= START_TRIES:
            self.failure = f"The cluster starts no worker: {reason[:300]}."
        self._loop.call_later(min(RESTART_SECONDS * 2**self._failures, SLOWEST_RESTART_SECONDS), self._again)
        if request_id:
            self.listener(
                Lost(request_id=request_id, sentence="The worker stopped in the middle of it: its actor was lost.")
            )

    def _again(self) -> None:
        if not self._closed:
            self.start()


class RayExecutor(WorkerPool[_Actor]):
    """Actors on a Ray cluster; meets `Executor`."""

    def __init__(self, options: WorkerOptions, *, workers: int = 1, address: str | None = None) -> None:
        super().__init__(workers)
        self._options, self._address = options, address

    def new_worker(self, listener: Listener) -> _Actor:
        """Return a worker whose actor is not created yet."""
        return _Actor(_ray(), self._options, listener)

    def start(self, listener: Listener) -> None:
        """Join the cluster (or make one of this computer) and create the actors; raises `EngineUnavailableError`."""
        ray = _ray()
        try:
            if not ray.is_initialized():
                _knock(self._address or ray_address())
                ray.init(address=self._address, log_to_driver=False, include_dashboard=False)
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EngineUnavailableError(
                f"The Ray cluster cannot be joined: {reason[:300]}",
                remedy="See that `ray start --head` runs, and that RAY_ADDRESS is its address or not set.",
            ) from error
        super().start(listener)

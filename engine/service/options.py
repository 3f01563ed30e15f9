"""The options of an engine that is a process of its own; as JSON they are its command line."""

import msgspec

from ..settings import DEFAULT_ENGINE_PORT, ExecutorKind
from .workers.worker_options import WorkerOptions


class EngineOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is run; `host` is the address that it listens on."""

    worker: WorkerOptions
    host: str = "127.0.0.1"
    port: int = DEFAULT_ENGINE_PORT
    executor: ExecutorKind = ExecutorKind.LOCAL
    workers: int = 1
    silent_seconds: float = 60.0  # as in `workers.local.Timeouts`
    step_seconds: float = 300.0
    tied: bool = False  # stop when standard input ends

"""The engine: a ZeroMQ ROUTER and a clock around the reception, whose scheduler has the queue and the workers.

Threads: one loop, one that checks keys, and one that folds the journal's log now and then. Nothing here waits for a
worker or a client; the journal's commits are the only pauses.
"""

import asyncio
import contextlib
import time

import structlog
import zmq

from .listener import Listener, Listening
from .queue.journal import Journal
from .reception import Reception, survived
from .wire import MAX_REQUEST_BYTES
from .workers.executor import Executor
from .workers.memory import MemoryWatch
from .workers.worker_options import Manner

log = structlog.get_logger("ditto.engine")

TICK_SECONDS = 0.25
SWEEP_SECONDS = 3_600.0
GRACE_SECONDS = 2.0  # for running requests to save themselves when the engine is told to stop
QUIET_SECONDS = 1.0  # without a new request the journal's log is folded, which keeps the disk busy
TIDY_SECONDS = 20.0  # and at the latest then
KEYS_SECONDS = 1.0  # between two looks at which keys are let in
# ZeroMQ limits a frame, not a message: beyond this the connections with their half messages are dropped.
MAX_GROWTH_BYTES = 4 * MAX_REQUEST_BYTES


class Engine:
    """The service of one journal; `serve` runs it until `stop`."""

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        *,
        version: str = "",
        manner: Manner | None = None,
        stop_seconds: float = 30.0,
        max_growth_bytes: int = MAX_GROWTH_BYTES,
    ) -> None:
        self.address = ""
        self.ready = asyncio.Event()
        self._journal = journal
        self._executor = executor
        self._reception = Reception(journal, executor, version, manner, stop_seconds=stop_seconds)
        self._scheduler = self._reception.scheduler
        self.status = self._reception.status
        self._stopping = asyncio.Event()
        self._memory = MemoryWatch(max_growth_bytes)

    async def serve(self, listening: Listening) -> None:
        """Bind and work until `stop`; raises `EngineUnavailableError` where no port is free."""
        with contextlib.ExitStack() as cleanup:
            context = zmq.Context()
            cleanup.callback(context.destroy, linger=0)
            cleanup.callback(listening.access.open(context))
            listener = Listener(context, listening, self._reception.receive)
            self._reception.send = listener.send
            self.address = listener.address
            cleanup.callback(listener.close)
            cleanup.callback(self._executor.close)
            self._scheduler.start()
            log.info("engine.ready", address=self.address, queued=self._scheduler.queued)
            self.ready.set()
            await self._tick(listener, listening)
            await self._wind_down()

    def stop(self) -> None:
        """Stop in order: what runs goes back to the queue with its last state."""
        self._stopping.set()

    async def _tick(self, listener: Listener, listening: Listening) -> None:
        swept = checked = time.monotonic()
        tidied = float("-inf")
        while not self._stopping.is_set():
            with survived("schedule"):
                self._scheduler.check()
                self._scheduler.schedule()
            now = time.monotonic()
            if now - self._reception.last_request_at > QUIET_SECONDS or now - tidied > TIDY_SECONDS:
                tidied = now
                await asyncio.get_running_loop().run_in_executor(None, self._journal.tidy)
            if now - swept > SWEEP_SECONDS:
                with survived("sweep"):
                    self._journal.sweep(time.time(), now - swept)
                swept = now
                self._reception.forget_silent(now)
            narrowed = now - checked > KEYS_SECONDS and listening.access.was_narrowed()
            checked = now if now - checked > KEYS_SECONDS else checked
            if narrowed or self._memory.has_swollen():
                log.warning("engine.hangs_up", why="a key was taken away" if narrowed else "half messages")
                self._reception.owners.clear()
                await listener.reopen()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def _wind_down(self) -> None:
        self._reception.announce_stop(time.monotonic())
        deadline = time.monotonic() + GRACE_SECONDS
        while self._scheduler.running.ids and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)  # the last frames leave the socket

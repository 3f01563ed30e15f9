"""The engine: a ZeroMQ ROUTER in front of the scheduler, which has the journal, the queue and the workers.

Threads: one loop, one that checks keys, and one that folds the journal's log now and then. Nothing here waits for a
worker or a client; the journal's commits are the only pauses.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator

import structlog
import zmq

from ..errors import BadRequestError, DittoError
from ..events import Event, Failed
from . import messages
from .listener import Listener, Listening
from .messages import AckEnd, AckTake, Cancel, EngineState, Hello, Job, Message, Resend, Said, Status, Submission
from .owners import Owners
from .queue.journal import Journal
from .queue.scheduler import Scheduler
from .transport import Frames
from .wire import MAX_REQUEST_BYTES
from .workers.executor import Executor
from .workers.memory import memory_bytes
from .workers.pipe import Standing
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
        self.engine_id = secrets.token_hex(8)
        self.address = ""
        self.ready = asyncio.Event()
        self._version, self._manner = version, manner
        self._journal = journal
        self._executor = executor
        self._scheduler = Scheduler(journal, executor, self._tell, stop_seconds=stop_seconds)
        self._owners = Owners()
        self._stopping = asyncio.Event()
        self._asked = 0.0  # when somebody last asked for a loop
        self._listener: Listener | None = None
        self._max_growth_bytes = max_growth_bytes
        self._usual_bytes = memory_bytes()

    async def serve(self, listening: Listening) -> None:
        """Bind and work until `stop`; raises `EngineUnavailableError` where no port is free."""
        with contextlib.ExitStack() as cleanup:
            context = zmq.Context()
            cleanup.callback(context.destroy, linger=0)
            cleanup.callback(listening.access.open(context))
            self._listener = Listener(context, listening, self._receive)
            self.address = self._listener.address
            cleanup.callback(self._listener.close)
            cleanup.callback(self._executor.close)
            self._scheduler.start()
            log.info("engine.ready", address=self.address, queued=self._scheduler.queued)
            self.ready.set()
            await self._tick(self._listener, listening)
            await self._wind_down()

    def stop(self) -> None:
        """Stop in order: what runs goes back to the queue with its last state."""
        self._stopping.set()

    async def _tick(self, listener: Listener, listening: Listening) -> None:
        swept = checked = time.monotonic()
        tidied = float("-inf")
        while not self._stopping.is_set():
            with _survived("schedule"):
                self._scheduler.check()
                self._scheduler.schedule()
            now = time.monotonic()
            if now - self._asked > QUIET_SECONDS or now - tidied > TIDY_SECONDS:
                tidied = now
                await asyncio.get_running_loop().run_in_executor(None, self._journal.tidy)
            if now - swept > SWEEP_SECONDS:
                with _survived("sweep"):
                    self._journal.sweep(time.time(), now - swept)
                swept = now
                for owner in self._owners.forget_silent(now):
                    self._scheduler.dispatch.forget(owner)
            narrowed = now - checked > KEYS_SECONDS and listening.access.was_narrowed()
            checked = now if now - checked > KEYS_SECONDS else checked
            if narrowed or self._has_swollen():
                log.warning("engine.hangs_up", why="a key was taken away" if narrowed else "half messages")
                self._owners.clear()
                await listener.reopen()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    def _has_swollen(self) -> bool:
        """Return whether memory has grown beyond all that our own messages could take."""
        if memory_bytes() - self._usual_bytes <= self._max_growth_bytes:
            return False
        self._usual_bytes = max(self._usual_bytes, memory_bytes() - self._max_growth_bytes // 2)
        return True

    async def _wind_down(self) -> None:
        self._scheduler.pause_all()
        for owner in self._owners.lately(time.monotonic()):
            self._tell(owner, self.status())
        deadline = time.monotonic() + GRACE_SECONDS
        while self._scheduler.running.ids and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)  # the last frames leave the socket

    def _receive(self, batch: list[Frames]) -> None:
        """Answer a batch of messages; all its submissions share one commit, and come first."""
        now = time.monotonic()
        submissions: list[Submission] = []
        others: list[Message] = []
        for identity, *frames in batch:
            try:
                message = _understood(frames)
            except BadRequestError as error:
                self._refuse(identity, error)
                continue
            self._owners.heard(message.owner, identity, now)
            if isinstance(message, Submission):
                submissions.append(message)
            else:
                others.append(message)
        if submissions:
            self._asked = now
            with _survived("accept"):
                self._accept(submissions)
        for other in others:
            with _survived("answer"):
                self._answer(other)
        with _survived("schedule"):
            self._scheduler.schedule()

    def _accept(self, submissions: list[Submission]) -> None:
        for submission, answer in zip(submissions, self._scheduler.accept(submissions), strict=True):
            self._tell(submission.owner, answer)
            entry = self._scheduler.entry_of(submission.owner, submission.request.request_id)
            if entry is not None and entry.status.is_finished:
                self._scheduler.resend(entry)

    def _answer(self, message: Message) -> None:
        match message:
            case Hello():
                if message.resume and self._owners.is_new_connection(message.owner):  # else all is on its way
                    self._scheduler.dispatch.resend_all(message.owner)
                self._tell(message.owner, self.status(message.owner))
            case Cancel():
                self._scheduler.cancel(message)
            case AckTake() | AckEnd():
                self._scheduler.acknowledge(message)
            case Resend():
                entry = self._scheduler.entry_of(message.owner, message.request_id)
                if entry is not None:
                    self._scheduler.resend(entry)

    def _tell(self, owner: str, message: Event | Status | Job) -> bool:
        """Send to a client; False when it is not there, and then it will ask again."""
        identity = self._owners.identity(owner)
        if identity is None or self._listener is None:
            return False
        whole = message if isinstance(message, Status | Job) else Said(event=message)
        return self._listener.send([identity, *messages.pack(whole)])

    def _refuse(self, identity: bytes, error: BadRequestError) -> None:
        failed = Failed(request_id="", code=error.code, sentence=error.sentence, remedy=error.remedy)
        if self._listener is not None:
            self._listener.send([identity, *messages.pack(Said(event=failed))])

    def status(self, owner: str = "") -> Status:
        """Return what the engine is doing, with the open requests of `owner`."""
        standings = self._executor.standings()
        shown = _most_telling(standings)
        trouble = self._executor.trouble()
        state = EngineState.NO_ENGINE if trouble else shown.state
        return Status(
            engine_id=self.engine_id,
            version=self._version,
            state=EngineState.STOPPING if self._stopping.is_set() else state,
            fraction=shown.fraction,
            sentence=trouble or shown.sentence or self._journal.remark,
            model=shown.model,
            queued=self._scheduler.queued,
            running=self._scheduler.running.ids,
            finished=self._scheduler.endings.finished,
            typical_seconds=self._scheduler.endings.typical_seconds,
            memory_bytes=memory_bytes(),
            worker_memory_bytes=sum(one.memory_bytes for one in standings),
            workers=self._executor.capacity,
            manner=self._manner,
            yours=self._scheduler.states(owner) if owner else {},
        )


def _understood(frames: Frames) -> messages.FromClient:
    """Return what a client says; raises `BadRequestError` for anything else."""
    size_bytes = sum(map(len, frames))
    if size_bytes > MAX_REQUEST_BYTES:
        raise BadRequestError(f"A message of {size_bytes:,} bytes is too long; {MAX_REQUEST_BYTES:,} is the most.")
    message = messages.unpack(frames)
    if not isinstance(message, messages.FromClient):
        raise BadRequestError("Only an engine sends such messages.")
    return message


@contextlib.contextmanager
def _survived(what: str) -> Iterator[None]:
    """Log whatever goes wrong and go on: one request that cannot be served must not end all others."""
    try:
        yield
    except DittoError as error:
        log.error("engine.trouble", what=what, error=error.sentence)
    except Exception:
        log.exception("engine.fault", what=what)


def _most_telling(standings: tuple[Standing, ...]) -> Standing:
    """Return the worker that works, else one that is ready, else one that loads."""
    for state in (EngineState.WORKING, EngineState.READY, EngineState.LOADING):
        for standing in standings:
            if standing.state is state:
                return standing
    return Standing(state=EngineState.LOADING, sentence="The worker is starting.")

"""Messages from clients in, answers out, without a socket or a clock."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator

import msgspec
import structlog

from ..errors import BadRequestError, DittoError
from ..events import Event, Failed
from . import messages
from .messages import (
    AckEnd,
    AckTake,
    Cancel,
    EngineState,
    EventMessage,
    Hello,
    Job,
    LeaveTake,
    Message,
    Resend,
    Status,
    Submission,
)
from .owners import Owners
from .queue.journal import Journal
from .queue.scheduler import Scheduler
from .transport import Frames
from .wire import MAX_REQUEST_BYTES
from .workers.executor import Executor
from .workers.memory import memory_bytes
from .workers.pipe import WorkerStatus
from .workers.worker_options import Manner

log = structlog.get_logger("ditto.engine")


class Reception:
    """Answers clients for the scheduler, which is its own. `send` sends frames; without it nobody is there yet.

    Threads: the loop's.
    """

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        version: str,
        manner: Manner | None = None,
        *,
        stop_seconds: float,
    ) -> None:
        self.engine_id = secrets.token_hex(8)
        self.owners = Owners()
        self.last_request_at = 0.0  # when somebody last asked for a loop, by a steady clock
        self.send: Callable[[Frames], bool] | None = None
        self.scheduler = Scheduler(journal, executor, self._deliver, stop_seconds=stop_seconds)
        self._journal, self._executor, self._version, self._manner = journal, executor, version, manner
        self._is_stopping = False

    def forget_silent(self, now: float) -> None:
        """Forget clients that have gone."""
        for owner in self.owners.forget_silent(now):
            self.scheduler.dispatch.forget(owner)

    def announce_stop(self, now: float) -> None:
        """Have what runs save itself, and tell the clients that are there that the engine stops."""
        self._is_stopping = True
        self.scheduler.pause_all()
        for owner in self.owners.lately(now):
            self._deliver(owner, self.status())

    def receive(self, batch: list[Frames]) -> None:
        """Answer a batch of messages; all its submissions share one commit, and come first."""
        now = time.monotonic()
        submissions: list[Submission] = []
        others: list[Message] = []
        for identity, *frames in batch:
            try:
                message = _message_of(frames)
            except BadRequestError as error:
                self._refuse(identity, error, _request_id_of(frames))
                continue
            self.owners.note(message.owner, identity, now)
            if isinstance(message, Submission):
                submissions.append(message)
            else:
                others.append(message)
        if submissions:
            self.last_request_at = now
            with survived("accept"):
                self._accept(submissions)
        for other in others:
            with survived("answer"):
                self._answer(other)
        with survived("schedule"):
            self.scheduler.schedule()

    def _accept(self, submissions: list[Submission]) -> None:
        for submission, answer in zip(submissions, self.scheduler.accept(submissions), strict=True):
            self._deliver(submission.owner, answer)
            entry = self.scheduler.entry_of(submission.owner, submission.request.request_id)
            if entry is not None and entry.status.is_finished:
                self.scheduler.resend(entry)

    def _answer(self, message: Message) -> None:
        match message:
            case Hello():
                if message.resume and self.owners.is_new_connection(message.owner):  # else all is on its way
                    self.scheduler.dispatch.resend_all(message.owner)
                self._deliver(message.owner, self.status(message.owner))
            case Cancel():
                self.scheduler.cancel(message)
            case AckTake() | AckEnd():
                self.scheduler.acknowledge(message)
            case LeaveTake():
                self.scheduler.leave(message)
            case Resend():
                if (entry := self.scheduler.entry_of(message.owner, message.request_id)) is not None:
                    self.scheduler.resend(entry)
                else:
                    self.scheduler.dispatch.unknown(message.owner, message.request_id)

    def _deliver(self, owner: str, message: Event | Status | Job) -> bool:
        """Send to a client; False when it is not there, and then it will ask again."""
        identity = self.owners.identity(owner)
        if identity is None or self.send is None:
            return False
        whole = message if isinstance(message, Status | Job) else EventMessage(event=message)
        return self.send([identity, *messages.pack(whole)])

    def _refuse(self, identity: bytes, error: BadRequestError, request_id: str) -> None:
        failed = Failed(request_id=request_id, code=error.code, sentence=error.sentence, remedy=error.remedy)
        if self.send is not None:
            self.send([identity, *messages.pack(EventMessage(event=failed))])

    def status(self, owner: str = "") -> Status:
        """Return what the engine is doing, with the open requests of `owner`."""
        statuses = self._executor.statuses()
        shown = _most_active(statuses)
        failure = self._executor.failure()
        state = EngineState.NO_ENGINE if failure else shown.state
        return Status(
            engine_id=self.engine_id,
            version=self._version,
            state=EngineState.STOPPING if self._is_stopping else state,
            fraction=shown.fraction,
            sentence=failure or shown.sentence or self._journal.remark,
            model=shown.model,
            queued=self.scheduler.queued,
            running=self.scheduler.running.ids,
            finished=self.scheduler.endings.finished,
            typical_seconds=self.scheduler.endings.typical_seconds,
            memory_bytes=memory_bytes(),
            worker_memory_bytes=sum(one.memory_bytes for one in statuses),
            workers=self._executor.capacity,
            manner=self._manner,
            yours=self.scheduler.states(owner) if owner else {},
        )


def _message_of(frames: Frames) -> messages.FromClient:
    """Return what a client says; raises `BadRequestError` for anything else."""
    size_bytes = sum(map(len, frames))
    if size_bytes > MAX_REQUEST_BYTES:
        raise BadRequestError(f"A message of {size_bytes:,} bytes is too long; {MAX_REQUEST_BYTES:,} is the most.")
    message = messages.unpack(frames)
    if not isinstance(message, messages.FromClient):
        raise BadRequestError("Only an engine sends such messages.")
    return message


class _Named(msgspec.Struct, frozen=True):
    request_id: messages.Name


class _Asking(msgspec.Struct, frozen=True):
    request: _Named


def _request_id_of(frames: Frames) -> str:
    """Return whose refusal ends a request: the id in a submission that is wrong elsewhere, else an empty text."""
    if len(frames) < 3 or frames[1] != b"submit":
        return ""
    try:
        return msgspec.msgpack.decode(frames[2], type=_Asking).request.request_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""


@contextlib.contextmanager
def survived(what: str) -> Iterator[None]:
    """Log whatever goes wrong and go on: one request that cannot be served must not end all others."""
    try:
        yield
    except DittoError as error:
        log.error("engine.trouble", what=what, error=error.sentence)
    except Exception:
        log.exception("engine.fault", what=what)


def _most_active(statuses: tuple[WorkerStatus, ...]) -> WorkerStatus:
    """Return the worker that works, else one that is ready, else one that loads."""
    for state in (EngineState.WORKING, EngineState.READY, EngineState.LOADING):
        for status in statuses:
            if status.state is state:
                return status
    return WorkerStatus(state=EngineState.LOADING, sentence="The worker is starting.")

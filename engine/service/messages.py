"""Messages between clients and the engine over ZeroMQ: types, and their frames.

A message is the frames `[version, kind, body]`, and a fourth with float32 samples where the body is a take,
its stems or a preview. Bodies are msgpack of exactly one of our types (`engine.service.wire`); every field has a limit.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from ..errors import BadRequestError
from ..events import Event, Preview, Stems, Take
from ..request import MAX_COUNT, LoopRequest
from . import wire
from .workers.worker_options import Manner

VERSION = b"ditto%d" % wire.PROTOCOL_VERSION

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+\Z")]
Label = Annotated[str, msgspec.Meta(max_length=200)]
MAX_REMARKS, MAX_REMARK_CHARACTERS = 1_000, 10_000
Remarks = Annotated[
    tuple[Annotated[str, msgspec.Meta(max_length=MAX_REMARK_CHARACTERS)], ...], msgspec.Meta(max_length=MAX_REMARKS)
]


class Priority(StrEnum):
    """Which queue a request waits in; interactive ones pass batch ones."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class EngineState(StrEnum):
    """The activity of an engine, or of one of its workers."""

    NO_ENGINE = "no_engine"  # no worker can be started
    LOADING = "loading"
    READY = "ready"
    WORKING = "working"
    STOPPING = "stopping"


class RequestStatus(StrEnum):
    """How far the engine is with a request."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"  # its end is known, and not everything of it is acknowledged
    ANSWERED = "answered"  # its client has everything

    @property
    def is_finished(self) -> bool:
        """Whether it has an end."""
        return self in (RequestStatus.FINISHED, RequestStatus.ANSWERED)


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common form of all messages."""


class Hello(_Message, frozen=True):
    """A client is there, sent every second: the answer is `Status`.

    `owner` is the client's lasting name, long and random, for whoever knows it gets its results. With
    `resume` the engine also sends, for every request of this owner that is not acknowledged, a `Job`, the
    stored takes and the end.
    """

    owner: Name
    resume: bool = False


class Submission(_Message, frozen=True):
    """A request to be made; sent again unchanged until it is answered, it is made once.

    `tag` is the client's own and comes back with `Job`, as do its `remarks`: what it has said to the producer of this
    request, such as the seed that was chosen. Interactive requests pass batch ones.
    """

    request: LoopRequest
    owner: Name
    tag: Label = ""
    priority: Priority = Priority.INTERACTIVE
    remarks: Remarks = ()


class Cancel(_Message, frozen=True):
    """Stop a request of this owner; the best take so far is still sent."""

    request_id: Name
    owner: Name


class AckTake(_Message, frozen=True):
    """A take, with its stems where the request asked for them, is safe at the client's side; `take` counts from 0."""

    request_id: Name
    owner: Name
    take: Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT - 1)]


class LeaveTake(_Message, frozen=True):
    """A take has arrived and could not be stored: the engine keeps it, and has room on the way for others."""

    request_id: Name
    owner: Name
    take: Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT - 1)]


class AckEnd(_Message, frozen=True):
    """The end of a request has arrived, and all its takes are safe."""

    request_id: Name
    owner: Name


class Resend(_Message, frozen=True):
    """Send what is stored of a request once more."""

    request_id: Name
    owner: Name


class Job(_Message, frozen=True):
    """A request that the engine holds for a client that has just come (back).

    `remarks` are what was said of it, each once: the client's own first, then the engine's.
    """

    request: LoopRequest
    tag: Label
    created: float  # seconds since 1970
    finished: bool
    remarks: tuple[str, ...] = ()


class Status(_Message, frozen=True):
    """The engine's state; `yours` has the owner's open requests."""

    engine_id: str
    version: str
    state: EngineState
    fraction: float = -1.0  # of loading, 0..1
    sentence: str = ""
    model: str = ""
    queued: int = 0
    running: tuple[str, ...] = ()
    finished: int = 0  # since the engine was started
    typical_seconds: float | None = None  # median of the last 20 jobs, start to end
    memory_bytes: int = 0  # the engine
    worker_memory_bytes: int = 0  # all workers
    workers: int = 0
    manner: Manner | None = None  # how its workers make sound
    yours: dict[str, RequestStatus] = {}


class EventMessage(_Message, frozen=True):
    """An event of a request."""

    event: Event


Message = Hello | Submission | Cancel | AckTake | LeaveTake | AckEnd | Resend | Job | Status | EventMessage
KINDS: dict[bytes, type[Message]] = {
    b"hello": Hello,
    b"submit": Submission,
    b"cancel": Cancel,
    b"ack_take": AckTake,
    b"leave_take": LeaveTake,
    b"ack_end": AckEnd,
    b"resend": Resend,
    b"job": Job,
    b"status": Status,
    b"event": EventMessage,
}
_NAMES = {kind: name for name, kind in KINDS.items()}
FromClient = Hello | Submission | Cancel | AckTake | LeaveTake | AckEnd | Resend


def bounded(remarks: Iterable[str]) -> tuple[str, ...]:
    """Return remarks as a submission may carry them: too long ones are cut, and those behind too many left out."""
    return tuple(one[:MAX_REMARK_CHARACTERS] for one in remarks)[:MAX_REMARKS]


def pack(message: Message) -> list[bytes]:
    """Return the frames of `message`."""
    frames = [VERSION, _NAMES[type(message)]]
    if not isinstance(message, EventMessage):
        return [*frames, wire.encode(message)]
    event = message.event
    if isinstance(event, Stems):
        return [*frames, wire.encode(msgspec.structs.replace(event, samples=b"")), event.samples]
    if not isinstance(event, Take | Preview):
        return [*frames, wire.encode(event)]
    bare = msgspec.structs.replace(event, sound=msgspec.structs.replace(event.sound, samples=b""))
    return [*frames, wire.encode(bare), event.sound.samples]


def unpack(frames: Sequence[bytes]) -> Message:
    """Return the message that `frames` hold; raise `BadRequestError` for anything else."""
    if not frames or frames[0] != VERSION:
        found = bytes(frames[0][:16]) if frames else b""
        raise BadRequestError(
            f"The other side speaks {found!r}; this one speaks {VERSION.decode()}.",
            remedy="Install the same version of Ditto Live on both sides.",
        )
    if not 3 <= len(frames) <= 4 or frames[1] not in KINDS:
        raise BadRequestError(
            f"A message of {len(frames)} frames and kind {bytes(frames[1:2][0][:16])!r} is unknown."
            if len(frames) > 1
            else "A message without a kind is unknown."
        )
    kind = KINDS[frames[1]]
    if kind is EventMessage:
        return EventMessage(event=_event(frames))
    if len(frames) != 3:
        raise BadRequestError(f"A {frames[1].decode()} message has three frames.")
    return wire.decode(frames[2], kind)


def _event(frames: Sequence[bytes]) -> Event:
    event = wire.decode_event(frames[2])
    if not isinstance(event, Take | Preview | Stems):
        return event
    if len(frames) != 4:
        raise BadRequestError("A take without its frame of samples is unknown.")
    if isinstance(event, Stems):
        return msgspec.structs.replace(event, samples=bytes(frames[3]))
    return msgspec.structs.replace(event, sound=msgspec.structs.replace(event.sound, samples=bytes(frames[3])))

"""What a session wants done by whoever has the sockets and the disk."""

from dataclasses import dataclass, field

from engine.events import Preview, Scores, Stems, Take
from engine.request import LoopRequest
from engine.service.messages import Priority

from ..osc.assembly import Assembly


@dataclass(frozen=True, slots=True)
class Delivered:
    """A take that lies on disk for good."""

    take_id: str
    take: int
    path: str
    bars: int
    tempo_bpm: str
    time_signature: str
    samples: int
    sample_rate: int
    scores: Scores = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stems: tuple[tuple[str, str], ...] = ()  # layer and path


@dataclass(frozen=True, slots=True)
class Send:
    """Send a datagram to a device."""

    host: str
    port: int
    datagram: bytes


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make a request of what has arrived, reading the files it names; answer with `prepared` or `refused`."""

    request_id: str
    instance: str
    assembly: Assembly


@dataclass(frozen=True, slots=True)
class Submit:
    """Give a request to the engine."""

    request: LoopRequest
    tag: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Ask the engine to stop a request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class AcknowledgeTake:
    """Tell the engine that a take is on disk."""

    request_id: str
    take: int


@dataclass(frozen=True, slots=True)
class LeaveTake:
    """Tell the engine that a take could not be written, and is to stay there."""

    request_id: str
    take: int


@dataclass(frozen=True, slots=True)
class AcknowledgeEnd:
    """Tell the engine that the end of a request has arrived and all its takes are on disk."""

    request_id: str


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Ask the engine for what it still has of a request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class WriteTake:
    """Write a take; answer with `written` or `refused`. `again` if it may be there from before."""

    request: LoopRequest
    take: Take
    again: bool
    stems: Stems | None = None


@dataclass(frozen=True, slots=True)
class WritePreview:
    """Write an early listen; answer with `previewed`."""

    request: LoopRequest
    preview: Preview


@dataclass(frozen=True, slots=True)
class FindTakes:
    """Look up the takes of a request that was delivered before; answer with `found`."""

    request_id: str


@dataclass(frozen=True, slots=True)
class DropPreviews:
    """Delete a request's early listens."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Favourite:
    """Mark a take."""

    take_id: str
    on: bool


Stamp = tuple[int, int]  # when a file was changed, in nanoseconds, and its size in bytes


@dataclass(frozen=True, slots=True)
class LookAtLane:
    """Look whether a saved set has changed, and read a lane of it; answer with `seen`."""

    nonce: str
    lane: str
    beats: str
    known: Stamp | None  # the file as it was read; None if it never was


Effect = (
    Send
    | Prepare
    | Submit
    | CancelJob
    | AcknowledgeTake
    | AcknowledgeEnd
    | LeaveTake
    | AskAgain
    | WriteTake
    | WritePreview
    | FindTakes
    | DropPreviews
    | Favourite
    | LookAtLane
)

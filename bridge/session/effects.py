"""The effects that a session asks for; the code with the sockets and the disk does them."""

from dataclasses import dataclass, field

from engine.events import Preview, Scores, Stems, Take
from engine.request import LoopRequest
from engine.service.messages import AckEnd, AckTake, LeaveTake, Priority, Resend

from ..osc.assembly import Assembly


@dataclass(frozen=True, slots=True)
class Delivered:
    """A take that lies on disk for good: `path` of its WAV, `samples` per channel, `sample_rate` in Hz."""

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
    """Read a request from its pieces and the files that it names; answer with `prepared` or `refused`."""

    request_id: str
    instance: str
    assembly: Assembly


@dataclass(frozen=True, slots=True)
class Submit:
    """Give a request to the engine, with the sentences that were said of it."""

    request: LoopRequest
    tag: str
    priority: Priority
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Ask the engine to stop a request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class NotifyEngine:
    """Send the engine a message of this kind about a request, and about one of its takes where the kind has one."""

    kind: type[AckTake | LeaveTake | AckEnd | Resend]
    request_id: str
    take: int | None = None


@dataclass(frozen=True, slots=True)
class WriteTake:
    """Write a take; answer with `written` or `not_written`. `may_exist` if it may be there from before.

    `remarks` are sentences about its request.
    """

    request: LoopRequest
    take: Take
    may_exist: bool
    stems: Stems | None = None
    remarks: tuple[str, ...] = ()


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
    """Mark a take; answer with `not_marked` where that cannot be done. `nonce` is of the client that asks."""

    take_id: str
    on: bool
    nonce: str = ""


Stamp = tuple[int, int]  # when a file was changed, in nanoseconds, and its size in bytes


@dataclass(frozen=True, slots=True)
class CheckLane:
    """Look whether a saved set has changed, and read a lane of it; answer with `lane_seen`."""

    nonce: str
    lane: str
    beats: str
    known: Stamp | None  # the file as it was read; None if it never was


Effect = (
    Send
    | Prepare
    | Submit
    | CancelJob
    | NotifyEngine
    | WriteTake
    | WritePreview
    | FindTakes
    | DropPreviews
    | Favourite
    | CheckLane
)

"""What the session keeps of a device, and of a request from its commit on."""

from dataclasses import dataclass, field

from engine.errors import DittoError
from engine.events import Final, Progress
from engine.request import LoopRequest

from ..osc import outgoing
from .effects import Delivered


@dataclass(slots=True)
class Device:
    """A loaded device and where it listens."""

    instance: str
    nonce: str
    host: str
    port: int
    seen: float


@dataclass(slots=True)
class Track:
    """A committed request. `said` are the datagrams that a repeated commit is answered with."""

    request_id: str
    instance: str
    nonce: str
    request: LoopRequest | None = None
    again: bool = False  # taken up after a restart: its takes may be on disk
    notes: tuple[str, ...] = ()
    accepted: bytes = b""
    progress: Progress | None = None
    progress_heard: float = 0.0
    progress_sent: float = 0.0
    previews: bool = False  # some may lie on disk
    writing: set[int] = field(default_factory=set)
    takes: dict[int, Delivered] = field(default_factory=dict)
    final: Final | None = None
    end: bytes = b""
    ended: float = 0.0
    unwritten: DittoError | None = None  # why a take is not on disk; the engine keeps it
    seen: bool = False
    repeats: int = 0
    repeat_at: float = float("inf")

    def said(self) -> list[bytes]:
        """Return everything that still matters, in order."""
        takes = [outgoing.take(self.request_id, made) for _, made in sorted(self.takes.items())]
        return [datagram for datagram in (self.accepted, *takes, self.end) if datagram]

"""The state that a session keeps of an OSC client, and of a request from its commit on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import DittoError
from engine.events import Accepted, Final, Progress
from engine.request import LoopRequest

from ..osc import outgoing
from ..takes.parts import TakeParts
from .effects import Delivered


@dataclass(slots=True)
class ClientState:
    """An OSC client, such as a loaded device, and where it listens.

    `seen` is when it last said hello, in seconds of a steady clock; `signs` says whether its pieces carry its nonce.
    """

    instance: str
    nonce: str
    host: str
    port: int
    seen: float
    signs: bool = True


class RequestPhase(StrEnum):
    """How far a committed request is, seen from the bridge."""

    PREPARING = "preparing"  # its files are read
    CANCELLED = "cancelled"  # meanwhile it was cancelled, and is not to be submitted
    SUBMITTED = "submitted"  # the engine has it
    ENDED = "ended"  # its end is known, and its takes are on disk


@dataclass(slots=True)
class RequestState:
    """A committed request. `said` are the datagrams that a repeated commit is answered with."""

    request_id: str
    instance: str
    nonce: str
    phase: RequestPhase = RequestPhase.PREPARING
    request: LoopRequest | None = None  # it may hold megabytes, and goes when its end is known
    resumed: bool = False  # taken up after a restart: its takes may be on disk
    notes: tuple[str, ...] = ()
    accepted: bytes = b""
    progress: Progress | None = None
    progress_received: float = 0.0
    progress_sent: float = 0.0
    previews: bool = False  # some may lie on disk
    parts: TakeParts = field(default_factory=lambda: TakeParts(asks_stems=False))
    writing: set[int] = field(default_factory=set)  # takes on their way to the disk
    is_searched: bool = False  # its takes are looked for on disk
    takes: dict[int, Delivered] = field(default_factory=dict)
    final: Final | None = None
    end: bytes = b""
    ended_at: float = float("inf")
    unwritten: DittoError | None = None  # why a take is not on disk; the engine keeps it
    seen: bool = False
    repeats: int = 0
    repeat_at: float = float("inf")

    @property
    def is_ended(self) -> bool:
        """Whether its end was sent."""
        return self.phase is RequestPhase.ENDED

    def said(self) -> list[bytes]:
        """Return the datagrams that answer a repeated commit, in order: the acceptance, the takes, the end."""
        takes = [said for _, made in sorted(self.takes.items()) for said in outgoing.landed(self.request_id, made)]
        return [datagram for datagram in (self.accepted, *takes, self.end) if datagram]

    def end_with(self, end: bytes, now: float, repeat_seconds: float) -> None:
        """Note the datagram of the end; it is due again in `repeat_seconds`, unless the client has seen it by then."""
        self.phase, self.end = RequestPhase.ENDED, end
        self.ended_at, self.repeat_at = now, now + repeat_seconds

    def resume(self, request: LoopRequest, remarks: tuple[str, ...]) -> None:
        """Go on with a request that the engine holds, and of which `remarks` were said; its takes may be on disk."""
        if self.phase is RequestPhase.PREPARING:
            self.phase = RequestPhase.SUBMITTED
        self.request, self.resumed = request, True
        self.parts = TakeParts(asks_stems=request.stems)
        self._note(remarks)
        if self.unwritten is not None:  # perhaps the disk has room now
            self.reopen()

    def accept(self, event: Accepted) -> bytes:
        """Add the engine's sentences to what was said of the request, and return the datagram that it is accepted."""
        self._note(event.notes)
        self.accepted = outgoing.accepted(event, self.notes)
        return self.accepted

    def _note(self, sentences: Iterable[str]) -> None:
        """Add sentences to what was said of the request, each once."""
        self.notes = tuple(dict.fromkeys((*self.notes, *sentences)))

    def reopen(self) -> None:
        """Wait for the takes once more: the engine still has one that could not be written."""
        self.phase, self.unwritten, self.final = RequestPhase.SUBMITTED, None, None
        self.ended_at = self.repeat_at = float("inf")
        self.end, self.seen, self.repeats = b"", False, 0

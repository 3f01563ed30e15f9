"""One client's side of the talk with the engine, without I/O: what to send, what has arrived, what to ask again.

A submission is repeated until it is answered; after that the engine's journal holds it. A hello goes out
every second; the status that answers it shows what the engine still has for us, and what did not arrive is
asked for again. So nothing is lost whichever side dies.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.errors import BadInputError, BadRequestError
from engine.events import Accepted, Event, Failed, Final
from engine.service import messages
from engine.service.messages import (
    AckEnd,
    AckTake,
    Cancel,
    EventMessage,
    Hello,
    Job,
    LeaveTake,
    Message,
    RequestStatus,
    Resend,
    Status,
    Submission,
)
from engine.service.wire import MAX_REQUEST_BYTES

HELLO_SECONDS = 1.0
REPEAT_SECONDS = 1.0
SILENT_SECONDS = 3.5  # without a status the engine counts as away

Outgoing = list[bytes]


def new_owner() -> str:
    """Return a name for a client: long and random, since whoever knows it gets its results."""
    return secrets.token_hex(16)


@dataclass(slots=True)
class _Open:
    """A request that is under way."""

    frames: list[bytes] | None  # the submission, until it is answered
    repeat_at: float
    cancelled: bool = False
    stale_at: float = float("inf")

    def is_stale(self, status: RequestStatus | None, now: float) -> bool:
        """Whether the engine has had the request's end for so long that it is not on the way, but lost."""
        if status is not RequestStatus.FINISHED:
            self.stale_at = float("inf")
        elif self.stale_at == float("inf"):
            self.stale_at = now + 2 * HELLO_SECONDS
        elif now > self.stale_at:
            self.stale_at = float("inf")
            return True
        return False


@dataclass(slots=True)
class Link:
    """State of one client. Times are seconds of any steady clock; `take_out` empties the outbox."""

    owner: str
    status: Status | None = None
    version_error: str = ""  # what the other side said that was not understood
    _open: dict[str, _Open] = field(default_factory=dict)
    _outbox: list[Outgoing] = field(default_factory=list)
    _hello_at: float = 0.0
    _answered_at: float = float("-inf")
    _engine_id: str = ""

    def is_alive(self, now: float) -> bool:
        """Return whether the engine has answered lately."""
        return now - self._answered_at < SILENT_SECONDS

    @property
    def open_requests(self) -> tuple[str, ...]:
        """Requests without an end yet."""
        return tuple(self._open)

    def take_out(self) -> list[Outgoing]:
        """Return what is to be sent now."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def submit(self, submission: Submission, now: float) -> None:
        """Ask for a request, again and again until it is answered; raises `BadInputError` for one that is too long."""
        frames = messages.pack(submission)
        size_bytes = sum(map(len, frames))
        if size_bytes > MAX_REQUEST_BYTES:
            raise BadInputError(
                f"With its reference audio this request takes {size_bytes / 2**20:,.0f} MB; "
                f"{MAX_REQUEST_BYTES // 2**20} MB is the most.",
                remedy="Use shorter files, or files of a lower sample rate.",
            )
        self._open[submission.request.request_id] = _Open(frames, now + REPEAT_SECONDS)
        self._outbox.append(frames)

    def cancel(self, request_id: str, now: float) -> None:
        """Ask to stop a request, again and again until it has an end."""
        found = self._open.setdefault(request_id, _Open(None, now))
        found.cancelled, found.repeat_at = True, now + REPEAT_SECONDS
        self._send(Cancel(request_id=request_id, owner=self.owner))

    def notify(
        self, kind: type[AckTake | LeaveTake | AckEnd | Resend], request_id: str, take: int | None = None
    ) -> None:
        """Say, once, that a take or an end is safe or is not, or that a request is to be sent again."""
        about: dict[str, int] = {} if take is None else {"take": take}
        self._send(kind(request_id=request_id, owner=self.owner, **about))

    def receive(self, batch: Sequence[Sequence[bytes]], now: float) -> Iterator[Event | Job | Status]:
        """Yield what a batch of messages says; what is not ours to hear becomes a `Failed` without request."""
        for frames in batch:
            try:
                message = messages.unpack(frames)
            except BadRequestError as error:
                if not frames or frames[0] != messages.VERSION:
                    self.version_error = error.sentence
                yield Failed(request_id="", code=error.code, sentence=error.sentence, remedy=error.remedy)
                continue
            match message:
                case Status():
                    self._answered_at, self.version_error = now, ""
                    yield from self._compare(message, now)
                case Job():
                    self._open.setdefault(message.request.request_id, _Open(None, float("inf"))).frames = None
                    yield message
                case EventMessage():
                    self._note(message.event)
                    yield message.event

    def tick(self, now: float) -> None:
        """Send what is due: call it a few times a second."""
        if now >= self._hello_at:
            self._hello_at = now + HELLO_SECONDS
            fresh = not self.is_alive(now) or not self._engine_id
            self._send(Hello(owner=self.owner, resume=fresh))
        for request_id, open_ in self._open.items():
            self._repeat(request_id, open_, now)

    def _repeat(self, request_id: str, open_: _Open, now: float) -> None:
        if now < open_.repeat_at:
            return
        open_.repeat_at = now + REPEAT_SECONDS
        if open_.frames is not None:
            self._outbox.append(open_.frames)
        elif open_.cancelled:
            self._send(Cancel(request_id=request_id, owner=self.owner))
        else:
            open_.repeat_at = float("inf")

    def _compare(self, status: Status, now: float) -> Iterator[Status]:
        """Compare what the engine has with what we wait for."""
        if self._engine_id and status.engine_id != self._engine_id:  # it was started anew and knows us not
            self._send(Hello(owner=self.owner, resume=True))
        self._engine_id, self.status = status.engine_id, status
        for request_id, open_ in self._open.items():
            if open_.is_stale(status.yours.get(request_id), now):
                self._send(Resend(request_id=request_id, owner=self.owner))
        yield status

    def _note(self, event: Event) -> None:
        open_ = self._open.get(event.request_id)
        if isinstance(event, Final):
            self._open.pop(event.request_id, None)
        elif isinstance(event, Accepted) and open_ is not None:
            open_.frames = None

    def _send(self, message: Message) -> None:
        self._outbox.append(messages.pack(message))

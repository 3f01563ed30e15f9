"""Messages to clients, no faster than they can store takes; all that matters lies in the journal meanwhile."""

from collections import defaultdict
from collections.abc import Callable

from ...errors import BadRequestError
from ...events import Event, Failed, Final, Preview, Stems, Take
from .. import wire
from ..messages import Job, RequestStatus
from .journal import Entry, Journal
from .send_window import SendWindow

# Beside the sound and the noise a take has scores and a record; they take kilobytes.
MAX_TAKE_BYTES = wire.MAX_MESSAGE_BYTES - 2**20

Deliver = Callable[[str, Event | Job], object]


class Dispatch:
    """Passes events to `deliver(owner, event)`, which may fail: a client asks again for what it misses.

    Takes go out while the owner's window is open. One that does not fit waits in the journal, and the end of its
    request with it; both follow when another take is acknowledged. Threads: the loop's.
    """

    def __init__(self, journal: Journal, deliver: Deliver) -> None:
        self._journal = journal
        self._deliver = deliver
        self._windows: defaultdict[str, SendWindow] = defaultdict(SendWindow)

    def event(self, owner: str, event: Event) -> None:
        """Tell what has just happened; takes and ends are in the journal already."""
        window = self._windows[owner]
        match event:
            case Take() if window.is_deferred(event.request_id) or not window.is_open():
                window.defer(event.request_id)
            case Take():
                self._send(owner, window, event)
            case Stems() if self._waits(window, event):
                return  # they follow their take
            case Stems():
                self._send_stems(owner, window, event)
            case Preview() if not window.is_open():
                return  # an early listen is worth nothing later
            case _ if isinstance(event, Final) and window.is_deferred(event.request_id):
                return
            case _:
                self._deliver(owner, event)

    def acknowledged(self, owner: str, request_id: str, take: int) -> None:
        """Note that a take has arrived at its owner's side, stored or not, which makes room for others."""
        self._windows[owner].acknowledged(request_id, take)
        self._send_deferred(owner)

    def unknown(self, owner: str, request_id: str) -> None:
        """Tell a client that a request which it names is not known, or not any more."""
        self._deliver(owner, _unknown(request_id))

    def check(self) -> None:
        """Send what waits where a window has opened by itself, since what was sent seems to be lost."""
        for owner in [owner for owner, window in self._windows.items() if window.deferred]:
            self._send_deferred(owner)

    def forget(self, owner: str) -> None:
        """Drop what is known of a client that has gone; it asks for everything when it is back."""
        self._windows.pop(owner, None)

    def resend(self, entry: Entry) -> None:
        """Tell a request, its stored takes and its end; of one that was acknowledged only the end is left."""
        window = self._windows[entry.owner]
        if window.is_deferred(entry.request_id):
            return  # it is on its way, and its turn comes
        window.lost(entry.request_id)
        self._defer(entry)
        self._send_deferred(entry.owner)

    def resend_all(self, owner: str) -> None:
        """Tell a client that has just come everything that it has not acknowledged."""
        self._windows.pop(owner, None)
        for entry in self._journal.unanswered(owner):
            self._defer(entry)
        self._send_deferred(owner)

    def _defer(self, entry: Entry) -> None:
        """Tell the request itself, and have the rest wait for its turn."""
        if entry.status is not RequestStatus.ANSWERED and (request := self._journal.request(entry.request_id)):
            finished = self._journal.final(entry.request_id) is not None
            remarks = self._journal.remarks.of(entry.request_id)
            job = Job(request=request, tag=entry.tag, created=entry.created, finished=finished, remarks=remarks)
            self._deliver(entry.owner, job)
        self._windows[entry.owner].defer(entry.request_id)

    def _send_deferred(self, owner: str) -> None:
        window = self._windows[owner]
        for request_id in window.deferred:
            if not self._send_rest(owner, window, request_id):
                return

    def _send_rest(self, owner: str, window: SendWindow, request_id: str) -> bool:
        """Send the takes that wait, and then the end; return False where the window closes on the way."""
        for number in self._journal.results.take_numbers(request_id):
            if window.is_in_flight(request_id, number):
                continue
            if not window.is_open():
                return False
            if (take := self._take(request_id, number)) is not None:
                self._send(owner, window, take)
                if (stems := self._journal.results.stems(request_id, number)) is not None:
                    self._send_stems(owner, window, stems)
        window.release(request_id)
        if (final := self._journal.final(request_id)) is not None:
            self._deliver(owner, final)
        return True

    def _take(self, request_id: str, number: int) -> Take | None:
        """Return a stored take; one that cannot be read or sent is set aside, and its request ends as failed."""
        try:
            take = self._journal.results.take(request_id, number)
            if take is not None and size_bytes(take) > MAX_TAKE_BYTES:
                raise BadRequestError(f"Take {number} is larger than a message may be.")
        except BadRequestError as error:
            self._journal.results.set_aside_take(request_id, number)
            self._journal.set_aside(request_id, f"take {number}", b"", error)
            return None
        return take

    def _waits(self, window: SendWindow, stems: Stems) -> bool:
        """Return whether the take that the stems belong to is still to be sent."""
        if window.is_in_flight(stems.request_id, stems.take):
            return False
        return stems.take in self._journal.results.take_numbers(stems.request_id)

    def _send_stems(self, owner: str, window: SendWindow, stems: Stems) -> None:
        window.also_sent(stems.request_id, stems.take, len(stems.samples))
        self._deliver(owner, stems)

    def _send(self, owner: str, window: SendWindow, take: Take) -> None:
        window.sent(take.request_id, take.take, size_bytes(take))
        self._deliver(owner, take)


def _unknown(request_id: str) -> Failed:
    return Failed(
        request_id=request_id,
        code="unknown_request",
        sentence=f"The engine has no request {request_id}.",
        remedy="It ended long ago, or another engine had it: ask for the loop anew.",
    )


def size_bytes(take: Take) -> int:
    """Return about how long a take is on the wire."""
    return len(take.sound.samples) + len(take.noise)

"""What clients are told, no faster than they can keep it; all that matters lies in the journal meanwhile."""

from collections import defaultdict
from collections.abc import Callable

from ...events import Event, Final, Preview, Take
from ..messages import Job
from .journal import Entry, Journal
from .window import Window

Tell = Callable[[str, Event | Job], object]


class Dispatch:
    """Passes events to `tell(owner, event)`, which may fail: a client asks again for what it misses.

    Takes go out while the owner's window is open. One that does not fit waits in the journal, and the end of its
    request with it; both follow when another take is safe. Threads: the loop's.
    """

    def __init__(self, journal: Journal, tell: Tell) -> None:
        self._journal = journal
        self._tell = tell
        self._windows: defaultdict[str, Window] = defaultdict(Window)

    def event(self, owner: str, event: Event) -> None:
        """Tell what has just happened; takes and ends are in the journal already."""
        window = self._windows[owner]
        match event:
            case Take() if window.holds(event.request_id) or not window.is_open():
                window.hold(event.request_id)
            case Take():
                self._send(owner, window, event)
            case Preview() if not window.is_open():
                return  # an early listen is worth nothing later
            case _ if isinstance(event, Final) and window.holds(event.request_id):
                return
            case _:
                self._tell(owner, event)

    def safe(self, owner: str, request_id: str, take: int) -> None:
        """Note that a take is at its owner's side, which makes room for others."""
        self._windows[owner].safe(request_id, take)
        self._send_held(owner)

    def check(self) -> None:
        """Send what waits where a window has opened by itself, since what was sent seems to be lost."""
        for owner in [owner for owner, window in self._windows.items() if window.held]:
            self._send_held(owner)

    def again(self, entry: Entry) -> None:
        """Tell a request, its stored takes and its end; of one that was acknowledged only the end is left."""
        window = self._windows[entry.owner]
        if window.holds(entry.request_id):
            return  # it is on its way, and its turn comes
        window.lost(entry.request_id)
        self._hold(entry)
        self._send_held(entry.owner)

    def all_again(self, owner: str) -> None:
        """Tell a client that has just come everything that it has not acknowledged."""
        self._windows.pop(owner, None)
        for entry in self._journal.unanswered(owner):
            self._hold(entry)
        self._send_held(owner)

    def _hold(self, entry: Entry) -> None:
        """Tell the request itself, and have the rest wait for its turn."""
        if entry.state != "answered":
            finished = self._journal.final(entry.request_id) is not None
            request = self._journal.request(entry.request_id)
            self._tell(entry.owner, Job(request=request, tag=entry.tag, created=entry.created, finished=finished))
        self._windows[entry.owner].hold(entry.request_id)

    def _send_held(self, owner: str) -> None:
        window = self._windows[owner]
        for request_id in window.held:
            if not self._send_rest(owner, window, request_id):
                return

    def _send_rest(self, owner: str, window: Window, request_id: str) -> bool:
        """Send the takes that wait, and then the end; return False where the window closes on the way."""
        for number in self._journal.take_numbers(request_id):
            if window.is_under_way(request_id, number):
                continue
            if not window.is_open():
                return False
            if (take := self._journal.take(request_id, number)) is not None:
                self._send(owner, window, take)
        window.release(request_id)
        if (final := self._journal.final(request_id)) is not None:
            self._tell(owner, final)
        return True

    def _send(self, owner: str, window: Window, take: Take) -> None:
        window.sent(take.request_id, take.take, len(take.sound.samples) + len(take.noise))
        self._tell(owner, take)

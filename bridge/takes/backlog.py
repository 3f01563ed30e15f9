"""Files that wait to be written, one at a time, takes first, and after the requests that are just arriving.

A producer waits for "accepted" with a finger on the mouse; a take may be some milliseconds later. Writing one costs
the interpreter's lock, the processor and the disk, and an acceptance needs all three.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from ..session.effects import DropPreviews, Effect, Favourite, WritePreview, WriteTake

CALM_SECONDS = 0.01  # after the last piece of a request has come, files are written
STARVING_SECONDS = 0.1  # however many requests arrive, a file is begun this often
MAX_WAITING: dict[type, int] = {WritePreview: 4, Favourite: 50, DropPreviews: 500}


class Backlog:
    """Calls `begin` with one effect after another; the next one follows a call of `done`.

    All methods run on the event loop's thread.
    """

    def __init__(self, begin: Callable[[Effect], object]) -> None:
        self._begin = begin
        self._takes: deque[Effect] = deque()
        self._others: deque[Effect] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False
        self._disturbed = self._begun = float("-inf")

    def __len__(self) -> int:
        return len(self._takes) + len(self._others) + self._busy

    def add(self, effect: Effect) -> None:
        """Queue an effect after the others of its kind; it is dropped where `MAX_WAITING` of its kind wait already."""
        if isinstance(effect, WriteTake):
            self._takes.append(effect)
        elif sum(type(other) is type(effect) for other in self._others) < MAX_WAITING[type(effect)]:
            self._others.append(effect)
        self._next()

    def disturb(self) -> None:
        """Note that a piece of a request has arrived."""
        self._disturbed = time.monotonic()

    def done(self) -> None:
        """Note that the effect under way is over, and begin the next."""
        self._busy = False
        self._next()

    def close(self) -> None:
        """Begin nothing more."""
        self._takes.clear()
        self._others.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _next(self) -> None:
        waiting = self._takes or self._others
        if self._busy or not waiting or self._timer is not None:
            return
        due = min(self._disturbed + CALM_SECONDS, self._begun + STARVING_SECONDS)
        now = time.monotonic()
        if now < due:
            self._timer = asyncio.get_running_loop().call_later(due - now, self._try_again)
            return
        self._busy, self._begun = True, now
        self._begin(waiting.popleft())

    def _try_again(self) -> None:
        self._timer = None
        self._next()

"""How much sound may be on its way to a client: what it has not said to be safe yet, up to a limit.

Without it a client that writes more slowly than loops are made, with a full disk or a flood of requests, would have
to hold them all in memory. What does not fit stays in the journal and is sent when something else is safe.
"""

from collections.abc import Callable
from time import monotonic

WINDOW_BYTES = 2 * 2**20  # one and a half loops of 4 s in stereo; one take is always let through, however long
PATIENCE_SECONDS = 60.0  # then a take counts as lost on the way, and no longer in the way of others

Key = tuple[str, int]  # request id, number of the take


class Window:
    """What is on its way to one client. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._under_way: dict[Key, tuple[int, float]] = {}  # bytes, when it was sent
        self._held: dict[str, None] = {}  # requests with takes or an end that wait, in order

    @property
    def held(self) -> tuple[str, ...]:
        """Requests of which something waits to be sent, oldest first."""
        return tuple(self._held)

    def holds(self, request_id: str) -> bool:
        """Return whether something of this request waits to be sent."""
        return request_id in self._held

    def hold(self, request_id: str) -> None:
        """Have the rest of a request wait."""
        self._held.setdefault(request_id)

    def release(self, request_id: str) -> None:
        """Note that nothing of this request waits any more."""
        self._held.pop(request_id, None)

    def is_open(self) -> bool:
        """Return whether another take may be sent."""
        limit = self._clock() - PATIENCE_SECONDS
        self._under_way = {key: sent for key, sent in self._under_way.items() if sent[1] > limit}
        return sum(size for size, _ in self._under_way.values()) < WINDOW_BYTES

    def sent(self, request_id: str, take: int, size: int) -> None:
        """Note that a take is on its way."""
        self._under_way[request_id, take] = (size, self._clock())

    def is_under_way(self, request_id: str, take: int) -> bool:
        """Return whether a take was sent and is neither safe nor lost yet."""
        return (request_id, take) in self._under_way

    def safe(self, request_id: str, take: int) -> None:
        """Note that a take has arrived."""
        self._under_way.pop((request_id, take), None)

    def lost(self, request_id: str) -> None:
        """Note that what was sent of a request has not arrived."""
        for key in [key for key in self._under_way if key[0] == request_id]:
            del self._under_way[key]

"""How much sound may be in flight to a client: what it has not acknowledged yet, up to a limit.

Without it a client that writes more slowly than loops are made, with a full disk or a flood of requests, would have
to hold them all in memory. What does not fit stays in the journal and is sent when something else is acknowledged.
"""

from collections.abc import Callable
from time import monotonic

MAX_IN_FLIGHT_BYTES = 2 * 2**20  # one and a half loops of 4 s in stereo; one take always passes, however long
LOST_AFTER_SECONDS = 60.0  # then a take counts as lost on the way, and no longer in the way of others

Key = tuple[str, int]  # request id, number of the take


class SendWindow:
    """The takes in flight to one client. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._in_flight: dict[Key, tuple[int, float]] = {}  # bytes, when it was sent
        self._deferred: dict[str, None] = {}  # requests with takes or an end that wait, in order

    @property
    def deferred(self) -> tuple[str, ...]:
        """Requests of which something waits to be sent, oldest first."""
        return tuple(self._deferred)

    def is_deferred(self, request_id: str) -> bool:
        """Return whether something of this request waits to be sent."""
        return request_id in self._deferred

    def defer(self, request_id: str) -> None:
        """Have the rest of a request wait."""
        self._deferred.setdefault(request_id)

    def release(self, request_id: str) -> None:
        """Note that nothing of this request waits any more."""
        self._deferred.pop(request_id, None)

    def is_open(self) -> bool:
        """Return whether another take may be sent."""
        limit = self._clock() - LOST_AFTER_SECONDS
        self._in_flight = {key: sent for key, sent in self._in_flight.items() if sent[1] > limit}
        return sum(size for size, _ in self._in_flight.values()) < MAX_IN_FLIGHT_BYTES

    def sent(self, request_id: str, take: int, size_bytes: int) -> None:
        """Note that a take is on its way."""
        self._in_flight[request_id, take] = (size_bytes, self._clock())

    def also_sent(self, request_id: str, take: int, size_bytes: int) -> None:
        """Note that what belongs to a take in flight follows it."""
        if (known := self._in_flight.get((request_id, take))) is not None:
            self._in_flight[request_id, take] = (known[0] + size_bytes, self._clock())

    def is_in_flight(self, request_id: str, take: int) -> bool:
        """Return whether a take was sent and is neither acknowledged nor lost yet."""
        return (request_id, take) in self._in_flight

    def acknowledged(self, request_id: str, take: int) -> None:
        """Note that a take has arrived."""
        self._in_flight.pop((request_id, take), None)

    def lost(self, request_id: str) -> None:
        """Note that what was sent of a request has not arrived."""
        for key in [key for key in self._in_flight if key[0] == request_id]:
            del self._in_flight[key]

"""Lanes of saved sets that clients want to have again after each save.

A file is looked at once a second. What has changed is read at once, and where that fails, read again at the next look:
only a file that rests and still cannot be read is reported as damaged, once.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import DittoError
from engine.request import Curve

from ..osc import outgoing
from ..osc.codec import OscMessage
from .clients import Clients
from .effects import Effect, LookAtLane, Send, Stamp

LOOK_SECONDS = 1.0
NO_MARK = 0  # of a client that has no curve yet


@dataclass(slots=True)
class Watch:
    """One client's lane. `read` is the file as it was last read or found damaged, `doubted` as it could not be read."""

    lane: str
    beats: str
    looked: float = float("-inf")
    is_looking: bool = False
    read: Stamp | None = None
    doubted: Stamp | None = None
    mark: int = NO_MARK
    datagrams: tuple[bytes, ...] = ()


class Watches:
    """One lane for each client; it ends with the client's session, or with an empty lane."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._watches: dict[str, Watch] = {}

    def watch(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        """Begin, go on or end; a client that lacks the last curve gets it again."""
        nonce, lane, beats = map(str, message.values[:3])
        self._clients.require(nonce)
        watch = self._watches.get(nonce)
        if not lane:
            self._watches.pop(nonce, None)
        elif watch is None or (watch.lane, watch.beats) != (lane, beats):
            self._watches[nonce] = Watch(lane, beats)
            yield from self.tick(now)
        elif watch.mark != message.values[3]:
            yield from self._tell(nonce, *watch.datagrams)

    def tick(self, now: float) -> Iterator[Effect]:
        """Look at what is due, and forget the watches of clients that are gone."""
        for nonce in [nonce for nonce in self._watches if nonce not in self._clients]:
            del self._watches[nonce]
        for nonce, watch in self._watches.items():
            if not watch.is_looking and now - watch.looked >= LOOK_SECONDS:
                watch.looked, watch.is_looking = now, True
                yield LookAtLane(nonce, watch.lane, watch.beats, watch.read)

    def seen(self, look: LookAtLane, stamp: Stamp, found: Curve | DittoError | None) -> Iterator[Effect]:
        """Take in how the file was (`stamp`), and what was read, if it had changed."""
        watch = self._watches.get(look.nonce)
        if watch is None or (watch.lane, watch.beats) != (look.lane, look.beats):
            return
        watch.is_looking = False
        if isinstance(found, Curve):
            watch.read, watch.doubted = stamp, None
            watch.mark, watch.datagrams = _told(look, found)
            yield from self._tell(look.nonce, *watch.datagrams)
        elif found is not None and watch.doubted != stamp:
            watch.doubted = stamp  # perhaps it is being written
        elif found is not None:
            watch.read, watch.doubted = stamp, None
            yield from self._tell(look.nonce, outgoing.error("", found.code, found.sentence, found.remedy))

    def _tell(self, nonce: str, *datagrams: bytes) -> Iterator[Effect]:
        client = self._clients.get(nonce)
        if client is not None:
            yield from (Send(client.host, client.port, datagram) for datagram in datagrams)


def _told(look: LookAtLane, curve: Curve) -> tuple[int, tuple[bytes, ...]]:
    """Return the mark of a curve, and the curve as it is sent."""
    content = repr((look.lane, look.beats, curve.unit, curve.points))
    mark = zlib.crc32(content.encode()) % (2**31 - 1) + 1
    return mark, tuple(outgoing.lane_curve(look.nonce, look.beats, mark, curve))

"""Lanes of saved sets that clients want to have again after each save.

A file is looked at once a second. A changed file is read at once and, where that fails, again at the next look: only
a file that rests and still cannot be read is reported as damaged, once.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import DittoError
from engine.request import Curve

from ..osc import outgoing
from ..osc.codec import OscMessage
from .clients import Clients
from .effects import CheckLane, Effect, Send, Stamp

CHECK_SECONDS = 1.0
NO_MARK = 0  # of a client that has no curve yet


@dataclass(slots=True)
class Watch:
    """One client's lane. `read` is the file's stamp as last read or reported, `failed` as reading it failed."""

    lane: str
    beats: str
    checked_at: float = float("-inf")
    is_checking: bool = False
    read: Stamp | None = None
    failed: Stamp | None = None
    mark: int = NO_MARK
    datagrams: tuple[bytes, ...] = ()


class Watches:
    """One lane for each client; it ends with the client's session, or with an empty lane."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._watches: dict[str, Watch] = {}

    def watch(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        """Begin, keep up or end a client's watch; a client that lacks the last curve gets it again.

        Raises `OscError` for a client that never said hello.
        """
        nonce, lane, beats = map(str, message.values[:3])
        self._clients.require(nonce)
        watch = self._watches.get(nonce)
        if not lane:
            self._watches.pop(nonce, None)
        elif watch is None or (watch.lane, watch.beats) != (lane, beats):
            self._watches[nonce] = Watch(lane, beats)
            yield from self.tick(now)
        elif watch.mark != message.values[3]:
            yield from self._send(nonce, *watch.datagrams)

    def tick(self, now: float) -> Iterator[Effect]:
        """Look at the files that are due, and forget the watches of clients that are gone."""
        for nonce in [nonce for nonce in self._watches if nonce not in self._clients]:
            del self._watches[nonce]
        for nonce, watch in self._watches.items():
            if not watch.is_checking and now - watch.checked_at >= CHECK_SECONDS:
                watch.checked_at, watch.is_checking = now, True
                yield CheckLane(nonce, watch.lane, watch.beats, watch.read)

    def seen(self, check: CheckLane, stamp: Stamp, found: Curve | DittoError | None) -> Iterator[Effect]:
        """Take in the file's `stamp` and, if it had changed, its lane or the error of reading it."""
        watch = self._watches.get(check.nonce)
        if watch is None or (watch.lane, watch.beats) != (check.lane, check.beats):
            return
        watch.is_checking = False
        if isinstance(found, Curve):
            watch.read, watch.failed = stamp, None
            watch.mark, watch.datagrams = _encoded(check, found)
            yield from self._send(check.nonce, *watch.datagrams)
        elif found is not None and watch.failed != stamp:
            watch.failed = stamp  # perhaps it is being written
        elif found is not None:
            watch.read, watch.failed = stamp, None
            yield from self._send(check.nonce, outgoing.error("", found.code, found.sentence, found.remedy))

    def _send(self, nonce: str, *datagrams: bytes) -> Iterator[Effect]:
        client = self._clients.get(nonce)
        if client is not None:
            yield from (Send(client.host, client.port, datagram) for datagram in datagrams)


def _encoded(check: CheckLane, curve: Curve) -> tuple[int, tuple[bytes, ...]]:
    """Return the mark of a curve, and the curve as it is sent."""
    content = repr((check.lane, check.beats, curve.unit, curve.points))
    mark = zlib.crc32(content.encode()) % (2**31 - 1) + 1
    return mark, tuple(outgoing.lane_curve(check.nonce, check.beats, mark, curve))

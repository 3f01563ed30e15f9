"""Requests that arrive in pieces and are not committed yet: bounded in number, in age and in memory over all.

A piece belongs to the request with its id of the client whose nonce it carries, so that no other client's piece, and
none of an earlier request with the same id, gets in. Pieces without a nonce, as devices of protocol version 1 send
them, belong together by their id alone.
"""

from collections.abc import Callable
from typing import NamedTuple

from ..osc.assembly import Assembly
from ..osc.codec import OscMessage
from .state import ClientState

ASSEMBLY_SECONDS = 120.0  # a request that is not committed by then is dropped
MAX_ASSEMBLIES = 256
MAX_TOTAL_BYTES = 96 * 2**20  # of all together, as `Assembly.size_bytes` counts; the oldest makes room


UNSIGNED = ""  # in place of the nonce that a piece does not carry

Change = Callable[[Assembly], None]


class Place(NamedTuple):
    """Which request a piece belongs to: its id, and the nonce that the piece carries or `UNSIGNED`."""

    request_id: str
    nonce: str


class Assemblies:
    """The pieces of each request that have arrived, by its id and its sender's nonce; times are as in `Session`."""

    def __init__(self) -> None:
        self._open: dict[Place, Assembly] = {}  # oldest first
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def size_bytes(self) -> int:
        """About how much memory all of them take."""
        return self._size_bytes

    def place_of(self, request_id: str, client: ClientState) -> Place:
        """Return the place of the pieces of a client's request."""
        signed = Place(request_id, client.nonce)
        return signed if client.signs or signed in self._open else Place(request_id, UNSIGNED)

    def begin(self, place: Place, nonce: str, now: float) -> None:
        """Note whose request this is; raises `OscError` where another client has begun it."""
        assembly = self.at(place, now)
        assembly.require(place.request_id, nonce)
        assembly.nonce = nonce

    def set(self, place: Place, name: str, value: str, now: float) -> None:
        """Set a field of a request; raises `OscError` as `Assembly.set` does."""
        self._grow(place, now, lambda assembly: assembly.set(name, value))

    def add(self, message: OscMessage, now: float) -> None:
        """Add a chunk to a request; raises `OscError` as `Assembly.add` does."""
        self._grow(Place(str(message.values[0]), str(message.last)), now, lambda assembly: assembly.add(message))

    def at(self, place: Place, now: float) -> Assembly:
        """Return the pieces of a request, or begin one; beyond `MAX_ASSEMBLIES` the oldest is dropped for it."""
        if place not in self._open and len(self._open) >= MAX_ASSEMBLIES:
            self._drop(next(iter(self._open)))
        return self._open.setdefault(place, Assembly(now))

    def drop(self, request_id: str, nonce: str | None = None) -> None:
        """Forget all pieces of a request; with `nonce`, only that client's and those that nobody has begun."""
        for place in [one for one in self._open if one.request_id == request_id]:
            if nonce is None or (self._open[place].nonce in ("", nonce) and place.nonce in (UNSIGNED, nonce)):
                self._drop(place)

    def forget_old(self, now: float) -> None:
        """Forget requests that were begun more than `ASSEMBLY_SECONDS` ago."""
        for place in [place for place, one in self._open.items() if now - one.born > ASSEMBLY_SECONDS]:
            self._drop(place)

    def _drop(self, place: Place) -> None:
        self._size_bytes -= self._open.pop(place).size_bytes

    def _grow(self, place: Place, now: float, change: Change) -> None:
        assembly = self.at(place, now)
        before = assembly.size_bytes
        try:
            change(assembly)
        finally:
            self._size_bytes += assembly.size_bytes - before
        while self._size_bytes > MAX_TOTAL_BYTES and len(self._open) > 1:
            self._drop(next(one for one in self._open if one != place))

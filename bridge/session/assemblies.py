"""Requests that arrive in pieces and are not committed yet: bounded in number, in age and in memory over all."""

from collections.abc import Callable

from ..osc.assembly import Assembly
from ..osc.codec import OscError, OscMessage

ASSEMBLY_SECONDS = 120.0  # then what was never committed is dropped
MAX_ASSEMBLIES = 256
MAX_TOTAL_BYTES = 96 * 2**20  # of all together, as `Assembly.size_bytes` counts; the oldest makes room


Change = Callable[[Assembly], None]


class Assemblies:
    """What has arrived of each request, by its id."""

    def __init__(self) -> None:
        self._open: dict[str, Assembly] = {}  # oldest first
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def size_bytes(self) -> int:
        """About how much memory all of them take."""
        return self._size_bytes

    def begin(self, request_id: str, nonce: str, now: float) -> None:
        """Note whose request this is; raises `OscError` where another client has begun it."""
        assembly = self.at(request_id, now)
        if assembly.nonce not in ("", nonce):
            raise OscError(f"The request id {request_id} belongs to another device.")
        assembly.nonce = nonce

    def set(self, request_id: str, name: str, value: str, now: float) -> None:
        """Set a field of a request."""
        self._grow(request_id, now, lambda assembly: assembly.set(name, value))

    def add(self, message: OscMessage, now: float) -> None:
        """Add a chunk to a request."""
        self._grow(str(message.values[0]), now, lambda assembly: assembly.add(message))

    def at(self, request_id: str, now: float) -> Assembly:
        """Return what has arrived of a request, from now on something."""
        if request_id not in self._open and len(self._open) >= MAX_ASSEMBLIES:
            self.drop(next(iter(self._open)))
        return self._open.setdefault(request_id, Assembly(now))

    def drop(self, request_id: str) -> Assembly | None:
        """Forget a request and return what had arrived."""
        gone = self._open.pop(request_id, None)
        self._size_bytes -= gone.size_bytes if gone is not None else 0
        return gone

    def forget_old(self, now: float) -> None:
        """Forget what was begun and left."""
        for request_id in [name for name, one in self._open.items() if now - one.born > ASSEMBLY_SECONDS]:
            self.drop(request_id)

    def _grow(self, request_id: str, now: float, change: Change) -> None:
        assembly = self.at(request_id, now)
        before = assembly.size_bytes
        try:
            change(assembly)
        finally:
            self._size_bytes += assembly.size_bytes - before
        while self._size_bytes > MAX_TOTAL_BYTES and len(self._open) > 1:
            self.drop(next(name for name in self._open if name != request_id))

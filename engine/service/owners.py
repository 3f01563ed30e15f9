"""Which connection an owner has now, and when it was last there."""

from collections.abc import Iterable
from dataclasses import dataclass

LATELY_SECONDS = 5.0  # a client says hello every second
SILENT_SECONDS = 600.0  # then nothing of an owner is kept in memory; the journal has what matters


@dataclass(slots=True)
class _Owner:
    identity: bytes  # of its ZeroMQ connection
    seen: float
    resumed: bytes = b""  # the connection over which it was sent all from the beginning


class Owners:
    """The clients of an engine by their lasting names. Times are seconds of a steady clock."""

    def __init__(self) -> None:
        self._owners: dict[str, _Owner] = {}

    def note(self, owner: str, identity: bytes, now: float) -> None:
        """Note over which connection an owner speaks."""
        known = self._owners.setdefault(owner, _Owner(identity, now))
        known.identity, known.seen = identity, now

    def identity(self, owner: str) -> bytes | None:
        """Return an owner's connection."""
        known = self._owners.get(owner)
        return None if known is None else known.identity

    def is_new_connection(self, owner: str) -> bool:
        """Return, once for each connection, that an owner must be sent everything."""
        known = self._owners[owner]
        if known.resumed == known.identity:
            return False
        known.resumed = known.identity
        return True

    def lately(self, now: float) -> list[str]:
        """Return the owners that are there."""
        return [name for name, known in self._owners.items() if now - known.seen < LATELY_SECONDS]

    def forget_silent(self, now: float) -> Iterable[str]:
        """Forget owners that have gone, and return their names."""
        silent = [name for name, known in self._owners.items() if now - known.seen > SILENT_SECONDS]
        for name in silent:
            del self._owners[name]
        return silent

    def clear(self) -> None:
        """Forget all connections."""
        self._owners.clear()

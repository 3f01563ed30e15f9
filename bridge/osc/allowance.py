"""A limit on answers per second, for messages whose answers would only feed a flood."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Allowance:
    """Allows `per_second` answers at once, and as many each second on average; times are seconds of a steady clock."""

    per_second: float
    _left: float = field(init=False)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._left = self.per_second

    def take(self, now: float) -> bool:
        """Return whether one more is allowed, and count it."""
        self._left = min(self.per_second, self._left + (now - self._at) * self.per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

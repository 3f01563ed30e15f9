"""So many answers a second and no more, for what would only feed a flood."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Allowance:
    """`per_second` at once and in each second, on average; times are a steady clock's, in seconds."""

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

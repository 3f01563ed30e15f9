"""A forecast of the time left for a search and the decoding after it, from its steps so far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

COLDEST = 3.0  # the first step loads kernels: counted as at most so many times a step after it
SOUND = 1.0  # turning one take into sound, in verifications: both decode a waveform once
FASTEST = 0.5  # a step leaves at least so much of the distance, however well the first ones went


@dataclass(slots=True)
class Forecast:
    """The forecast for one search, updated at each step. Times are in seconds of any clock; all calls on one thread.

    A search for `takes` takes evaluates after at most `steps` steps for the last time. It ends before where it is
    within all tolerances (`ends_early`), or after `limit_seconds`. Of `verified_every` evaluations one is verified, and
    so is the last one; with 1 all are alike. `following` searches come after it, each as long as this one, or
    `each_seconds` where some are done.
    """

    started: float
    steps: int
    takes: int = 1
    verified_every: int = 1
    ends_early: bool = True
    limit_seconds: float | None = None
    following: int = 0
    each_seconds: float | None = None
    _last: float = field(init=False)
    _elapsed: float = 0.0
    _done: int = 0
    _unverified: int = 0
    _over: bool = False
    _first_seconds: float | None = None
    _plain: list[float] = field(default_factory=list)
    _verified: list[float] = field(default_factory=list)
    _distances: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._last = self.started

    def step(self, index: int, now: float, *, exact: bool, distances: Mapping[str, float], over: bool) -> None:
        """Note that step `index`, counted from 0, is done by `now`, distances in tolerances; `over` ends the search."""
        seconds, self._last, self._elapsed = now - self._last, now, now - self.started
        self._done, self._over = index + 1, over
        self._unverified = 0 if exact else self._unverified + 1
        if self._first_seconds is None:
            self._first_seconds = seconds
        else:
            (self._verified if exact and self.verified_every > 1 else self._plain).append(seconds)
        self._distances.append((index, max(distances.values(), default=0.0)))

    @property
    def seconds_left(self) -> float:
        """The seconds left until the last take of all searches is decoded."""
        own = self._own_seconds_left
        each = self._elapsed + own if self.each_seconds is None else self.each_seconds
        return own + self.following * each

    @property
    def _own_seconds_left(self) -> float:
        plain = median(self._plain) if self._plain else self._verified_seconds
        more = 0 if self._over else self._steps_left
        verified = 1 + (self._unverified + more - 1) // self.verified_every if more and self.verified_every > 1 else 0
        search = (more - verified) * plain + verified * self._verified_seconds
        if self.limit_seconds is not None:
            search = min(search, max(0.0, self.limit_seconds - self._elapsed))
        return search + self.takes * SOUND * self._verified_seconds

    @property
    def _verified_seconds(self) -> float:
        """Return how long a step with a verification takes; before there was a second one the first step counts."""
        if self._verified:
            return median(self._verified)
        first = self._first_seconds or 0.0
        return min(first, COLDEST * median(self._plain)) if self._plain else first

    @property
    def _steps_left(self) -> int:
        """Return how many steps are left, by the pace at which the distance has fallen so far."""
        most = max(self.steps + 1 - self._done, 0)
        if not self.ends_early or len(self._distances) < 2:
            return most
        (begin, first), (index, now) = self._distances[0], self._distances[-1]
        if not (0 < now < first and math.isfinite(first)):
            return most
        falls = max((now / first) ** (1 / (index - begin)), FASTEST)
        if now <= 1:
            return min(1, most)
        return min(most, max(1, math.ceil(math.log(now) / -math.log(falls))))

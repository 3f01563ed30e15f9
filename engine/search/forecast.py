"""A forecast of the time left for a search and the decoding after it, from what such searches take and its own pace.

How far a search is from its target says little about how long it will go on: distances leap, and lie still for a time.
How many steps searches for such controls usually take says more.
"""

from dataclasses import dataclass, field
from statistics import mean, median

from .report import UNKNOWN_SECONDS

COLDEST = 3.0  # the first step loads kernels: counted as at most so many times a step after it
LONGER = 0.5  # a search that has taken its usual steps is expected to take so much of them again


@dataclass(slots=True)
class Forecast:
    """The forecast for one search, updated at each step. Times are in seconds of any clock; all calls on one thread.

    A search evaluates after at most `steps` steps for the last time, and usually after `usual_steps`; None where it has
    to take them all. It ends after `limit_seconds`. Of `verified_every` evaluations one is verified, and so is the last
    one; with 1 all are alike. The sound after it takes as long as `sounds` verifications: both decode a waveform.
    `following` searches come after it, each as long as this one, or `each_seconds` where some are done.
    """

    started: float
    steps: int
    usual_steps: int | None = None
    sounds: float = 1.0
    verified_every: int = 1
    limit_seconds: float | None = None
    following: int = 0
    each_seconds: float | None = None
    _last: float = field(init=False)
    _elapsed: float = 0.0
    _done: int = 0
    _verifications: int = 0
    _over: bool = False
    _first_seconds: float | None = None
    _plain: list[float] = field(default_factory=list)
    _verified: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._last = self.started

    def step(self, index: int, now: float, *, verifications: int, over: bool) -> None:
        """Note that step `index`, from 0, is done by `now`, with `verifications` in all; `over` ends the search."""
        seconds, self._last, self._elapsed = now - self._last, now, now - self.started
        verified, self._verifications = verifications > self._verifications, verifications
        self._done, self._over = index + 1, over
        if self._first_seconds is None:
            self._first_seconds = seconds
        else:
            (self._verified if verified else self._plain).append(seconds)

    @property
    def seconds_left(self) -> float:
        """The seconds left until the last take of all searches is decoded.

        It is `UNKNOWN_SECONDS` before a second step: the first one loads kernels, and says little about those after it.
        """
        if not (self._plain or self._verified or self._over):
            return UNKNOWN_SECONDS
        own = self._own_seconds_left
        each = self._elapsed + own if self.each_seconds is None else self.each_seconds
        return own + self.following * each

    @property
    def _own_seconds_left(self) -> float:
        more = 0 if self._over else self._steps_left
        search = max(0.0, more - 1) * self._step_seconds + min(1.0, more) * self._verified_seconds
        if self.limit_seconds is not None:
            search = min(search, max(0.0, self.limit_seconds - self._elapsed))
        return search + self.sounds * self._verified_seconds

    @property
    def _step_seconds(self) -> float:
        """Return how long a step takes in the mean, verifications counted in."""
        timed = self._plain + self._verified
        if self.verified_every == 1 or len(timed) >= 2 * self.verified_every or not self._plain:
            return mean(timed) if timed else self._verified_seconds
        return median(self._plain) + (self._verified_seconds - median(self._plain)) / self.verified_every

    @property
    def _verified_seconds(self) -> float:
        """Return how long a step with a verification takes; before there was a second one the first step counts."""
        first = self._first_seconds or 0.0
        if self.verified_every == 1 and self._plain:
            return median(self._plain)
        if self._verified:
            return median(self._verified)
        return min(first, COLDEST * median(self._plain)) if self._plain else first

    @property
    def _steps_left(self) -> float:
        most = max(self.steps + 1 - self._done, 0)
        if self.usual_steps is None:
            return most
        return min(most, max(self.usual_steps - self._done, LONGER * self._done))

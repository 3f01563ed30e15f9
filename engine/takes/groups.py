"""The takes of a request, group after group: where each search resumes, what a checkpoint holds, the time left."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..search import methods
from ..search.forecast import Forecast
from ..search.report import UNKNOWN_SECONDS
from ..search.state import SearchState, states_from_bytes, states_to_bytes
from .prepared import Prepared


@dataclass(slots=True)
class TakeGroups:
    """Groups of takes that are searched together, with the `states` of the searches that were begun.

    `place` is the index of the group that is searched for now. Times are in seconds of the monotonic clock.
    """

    groups: tuple[Prepared, ...]
    states: list[SearchState]
    place: int = 0
    spent_seconds: float = 0.0  # by finished searches
    started: float = field(default_factory=time.monotonic)
    sound_seconds: float = UNKNOWN_SECONDS  # spent on decoding and scoring the last take

    @classmethod
    def of(cls, ready: Prepared, resume: bytes | None) -> "TakeGroups":
        """Return the groups of `ready`; with the bytes of a checkpoint its searches go on from there."""
        groups = tuple(ready.groups())
        states = states_from_bytes(resume, ready.model.device) if resume else []
        return cls(groups, _fitting(states, groups))

    def __iter__(self) -> Iterator[Prepared]:
        for place, group in enumerate(self.groups):
            self.place = place
            yield group

    @property
    def state(self) -> SearchState | None:
        """The state from which this search resumes; None for a new one."""
        return self.states[self.place] if self.place < len(self.states) else None

    def checkpoint(self, state: SearchState) -> bytes:
        """Return the bytes from which the request goes on where this search has `state`."""
        self.keep(state)
        return states_to_bytes(self.states)

    def keep(self, state: SearchState) -> None:
        """Keep the state of this search."""
        self.states[self.place : self.place + 1] = [state]

    @property
    def limit_seconds(self) -> float | None:
        """The time limit of this search in seconds."""
        return methods.limit_seconds(self.groups[0].request, self.spent_seconds, len(self.groups) - self.place)

    def seconds_left(self, item: int) -> float:
        """Return the time left to decode the takes of this group from `item` on, and to make all groups after it.

        It is `UNKNOWN_SECONDS` before the first take is ready.
        """
        if self.sound_seconds < 0:
            return UNKNOWN_SECONDS
        each = (time.monotonic() - self.started) / (self.place + 1)
        following = len(self.groups) - self.place - 1
        return (len(self.groups[self.place].noise) - item) * self.sound_seconds + following * each

    def forecast(self, started: float) -> Forecast:
        """Return the forecast for this search, begun at `started`, and those that follow."""
        group = self.groups[self.place]
        return methods.forecast(
            group.plan,
            started,
            sounds=len(group.noise) * group.sounds,
            limit_seconds=self.limit_seconds,
            following=len(self.groups) - self.place - 1,
            each_seconds=(started - self.started) / self.place if self.place else None,
        )


def _fitting(states: Sequence[SearchState], groups: Sequence[Prepared]) -> list[SearchState]:
    """Return the states for these groups; none where they were saved on another kind of device.

    An earlier version searched for all takes at once on every device.
    """
    sizes = [len(state.noise) for state in states]
    if sizes == [len(groups)]:
        return [states[0].alone(item) for item in range(len(groups))]
    fits = sizes == [len(group.noise) for group in groups[: len(states)]]
    return list(states) if fits else []

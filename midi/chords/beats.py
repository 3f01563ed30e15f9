"""What sounds in each beat of a loop, and how much of a chord it is by itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .changes import TRIAD, Sound, at_once

HEARD, WHOLE = 0.125, 0.3  # of a beat: shorter, a note only brushes it, and notes at once are no chord of its own


@dataclass(frozen=True, slots=True)
class Beat:
    """What sounds in one beat: how long each pitch class does, in quarter notes, and the lowest note.

    `together` is how long at least so many pitch classes sound at once; `struck` is how many are struck at once, and
    `tied` how many sound on from the beat before.
    """

    length: float
    times: NDArray[np.float64]
    lowest: int | None
    together: NDArray[np.float64]
    struck: int
    tied: int

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Which pitch classes more than brush the beat."""
        return self.times >= HEARD * self.length

    @property
    def is_line(self) -> bool:
        """Whether no two pitch classes sound at once but in passing from one to the next."""
        return bool(self.together[2] < HEARD * self.length)

    @property
    def is_whole(self) -> bool:
        """Whether the notes of a chord sound at once."""
        return bool(self.together[TRIAD] >= WHOLE * self.length)


def beats_of(sounds: Iterable[Sound], lines: Sequence[float]) -> list[Beat]:
    """Return what sounds from each line to the next one."""
    parts: list[list[Sound]] = [[] for _ in lines[1:]]
    for sound in sounds:
        first = int(np.searchsorted(lines, sound.start, "right")) - 1
        for place in range(first, int(np.searchsorted(lines, sound.end, "left"))):
            parts[place].append(sound)
    return [_beat(part, start, end) for part, (start, end) in zip(parts, pairwise(lines), strict=True)]


def _beat(sounds: Sequence[Sound], start: float, end: float) -> Beat:
    inside = [(max(one.start, start), min(one.end, end), one.pitch) for one in sounds]
    least = HEARD * (end - start)
    heard = [pitch for begin, stop, pitch in inside if stop - begin >= least]
    lowest = min(heard or [pitch for _, _, pitch in inside], default=None)
    times, together = _times(inside)
    pressed = sorted((one.pressed, one.pitch % 12) for one in sounds if one.start >= start)
    struck = len({pressed[place][1] for place in at_once(pressed)})
    tied = len({one.pitch % 12 for one in sounds if one.start < start})
    return Beat(end - start, times, lowest, together, struck, tied)


def _times(inside: Iterable[tuple[float, float, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how long each pitch class sounds, and how long at least 0 to 12 of them sound at once."""
    times, together = np.zeros(12), np.zeros(13)
    moves = sorted(
        move for begin, stop, pitch in inside for move in ((begin, 1, pitch % 12), (stop, -1, pitch % 12))
    )  # fmt: skip
    sounding = np.zeros(12, dtype=int)
    for (now, step, pitch_class), (then, _, _) in pairwise(moves):
        sounding[pitch_class] += step
        times[sounding > 0] += then - now
        together[: np.count_nonzero(sounding) + 1] += then - now
    return times, together

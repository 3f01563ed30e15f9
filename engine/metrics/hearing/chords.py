"""Which major or minor chord sounds: templates of triads, sevenths and ninths on the chroma of a stretch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..framing import Signal
from .chroma import chroma_of

LEAST_SECONDS = 0.4  # of a chord that can be told
ROOT_WEIGHT = 1.3
THIRDS = {"major": 4, "minor": 3}
SHAPES = {
    "major": ((0, 4, 7), (0, 4, 7, 11), (0, 4, 7, 10), (0, 2, 4, 11), (0, 2, 4, 10), (0, 2, 4, 7)),
    "minor": ((0, 3, 7), (0, 3, 7, 10), (0, 2, 3, 10), (0, 1, 3, 10)),
}
"""What counts as a major or minor chord: triads, sevenths, ninths."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chord of a loop: its time in seconds, its root, and all its pitch classes."""

    start_seconds: float
    end_seconds: float
    root: int
    notes: frozenset[int]


def share_recognised(audio: NDArray[np.floating], sample_rate: int, chords: Sequence[Stretch]) -> float | None:
    """Return the share of major and minor chords whose root and third are heard; None where none can be told."""
    right = []
    for one in chords:
        quality = quality_of(one.root, one.notes)
        start, end = (round(seconds * sample_rate) for seconds in (one.start_seconds, one.end_seconds))
        if quality is None or one.end_seconds - one.start_seconds < LEAST_SECONDS:
            continue
        right.append(nearest(chroma_of(audio[:, start:end], sample_rate)) == (one.root, quality))
    return float(np.mean(right)) if right else None


def quality_of(root: int, notes: frozenset[int]) -> str | None:
    """Return whether a chord is major or minor; None for what is neither."""
    steps = {(note - root) % 12 for note in notes}
    found = [name for name, third in THIRDS.items() if third in steps and 6 not in steps]
    return found[0] if len(found) == 1 else None


def nearest(chroma: Signal) -> tuple[int, str]:
    """Return the root and quality of the chord whose notes are most like a chroma [12]."""
    scores: dict[tuple[int, str], float] = {}
    for name, shapes in SHAPES.items():
        for shape in shapes:
            template = np.zeros(12)
            template[list(shape)] = 1.0
            template[0] = ROOT_WEIGHT
            template /= np.linalg.norm(template)
            for root in range(12):
                fitting = float(chroma @ np.roll(template, root))
                scores[root, name] = max(scores.get((root, name), 0.0), fitting)
    return max(scores, key=lambda one: scores[one])

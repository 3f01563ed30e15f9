"""Recognition of major and minor chords: templates of triads, sevenths and ninths on a chroma vector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..framing import Signal
from .chroma import chroma_of

MIN_SECONDS = 0.4  # shortest chord that is recognised reliably
ROOT_WEIGHT = 1.3  # of the root in a template, beside 1 for other notes
THIRDS = {"major": 4, "minor": 3}
SHAPES = {
    "major": ((0, 4, 7), (0, 4, 7, 11), (0, 4, 7, 10), (0, 2, 4, 11), (0, 2, 4, 10), (0, 2, 4, 7)),
    "minor": ((0, 3, 7), (0, 3, 7, 10), (0, 2, 3, 10), (0, 1, 3, 10)),
}
"""The templates of each quality, in semitones over the root: triads, sevenths, ninths."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chord of a loop: its time in seconds from the start, its root 0 (C) to 11, and all its pitch classes."""

    start_seconds: float
    end_seconds: float
    root: int
    notes: frozenset[int]


def share_recognised(audio: NDArray[np.floating], sample_rate: int, chords: Sequence[Stretch]) -> float | None:
    """Return the share of `chords` whose root and quality are recognised in `audio` [channels, samples].

    Only major and minor chords of at least 0.4 s count; None where there are none.
    """
    right = []
    for one in chords:
        quality = quality_of(one.root, one.notes)
        start, end = (round(seconds * sample_rate) for seconds in (one.start_seconds, one.end_seconds))
        if quality is None or one.end_seconds - one.start_seconds < MIN_SECONDS:
            continue
        right.append(nearest(chroma_of(audio[:, start:end], sample_rate)) == (one.root, quality))
    return float(np.mean(right)) if right else None


def quality_of(root: int, notes: frozenset[int]) -> str | None:
    """Return `major` or `minor` for pitch classes over a root; None for both thirds, no third or a tritone."""
    steps = {(note - root) % 12 for note in notes}
    found = [name for name, third in THIRDS.items() if third in steps and 6 not in steps]
    return found[0] if len(found) == 1 else None


def nearest(chroma: Signal) -> tuple[int, str]:
    """Return root and quality of the template with the largest product with a chroma [12]."""
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

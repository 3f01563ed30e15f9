"""Whether chords are heard: the share of a loop's major and minor chords whose root and third a listener would name.

Each chord's stretch is compared with templates of triads, sevenths and ninths on all roots; the nearest decides.
Nothing of it is shared with a loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midi.chords.text import ChordSpan
from midi.tempo import Beats, beats_to_seconds

from .chroma import chroma_of
from .framing import Signal
from .verdict import Verdict, of_share

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
    """A chord of a loop in seconds: its root and its notes, as pitch classes."""

    start_seconds: float
    end_seconds: float
    root: int
    notes: frozenset[int]


def stretches_of(spans: Sequence[ChordSpan], tempo_bpm: Beats) -> list[Stretch]:
    """Return the chords of `spans` in seconds at a tempo, those left out where no chord sounds."""
    return [
        Stretch(
            float(beats_to_seconds(span.beat, tempo_bpm)),
            float(beats_to_seconds(span.beat + span.beats, tempo_bpm)),
            span.chord.root,
            span.chord.pitch_classes,
        )
        for span in spans
        if span.chord.pitch_classes
    ]


def verdict(share: float | None, kind: str = "chords") -> Verdict | None:
    """Return the verdict on chords that were asked for, None where none of them can be told."""
    return of_share(kind, share, good=0.8, near=0.6, of="its chords are recognised")


def recognised(audio: NDArray[np.floating], sample_rate: int, chords: Sequence[Stretch]) -> float | None:
    """Return the share of major and minor chords whose root and third are heard in `audio` [channels, samples].

    None where there is none that can be told: shorter ones, and those without a plain third.
    """
    right = []
    for one in chords:
        quality = _quality(one)
        start, end = (round(seconds * sample_rate) for seconds in (one.start_seconds, one.end_seconds))
        if quality is None or one.end_seconds - one.start_seconds < LEAST_SECONDS:
            continue
        right.append(_nearest(chroma_of(audio[:, start:end], sample_rate)) == (one.root, quality))
    return float(np.mean(right)) if right else None


def _quality(one: Stretch) -> str | None:
    steps = {(note - one.root) % 12 for note in one.notes}
    found = [name for name, third in THIRDS.items() if third in steps and 6 not in steps]
    return found[0] if len(found) == 1 else None


def _nearest(chroma: Signal) -> tuple[int, str]:
    """Return the root and quality of the chord whose notes are most like a chroma."""
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

"""Which chord a stretch of music is most like, by how long each pitch class sounds in each of its beats."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .beats import Beat
from .changes import TRIAD
from .qualities import QUALITIES
from .text import NO_CHORD, Chord

MAX_NOTES = 5  # six notes are a scale
EXTRA, FOREIGN_BASS = 1.0, 0.5  # costs of a note outside the chord, and of a bass outside it, as in C/D
MISSING, MISSING_FIFTH, MISSING_ROOT = 0.6, 0.3, 1.0  # costs of a note of the chord that is not played
INVERTED = 0.1  # a chord's root is rather in the bass
SIMPLER = 0.01  # for each note: of chords that are equal else the one with fewer
LACKED = 1.2  # cost of a note that a beat with a chord of its own has not, and others have
OTHER_BASS = 0.6  # cost of a beat with a chord of its own whose bass is another one
PLAYED = 0.5  # of the time of the chord's notes: a note that sounds so long is played as one of them
FIFTH, OCTAVE = 7, 12

_SHAPES = [steps for steps in dict.fromkeys(QUALITIES.values()) if len(steps) <= MAX_NOTES]
_ROOTS = np.repeat(np.arange(12), len(_SHAPES))
_NOTES = np.array([[(pitch - root) % 12 in steps for pitch in range(12)] for root in range(12) for steps in _SHAPES])
_MISSED = MISSING * _NOTES
_MISSED[:, :] -= (MISSING - MISSING_FIFTH) * (_NOTES & ((np.arange(12) - _ROOTS[:, None]) % 12 == FIFTH))
_MISSED[np.arange(len(_ROOTS)), _ROOTS] = MISSING_ROOT


def likest(beats: Sequence[Beat]) -> tuple[Chord, float]:
    """Return the chord that beats are most like, played as one, and how unlike they are: 0 is alike.

    A beat that has a chord of its own must have all notes of the one that is found, so that A minor and F are no
    F with a major seventh. A note that sounds much shorter than the chord's is one in passing.
    """
    times = np.sum([beat.times for beat in beats], 0)
    low = _bass(beats)
    if low is None:
        return NO_CHORD, 0.0
    bass, known = low % 12, np.any([beat.heard for beat in beats], 0)
    costs = sum(beat.length for beat in beats) * _unlike(times, bass)
    for beat, following in zip(beats, (*beats[1:], None), strict=True):
        if beat.is_whole:
            lacks = _NOTES @ (known & ~beat.heard)
            costs += LACKED * beat.length * lacks * (not _grows(beat, following))
            costs += beat.length * OTHER_BASS * _has_other_bass(beat, low)
    best = int(np.argmin(costs))
    pitch_classes = frozenset(int(pitch) for pitch in np.flatnonzero(_NOTES[best]))
    return Chord(int(_ROOTS[best]), pitch_classes | {bass}, bass), float(costs[best])


def _unlike(times: NDArray[np.float64], bass: int) -> NDArray[np.float64]:
    """Return how unlike each chord is to pitch classes that sound for `times`."""
    third, second, longest = np.sort(times)[-3:]
    # Three notes are a chord: what sounds as long as the third longest is as much a note of it as any.
    share = np.minimum(times / max(third, second / 2, longest / 4), 1)
    outside = EXTRA * share
    outside[bass] = min(outside[bass], FOREIGN_BASS)
    missing = 1 - np.minimum(share / PLAYED, 1)
    return ~_NOTES @ outside + _MISSED @ missing + INVERTED * (bass != _ROOTS) + SIMPLER * _NOTES.sum(1)


def _bass(beats: Sequence[Beat]) -> int | None:
    """Return the lowest note where the chord begins: a bass that walks on, or to the fifth, is no other chord.

    In a line of single notes, or where a bass far below follows, it is the lowest of all; None where nothing sounds.
    """
    lows = [beat.lowest for beat in beats if beat.lowest is not None]
    if not lows:
        return None
    lowest = min(lows)
    is_line = all(beat.is_line for beat in beats)
    return lowest if is_line or lows[0] - lowest >= OCTAVE else lows[0]


def _grows(beat: Beat, following: Beat | None) -> bool:
    """Whether the next beat adds notes to those of this one, as a broken chord does."""
    return following is not None and following.struck < TRIAD and not (beat.heard & ~following.heard).any()


def _has_other_bass(beat: Beat, low: int) -> bool:
    return beat.lowest is not None and beat.lowest % 12 != low % 12 and beat.lowest < low + OCTAVE

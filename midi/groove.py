"""The feel of a performance: how early or late, and how strong, each step of the grid is played.

Taken from a clip's notes, or from a recorded loop by picking its onsets; given to other notes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .errors import MidiError
from .notes import Note, sort_notes
from .onset_pick import pick_onsets
from .rhythm import Onset, onsets
from .tempo import Beats

SIXTEENTH = Fraction(1, 4)
MAX_STEPS = 16 * 16 * 12  # sixteen bars of 12/1 in sixteenths


@dataclass(frozen=True, slots=True)
class Groove:
    """Timing and accent of each step of a cycle.

    `offsets[i]` is how late (above 0) or early step `i` is, in beats; `accents[i]` is its strength over
    the mean, 1 where nothing was played. The cycle is `len(offsets) * grid` beats long.
    """

    grid: Beats
    offsets: tuple[float, ...]
    accents: tuple[float, ...]

    @property
    def length_beats(self) -> Beats:
        """The length of the cycle."""
        return len(self.offsets) * self.grid


def groove_from_notes(notes: Iterable[Note], loop_beats: Beats, grid: Beats = SIXTEENTH) -> Groove:
    """Return the groove of a clip of `loop_beats` beats."""
    return groove_from_onsets(onsets(notes, "any"), loop_beats, grid)


def groove_from_audio(
    audio: NDArray[np.floating], sample_rate: int, loop_beats: Beats, grid: Beats = SIXTEENTH
) -> Groove:
    """Return the groove of a recorded loop, float [samples] or [channels, samples].

    The recording is exactly `loop_beats` long and its first sample is beat 0.
    """
    mono = np.asarray(audio, dtype=np.float64)
    mono = mono.mean(axis=0) if mono.ndim == 2 else mono
    samples_per_beat = Fraction(mono.size) / loop_beats
    strokes = [
        Onset(Fraction(sample) / samples_per_beat, strength) for sample, strength in pick_onsets(mono, sample_rate)
    ]
    return groove_from_onsets(strokes, loop_beats, grid)


def groove_from_onsets(strokes: Sequence[Onset], loop_beats: Beats, grid: Beats) -> Groove:
    """Return the groove of onsets; each counts for the step that it is nearest to.

    Stronger strokes count more for the timing of a step. Raises `MidiError` for no strokes or a
    loop that is not whole steps of the grid.
    """
    steps = loop_beats / grid
    if steps.denominator != 1 or not 0 < steps <= MAX_STEPS:
        raise MidiError(
            "bad_grid",
            f"A loop of {float(loop_beats):g} beats is not whole steps of {float(grid):g} beats.",
            "Choose a grid that divides the loop.",
        )
    weight, late, strongest = (np.zeros(int(steps)) for _ in range(3))
    for stroke in strokes:
        nearest = round(stroke.beat / grid)
        step = nearest % int(steps)
        weight[step] += stroke.strength
        late[step] += stroke.strength * float(stroke.beat - nearest * grid)
        strongest[step] = max(strongest[step], stroke.strength)
    played = weight > 0
    if not played.any():
        raise MidiError("no_strokes", "No strokes were found to take a groove from.", "Choose a busier loop.")
    offsets = np.divide(late, weight, out=np.zeros_like(late), where=played)
    accents = np.where(played, strongest / strongest[played].mean(), 1.0)
    return Groove(grid, tuple(offsets.tolist()), tuple(accents.tolist()))


def apply_groove(
    notes: Iterable[Note], groove: Groove, *, timing: float = 1.0, accent: float = 1.0
) -> tuple[Note, ...]:
    """Return the notes moved and accented; `timing` and `accent` are how much of each, 0..1.

    Each note follows the step that it is nearest to, on top of where it is, so that a fill
    between steps keeps its shape; no note starts before beat 0.
    """
    return sort_notes(_grooved(note, groove, timing, accent) for note in notes)


def _grooved(note: Note, groove: Groove, timing: float, accent: float) -> Note:
    step = round(note.start / groove.grid) % len(groove.offsets)
    start = note.start + Fraction(groove.offsets[step]) * Fraction(timing)
    gain = 1 + accent * (groove.accents[step] - 1)
    velocity = min(max(round(note.velocity * gain), 1), 127)
    return replace(note, start=max(Fraction(0), start), velocity=velocity)

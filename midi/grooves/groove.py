"""The feel of a recorded loop: which steps of the grid are played, how early or late, and how strongly.

Its onsets are picked, and each counts for the step that it is nearest to, so that a flam is one stroke and swing,
triplets and a lazy snare stay where they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..errors import MidiError
from ..tempo import SIXTEENTH, Beats, snapped
from .onset_pick import pick_onsets
from .rhythm import Onset

MAX_STEPS = 16 * 16 * 12  # sixteen bars of 12/1 in sixteenths


@dataclass(frozen=True, slots=True)
class Groove:
    """Timing and strength of each step of a cycle.

    `offsets[i]` is how late (above 0) or early step `i` is, in beats; `strengths[i]` is 0..1 of the strongest stroke,
    0 where nothing was played. The cycle is `len(offsets) * grid` beats long.
    """

    grid: Beats
    offsets: tuple[float, ...]
    strengths: tuple[float, ...]

    def onsets(self, loop_beats: Beats) -> tuple[Onset, ...]:
        """Return the strokes in `loop_beats` beats, the cycle repeated; one before beat 0 comes round at the end."""
        steps = int(loop_beats / self.grid)
        strokes = []
        for step in range(steps):
            strength = self.strengths[step % len(self.strengths)]
            if strength > 0:
                beat = step * self.grid + snapped(self.offsets[step % len(self.offsets)])
                strokes.append(Onset(beat % loop_beats, strength))
        return tuple(sorted(strokes))


def groove_from_audio(
    audio: NDArray[np.floating], sample_rate: int, loop_beats: Beats, grid: Beats = SIXTEENTH
) -> Groove:
    """Return the groove of a recorded loop, float [samples] or [channels, samples].

    The recording is exactly `loop_beats` long and its first sample is beat 0. Raises `MidiError` where it is silent,
    too short, not finite, or has no strokes.
    """
    mono = np.asarray(audio, dtype=np.float64)
    mono = mono.mean(axis=0) if mono.ndim == 2 else mono
    samples_per_beat = Fraction(mono.size) / loop_beats
    strokes = [
        Onset(Fraction(sample) / samples_per_beat, strength) for sample, strength in pick_onsets(mono, sample_rate)
    ]
    return groove_from_onsets(strokes, loop_beats, grid)


def groove_from_onsets(strokes: Sequence[Onset], loop_beats: Beats, grid: Beats = SIXTEENTH) -> Groove:
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
    return Groove(grid, tuple(offsets.tolist()), tuple((strongest / strongest.max()).tolist()))

"""Whether the hits of a loop are on the grid that was asked for: their own tempo, and how far off they are.

Hits count by their strength: crackle, noise and slow swells have onsets, too, and follow no grid.

The grid is known only by tempo and downbeat. Sixteenths may be swung by any amount from 50 to 67 %, because a
prompt names no number; hits that follow no grid cannot hide in that freedom (tests/benchmarks).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.metrics.framing import Signal, mono
from engine.metrics.rhythm import onset_strength, onset_times

MIN_HITS = 4
TEMPO_TOLERANCE, PHASE_SECONDS = 0.005, 0.010
SEARCHED = 0.06  # of the tempo, up and down
MIN_SECONDS = 16.0  # of music to tell a tempo from
SWINGS = np.linspace(0.50, 0.67, 18)
HARMONICS = {1: 0.5, 2: 1.0, 4: 1.0}  # quarters, eighths, sixteenths


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The tempo that the hits have over the one asked for, and their median distance from the grid in seconds."""

    tempo_ratio: float
    phase_seconds: float

    @property
    def kept(self) -> bool:
        """Whether tempo and phase are within the bars."""
        return abs(self.tempo_ratio - 1) <= TEMPO_TOLERANCE and self.phase_seconds <= PHASE_SECONDS


def measure(audio: NDArray[np.floating], sample_rate: int, tempo_bpm: float) -> Grid | None:
    """Return how a loop [channels, samples] keeps to `tempo_bpm`, or None where too few hits are heard."""
    signal = mono(audio)
    times = onset_times(signal, sample_rate, circular=True)
    if len(times) < MIN_HITS:
        return None
    strength = onset_strength(signal, sample_rate, circular=True)
    frame = np.round(times * sample_rate / len(signal) * len(strength)).astype(np.int64) % len(strength)
    return Grid(
        tempo_ratio=tempo_ratio(strength, len(signal) / sample_rate, tempo_bpm),
        phase_seconds=off_grid(times, strength[frame], tempo_bpm),
    )


def off_grid(times: Signal, weights: Signal, tempo_bpm: float) -> float:
    """Return the weighted median distance in seconds of hits at `times` from the best swung grid of sixteenths."""
    beats = times * tempo_bpm / 60
    return float(min(_median(_distances(beats, swing), weights) for swing in SWINGS) * 60 / tempo_bpm)


def _median(values: Signal, weights: Signal) -> float:
    order = np.argsort(values)
    rising = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(rising, rising[-1] / 2)])


def _distances(beats: Signal, swing: float) -> Signal:
    """Return the distance in beats from the nearest place of a grid of eighths, each split at `swing`."""
    inside = beats * 2 % 1
    places = np.array([0.0, swing, 1.0])
    return np.asarray(np.abs(inside[:, None] - places).min(1) / 2)


def tempo_ratio(strength: Signal, loop_seconds: float, tempo_bpm: float) -> float:
    """Return the tempo that explains most of the onset strength [frames], over `tempo_bpm`: 0.94 to 1.06.

    The strength's spectrum is read at beat, eighth and sixteenth of each tempo, over as many rounds as a listener
    needs: the few hits of one bar alone would not tell a tempo to half a percent.
    """
    rounds = int(np.ceil(MIN_SECONDS / loop_seconds))
    heard = np.tile(strength, rounds)
    centred = (heard - heard.mean()) * np.hanning(len(heard) + 1)[:-1]
    seconds = np.arange(len(heard)) * loop_seconds / len(strength)
    ratios = 1 + np.linspace(-SEARCHED, SEARCHED, 481)
    beats = np.outer(ratios, seconds * tempo_bpm / 60)
    power = sum(weight * np.abs(np.exp(-2j * np.pi * k * beats) @ centred) ** 2 for k, weight in HARMONICS.items())
    return float(ratios[np.argmax(power)])

"""Whether layers fit each other: notes within their chords' scale, basses on kicks, and chords that are recognised.

Whoever listens here takes no part in any loss: pitches by the cumulative mean normalised difference of YIN (de
Cheveigné and Kawahara 2002), onsets by `engine.metrics.rhythm`, chords by templates of the key judge's chroma.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from engine.metrics.framing import Signal, count_of, frames_of, mono
from engine.metrics.rhythm import matched, onset_times

from . import key

BASS_HZ, LEAD_HZ = (30.0, 400.0), (110.0, 1800.0)
FRAME_SECONDS, HOP_SECONDS = 0.093, 0.023
CLEAR = 0.2  # of the normalised difference: below, a frame has one pitch
AUDIBLE_DB = 30.0  # under the loudest frame
KICK_HZ = 120.0
TOGETHER_SECONDS = 0.020
LEAST_SECONDS = 0.4  # of a chord that can be told
ROOT_WEIGHT = 1.3
THIRDS = {"major": 4, "minor": 3}
SHAPES = {
    "major": ((0, 4, 7), (0, 4, 7, 11), (0, 4, 7, 10), (0, 2, 4, 11), (0, 2, 4, 10), (0, 2, 4, 7)),
    "minor": ((0, 3, 7), (0, 3, 7, 10), (0, 2, 3, 10), (0, 1, 3, 10)),
}
"""What counts as a major or minor chord: triads, sevenths, ninths."""


@dataclass(frozen=True, slots=True)
class Told:
    """A stretch of a loop in seconds, the pitch classes that fit there, and its chord's root and notes."""

    start_seconds: float
    end_seconds: float
    scale: frozenset[int]
    root: int
    notes: frozenset[int]


def in_scale(stem: NDArray[np.floating], sample_rate: int, told: Sequence[Told], hz: tuple[float, float]) -> float:
    """Return the share of frames with a clear pitch whose pitch class fits where it sounds; NaN where none has one."""
    pitches = pitches_of(mono(stem), sample_rate, hz)
    seconds = np.arange(len(pitches)) * stem.shape[-1] / sample_rate / len(pitches)
    fitting = [
        round(pitch) % 12 in next((one.scale for one in told if one.start_seconds <= at < one.end_seconds), frozenset())
        for pitch, at in zip(pitches, seconds, strict=True)
        if np.isfinite(pitch)
    ]
    return float(np.mean(fitting)) if fitting else float("nan")


def pitches_of(signal: Signal, sample_rate: int, hz: tuple[float, float]) -> Signal:
    """Return the pitch of each frame as a MIDI number [frames], NaN where there is none that is clear."""
    window = 2 * round(sample_rate * FRAME_SECONDS / 2)
    count = count_of(len(signal), HOP_SECONDS * sample_rate)
    frames = frames_of(signal, 2 * window, count, circular=True)
    shortest, longest = round(sample_rate / hz[1]), min(round(sample_rate / hz[0]), window)
    difference = _difference(frames, window, longest)
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, longest + 1)
    normal = np.concatenate([np.ones((count, 1)), difference[:, 1:] / np.maximum(mean, 1e-12)], 1)
    level_db = 10 * np.log10((frames**2).mean(1) + 1e-12)
    found = np.full(count, np.nan)
    for index in np.flatnonzero(level_db > level_db.max() - AUDIBLE_DB):
        row = normal[index, shortest:]
        dips = np.flatnonzero(row < CLEAR)
        if not len(dips):
            continue
        lag = dips[0]
        while lag + 1 < len(row) and row[lag + 1] < row[lag]:
            lag += 1
        found[index] = 69 + 12 * np.log2(sample_rate / (lag + shortest) / 440)
    return found


def _difference(frames: Signal, window: int, longest: int) -> Signal:
    """Return the squared difference of each frame's first half and itself so many samples later: [frames, lags]."""
    size = 2 * frames.shape[1]
    first = np.fft.rfft(frames[:, :window], size)
    together = np.fft.irfft(np.conj(first) * np.fft.rfft(frames, size), size)[:, : longest + 1]
    squares = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    lags = np.arange(longest + 1)
    energy = squares[:, lags + window] - squares[:, lags]
    return np.maximum(energy[:, :1] + energy - 2 * together, 0)


def on_kicks(bass: NDArray[np.floating], drums: NDArray[np.floating], sample_rate: int) -> float:
    """Return the share of the bass's onsets that meet a kick within 20 ms; NaN where either has none."""
    sections = butter(4, KICK_HZ, fs=sample_rate, output="sos")
    low = sosfiltfilt(sections, np.tile(mono(drums), 3))[len(mono(drums)) : 2 * len(mono(drums))]
    kicks = onset_times(low, sample_rate, circular=True)
    notes = onset_times(mono(bass), sample_rate, circular=True)
    if not len(kicks) or not len(notes):
        return float("nan")
    return len(matched(notes, kicks, TOGETHER_SECONDS, bass.shape[-1] / sample_rate)) / len(notes)


def chords_recognised(audio: NDArray[np.floating], sample_rate: int, told: Sequence[Told]) -> float:
    """Return the share of major and minor chords whose root and third are heard; NaN where none can be told."""
    right = []
    for one in told:
        quality = _quality(one)
        start, end = (round(seconds * sample_rate) for seconds in (one.start_seconds, one.end_seconds))
        if quality is None or one.end_seconds - one.start_seconds < LEAST_SECONDS:
            continue
        chroma = key.chroma_of(audio[:, start:end], sample_rate)
        right.append(_nearest(chroma) == (one.root, quality))
    return float(np.mean(right)) if right else float("nan")


def _quality(one: Told) -> str | None:
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

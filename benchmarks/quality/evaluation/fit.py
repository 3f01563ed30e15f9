"""Whether layers fit each other: notes within their chords' scale, basses on kicks, and chords that are recognised.

Whoever listens here takes no part in any loss: pitches and chords by `engine.metrics.hearing`, onsets by
`engine.metrics.rhythm`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from engine.metrics.framing import mono
from engine.metrics.hearing.chords import Stretch, share_recognised
from engine.metrics.hearing.pitch import pitches_of
from engine.metrics.rhythm import matched, onset_times

BASS_HZ, LEAD_HZ = (30.0, 400.0), (110.0, 1800.0)
KICK_HZ = 120.0
TOGETHER_SECONDS = 0.020


@dataclass(frozen=True, slots=True)
class Harmony:
    """A stretch of a loop in seconds, the pitch classes that fit there, and its chord's root and notes."""

    start_seconds: float
    end_seconds: float
    scale: frozenset[int]
    root: int
    notes: frozenset[int]


def in_scale(
    stem: NDArray[np.floating], sample_rate: int, harmony: Sequence[Harmony], hz: tuple[float, float]
) -> float:
    """Return the share of frames with a clear pitch whose pitch class fits where it sounds; NaN where none has one."""
    pitches = pitches_of(mono(stem), sample_rate, hz)
    seconds = np.arange(len(pitches)) * stem.shape[-1] / sample_rate / len(pitches)
    fitting = [
        round(pitch) % 12
        in next((one.scale for one in harmony if one.start_seconds <= at < one.end_seconds), frozenset())
        for pitch, at in zip(pitches, seconds, strict=True)
        if np.isfinite(pitch)
    ]
    return float(np.mean(fitting)) if fitting else float("nan")


def on_kicks(bass: NDArray[np.floating], drums: NDArray[np.floating], sample_rate: int) -> float:
    """Return the share of the bass's onsets that meet a kick within 20 ms; NaN where either has none."""
    sections = butter(4, KICK_HZ, fs=sample_rate, output="sos")
    low = sosfiltfilt(sections, np.tile(mono(drums), 3))[len(mono(drums)) : 2 * len(mono(drums))]
    kicks = onset_times(low, sample_rate, circular=True)
    notes = onset_times(mono(bass), sample_rate, circular=True)
    if not len(kicks) or not len(notes):
        return float("nan")
    return len(matched(notes, kicks, TOGETHER_SECONDS, bass.shape[-1] / sample_rate)) / len(notes)


def chords_recognised(audio: NDArray[np.floating], sample_rate: int, harmony: Sequence[Harmony]) -> float:
    """Return the share of major and minor chords whose root and third are heard; NaN where there are none to hear."""
    share = share_recognised(
        audio, sample_rate, [Stretch(one.start_seconds, one.end_seconds, one.root, one.notes) for one in harmony]
    )
    return float("nan") if share is None else share

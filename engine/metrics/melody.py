"""Melody accuracy: how often the loudest pitch class is the melody's, in chroma of 8192 samples every 2048 at 44.1 kHz.

A biquad high-pass at middle C (261.2 Hz) comes first, as in DITTO and Music ControlNet, so that a bass does not count
as melody. Chroma: each FFT bin goes to the pitch classes near it, octaves around C5 weigh most.
"""

import numpy as np
from numpy.typing import NDArray

from .framing import Signal, count_of, frames_of, scaled

HIGH_PASS_HZ = 261.2
WINDOW, HOP = 8192, 2048
CENTRE_OCTAVE, OCTAVE_WIDTH = 5.0, 2.0  # octaves above C0 (16.35 Hz), as chroma features usually weigh them
C0_HZ = 16.3516


def frame_count(samples: int, sample_rate: int) -> int:
    """Return the number of frames of `chromagram` for a loop of `samples` samples."""
    return count_of(samples, HOP * sample_rate / 44_100)


def high_passed(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return `signal` [samples] after a second-order high-pass at middle C, in steady state at the wrap of a loop."""
    from . import biquad  # here, because it imports numba, and few loops have a melody

    section = biquad.butterworth(HIGH_PASS_HZ, sample_rate)
    lead = signal[-min(len(signal), sample_rate // 5) :] if circular else signal[:0]
    return biquad.filtered(section, np.concatenate([lead, signal]))[len(lead) :]


def chromagram(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return the energy of the twelve pitch classes: [frame_count, 12], C first."""
    window = scaled(WINDOW, sample_rate)
    count = frame_count(len(signal), sample_rate)
    frames = frames_of(signal, window, count, circular=circular) * np.hanning(window + 1)[:-1]
    power = np.abs(np.fft.rfft(frames)) ** 2
    return np.asarray(power @ _bins_to_classes(window, sample_rate))


def _bins_to_classes(window: int, sample_rate: int) -> Signal:
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)[1:]
    octaves = np.log2(frequency / C0_HZ)
    width = np.maximum(np.gradient(octaves) * 12, 1.0)  # in semitones, at least one
    away = (12 * octaves[:, None] - np.arange(12) + 6) % 12 - 6
    near = np.exp(-0.5 * (2 * away / width[:, None]) ** 2)
    near /= np.sqrt((near**2).sum(1, keepdims=True))
    heard = np.exp(-0.5 * ((octaves - CENTRE_OCTAVE) / OCTAVE_WIDTH) ** 2)
    return np.vstack([np.zeros(12), near * heard[:, None]])


def accuracy(
    signal: Signal,
    sample_rate: int,
    classes: NDArray[np.int64],
    sounding: NDArray[np.bool_],
    *,
    circular: bool,
    filtered: bool = True,
) -> float | None:
    """Return the share of `sounding` frames of `signal` [samples] whose loudest pitch class is that of `classes`.

    `classes`, 0 (C) to 11, and `sounding` are [frame_count]. Without `filtered` the high-pass is left out. None where
    no note sounds.
    """
    heard = high_passed(signal, sample_rate, circular=circular) if filtered else signal
    loudest = chromagram(heard, sample_rate, circular=circular).argmax(1)
    return float((loudest == classes)[sounding].mean()) if sounding.any() else None

"""The brightness of a loop: the centroid of its power spectrum in octaves, averaged over one second."""

import numpy as np
from numpy.typing import NDArray

from .framing import Signal, count_of, frames_of, scaled

WINDOW, HOP = 4096, 1024  # samples at 44.1 kHz
SPAN_SECONDS = 1.0  # Hann-weighted average of power
SILENCE = 1e-9  # mean square added to a frame, at 20 Hz: the centroid of silence


def frame_count(samples: int, sample_rate: int) -> int:
    """Return the number of frames of `curve` for a loop of `samples` samples."""
    return count_of(samples, HOP * sample_rate / 44_100)


def curve(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return log2 of the centroid in hertz of `signal` [samples]: [frame_count]."""
    window = scaled(WINDOW, sample_rate)
    count = frame_count(len(signal), sample_rate)
    shape = np.sin(np.pi * (np.arange(window) + 0.5) / window) ** 2
    power = np.abs(np.fft.rfft(frames_of(signal, window, count, circular=circular) * shape)) ** 2
    power *= 2 / (window * np.sum(shape**2))
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)
    moments = np.stack([power.sum(1), power @ frequency])
    level, moment = spanned(moments, count * sample_rate / len(signal), circular=circular)
    return np.asarray(np.log2((moment + 20 * SILENCE) / (level + SILENCE)))


def spanned(values: Signal, frame_rate_hz: float, *, circular: bool) -> Signal:
    """Return `values` [..., frames] averaged with Hann weights over one second, the ends repeated unless `circular`."""
    half = max(1, round(SPAN_SECONDS * frame_rate_hz / 2))
    weights = np.hanning(2 * half + 1)[1:-1]
    index = np.arange(values.shape[-1])[:, None] + np.arange(-half + 1, half)
    last = values.shape[-1] - 1
    index = index % (last + 1) if circular else np.clip(index, 0, last)
    return np.asarray(values[..., index] @ (weights / weights.sum()))


def error_octaves(
    signal: Signal, sample_rate: int, target: Signal, chosen: NDArray[np.bool_], *, circular: bool
) -> float:
    """Return the mean distance in octaves from `target` (log2 hertz, [frame_count]) in the `chosen` frames."""
    heard = curve(signal, sample_rate, circular=circular)
    wanted = spanned(target, len(target) * sample_rate / len(signal), circular=circular)
    return float(np.abs(heard - wanted)[chosen].mean())

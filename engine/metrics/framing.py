"""Frames of a waveform, circular or padded with silence, and smoothing over frames."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from ..curves import smoothing_kernel

Signal = NDArray[np.float64]
"""Float64 values; a mono waveform [samples] where no other shape is given."""


def mono(audio: NDArray[np.floating]) -> Signal:
    """Return the mean of the channels [samples] of `audio` [channels, samples] or [samples]."""
    values = np.asarray(audio, dtype=np.float64)
    return values if values.ndim == 1 else values.mean(0)


def frames_of(signal: Signal, window: int, count: int, *, circular: bool) -> Signal:
    """Return `count` frames [count, window], frame i centred on sample i * len(signal) / count.

    Beyond the ends of `signal` [samples] there is its other end if `circular`, else silence.
    """
    samples, before = len(signal), window // 2
    starts = np.round(np.arange(count) * samples / count).astype(np.int64)
    around = np.arange(-before, samples + window - before)
    if circular:
        longer = signal[around % samples]
    else:
        inside = (around >= 0) & (around < samples)
        longer = np.where(inside, signal[np.clip(around, 0, samples - 1)], 0.0)
    return np.asarray(sliding_window_view(longer, window)[starts])


def scaled(samples_at_44100: int, sample_rate: int) -> int:
    """Return a length in samples at 44.1 kHz as the nearest even number of samples of the same time, at least 2."""
    return 2 * max(1, round(samples_at_44100 * sample_rate / 88_200))


def count_of(samples: int, hop: float) -> int:
    """Return the number of equal hops, at least 1, that span `samples` and are nearest to `hop` samples."""
    return max(1, round(samples / hop))


def smoothed(values: Signal, frame_rate_hz: float, *, circular: bool, seconds: float = 1.0) -> Signal:
    """Return `values` [frames] after a Savitzky-Golay filter of order 2 over `seconds`."""
    width = max(3, 2 * round((seconds * frame_rate_hz - 1) / 2) + 1)
    return np.asarray(convolve1d(values, smoothing_kernel(width), mode="wrap" if circular else "nearest"))

"""Frames of a waveform, round the loop or padded with silence, and the filters that run over them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from ..curves import smoothing_kernel

Signal = NDArray[np.float64]


def mono(audio: NDArray[np.floating]) -> Signal:
    """Return the mean of the channels [samples] of `audio` [channels, samples] or [samples]."""
    values = np.asarray(audio, dtype=np.float64)
    return values if values.ndim == 1 else values.mean(0)


def frames_of(signal: Signal, window: int, count: int, *, circular: bool) -> Signal:
    """Return `count` frames [count, window], frame i centred on sample i * len(signal) / count."""
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
    """Return a length given at 44.1 kHz at another rate, even."""
    return 2 * max(1, round(samples_at_44100 * sample_rate / 88_200))


def count_of(samples: int, hop: float) -> int:
    """Return how many frames with a hop nearest to `hop` span `samples`."""
    return max(1, round(samples / hop))


def smoothed(values: Signal, frame_rate_hz: float, *, circular: bool, seconds: float = 1.0) -> Signal:
    """Return `values` [frames] after a Savitzky-Golay filter of order 2 over `seconds`."""
    width = max(3, 2 * round((seconds * frame_rate_hz - 1) / 2) + 1)
    return np.asarray(convolve1d(values, smoothing_kernel(width), mode="wrap" if circular else "nearest"))

"""How loud a loop is: its true peak between samples, and its loudness (ITU-R BS.1770-4)."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample, resample_poly

from .framing import count_of, frames_of

OVERSAMPLING = 4


def true_peak_db(audio: NDArray[np.floating], *, circular: bool) -> float:
    """Return the highest level between samples in dBTP of `audio` [channels, samples], four times oversampled."""
    values = np.atleast_2d(np.asarray(audio, dtype=np.float32))  # exact to 1e-5 dB, and twice as fast
    if circular:
        dense = resample(values, OVERSAMPLING * values.shape[1], axis=1)
    else:
        dense = resample_poly(values, OVERSAMPLING, 1, axis=1)
    peak = max(float(np.abs(dense).max(initial=0)), float(np.abs(values).max(initial=0)))
    return float(20 * np.log10(max(peak, 1e-10)))


def loudness_lufs(audio: NDArray[np.floating], sample_rate: int) -> float:
    """Return the gated loudness of a loop [channels, samples], heard going round, at least -70 LUFS."""
    values = np.atleast_2d(np.asarray(audio, dtype=np.float64))
    weighted = _k_weighted(np.concatenate([values, values], axis=1), sample_rate)[:, values.shape[1] :]
    block = round(0.4 * sample_rate)
    count = count_of(values.shape[1], block / 4)
    power = sum(np.mean(frames_of(channel, block, count, circular=True) ** 2, axis=1) for channel in weighted)
    level = -0.691 + 10 * np.log10(np.maximum(power, 1e-12))
    if not (level > -70).any():
        return -70.0
    gate = -0.691 + 10 * np.log10(np.mean(power[level > -70])) - 10
    return float(-0.691 + 10 * np.log10(np.mean(power[level > max(gate, -70)])))


def _k_weighted(audio: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """The standard's shelf and high-pass, its 48 kHz filters re-derived for other rates."""
    shelf = _shelf(1681.974450955533, 3.999843853973347, 0.7071752369554196, sample_rate)
    low_cut = _high_pass(38.13547087602444, 0.5003270373238773, sample_rate)
    return np.asarray(lfilter(*low_cut, lfilter(*shelf, audio, axis=1), axis=1))


def _shelf(frequency_hz: float, gain_db: float, q: float, sample_rate: int) -> tuple[list[float], list[float]]:
    k = np.tan(np.pi * frequency_hz / sample_rate)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    forward = [(high + middle * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0]
    return forward, [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]


def _high_pass(frequency_hz: float, q: float, sample_rate: int) -> tuple[list[float], list[float]]:
    k = np.tan(np.pi * frequency_hz / sample_rate)
    a0 = 1 + k / q + k * k
    return [1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]

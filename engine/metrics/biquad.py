"""Second-order filters (biquads): coefficients, and a compiled pass over a signal.

SciPy's own passes are as quick, and equal to the bit, but importing `scipy.signal` takes longer than making a loop.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Coefficients = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Numerator [3] and denominator [3] of the transfer function; the first of the denominator is 1."""


def shelf(frequency_hz: float, gain_db: float, q: float, sample_rate: int) -> Coefficients:
    """Return the high shelf of ITU-R BS.1770-5, Annex 1, re-derived for `sample_rate`."""
    k = np.tan(np.pi * frequency_hz / sample_rate)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    forward = [(high + middle * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0]
    return np.array(forward), _backward(k, q)


def high_pass(frequency_hz: float, q: float, sample_rate: int) -> Coefficients:
    """Return the high-pass of ITU-R BS.1770-5, Annex 1, with the numerator (1, -2, 1), for `sample_rate`."""
    return np.array([1.0, -2.0, 1.0]), _backward(np.tan(np.pi * frequency_hz / sample_rate), q)


def butterworth(frequency_hz: float, sample_rate: int) -> Coefficients:
    """Return the second-order Butterworth high-pass, with a gain of 1 at half the rate."""
    forward, backward = high_pass(frequency_hz, 0.5**0.5, sample_rate)
    return forward * ((1 - backward[1] + backward[2]) / 4), backward


def _backward(k: float, q: float) -> NDArray[np.float64]:
    a0 = 1 + k / q + k * k
    return np.array([1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])


def filtered(coefficients: Coefficients, audio: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return `audio` [..., samples] after the filter, which starts from silence."""
    audio = np.ascontiguousarray(audio, dtype=np.float64)
    return np.asarray(_pass(*coefficients, audio.reshape(-1, audio.shape[-1]))).reshape(audio.shape)


@numba.njit(cache=True, nogil=True)
def _pass(
    forward: NDArray[np.float64], backward: NDArray[np.float64], audio: NDArray[np.float64]
) -> NDArray[np.float64]:  # pragma: no cover - compiled
    """Filter `audio` [channels, samples] in direct form II transposed, as `scipy.signal.lfilter` does."""
    out = np.empty_like(audio)
    for channel in range(audio.shape[0]):
        first = second = 0.0
        for place in range(audio.shape[1]):
            now = audio[channel, place]
            new = first + forward[0] * now
            first = second + now * forward[1] - new * backward[1]
            second = now * forward[2] - new * backward[2]
            out[channel, place] = new
    return out

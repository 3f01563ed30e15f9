"""Filters of second order: their coefficients, and one pass over a sound, compiled.

SciPy's own passes are as quick, and equal to the bit, but importing `scipy.signal` takes longer than making a loop.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Coefficients = tuple[NDArray[np.float64], NDArray[np.float64]]  # three forward, three backward of which the first is 1


def shelf(frequency_hz: float, gain_db: float, q: float, sample_rate: int) -> Coefficients:
    """Return the high shelf of ITU-R BS.1770-5, Annex 1, re-derived for `sample_rate`."""
    k = np.tan(np.pi * frequency_hz / sample_rate)
    high = 10 ** (gain_db / 20)
    middle = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    forward = [(high + middle * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0]
    return np.array(forward), _backward(k, q)


def high_pass(frequency_hz: float, q: float, sample_rate: int) -> Coefficients:
    """Return a high-pass whose forward part is (1, -2, 1), as in ITU-R BS.1770-5, Annex 1."""
    return np.array([1.0, -2.0, 1.0]), _backward(np.tan(np.pi * frequency_hz / sample_rate), q)


def butterworth(frequency_hz: float, sample_rate: int) -> Coefficients:
    """Return the Butterworth high-pass of second order, which lets the highest frequencies through as they are."""
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
    """Direct form II transposed, as `scipy.signal.lfilter`."""
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

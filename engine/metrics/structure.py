"""The error of a loop's self-similarity against a form such as AABA: cepstra of stretches, four per section."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import convolve1d

from ..curves import smoothing_kernel
from .framing import Signal, count_of, frames_of, scaled

STRETCHES = 4  # per section
FILTERS, COEFFICIENTS = 40, 13


def mfcc(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return mel-frequency cepstral coefficients 1 to 13 in dB: [frames, 13], hop 512 samples at 44.1 kHz."""
    window = scaled(2048, sample_rate)
    count = count_of(len(signal), 512 * sample_rate / 44_100)
    shape = np.hanning(window + 1)[:-1]
    power = np.abs(np.fft.rfft(frames_of(signal, window, count, circular=circular) * shape)) ** 2
    power *= 2 / (window * np.sum(shape**2))
    level = 10 * np.log10(power @ _mel(window, sample_rate) + 1e-9)
    return np.asarray(dct(level, norm="ortho", axis=1)[:, 1 : COEFFICIENTS + 1])


def _mel(window: int, sample_rate: int) -> Signal:
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)
    lowest, highest = (1127 * np.log1p(hertz / 700) for hertz in (40.0, min(16_000.0, sample_rate / 2)))
    edges = 700 * np.expm1(np.linspace(lowest, highest, FILTERS + 2) / 1127)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequency[:, None] - low) / (middle - low), (high - frequency[:, None]) / (high - middle)
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None))


def stretches(features: Signal, count: int) -> Signal:
    """Return `features` [frames, n] averaged over `count` equal stretches: [count, n]."""
    borders = np.arange(len(features)) * count // len(features)
    return np.stack(
        [features[borders == i].mean(0) if (borders == i).any() else features.mean(0) for i in range(count)]
    )


def self_similarity(features: Signal) -> Signal:
    """Return the smoothed cosine similarity [count, count] of `features` [count, n], centred first."""
    centred = features - features.mean(0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-3)
    return smoothed(unit @ unit.T)


def smoothed(matrix: Signal) -> Signal:
    """Return `matrix` [count, count] after a Savitzky-Golay filter of order 2 over 5 stretches in both directions."""
    width = min(5, len(matrix) - (1 - len(matrix) % 2))
    if width < 3:
        return matrix
    once = convolve1d(matrix, smoothing_kernel(width), axis=0, mode="nearest")
    return np.asarray(convolve1d(once, smoothing_kernel(width), axis=1, mode="nearest"))


def target_matrix(form: str) -> Signal:
    """Return the self-similarity of one-hot letters of `form`, computed as a loop's: [4 len(form), 4 len(form)]."""
    if len(set(form)) == 1:
        return np.ones((STRETCHES * len(form),) * 2)
    letters = np.array([[a == b for b in dict.fromkeys(form)] for a in form], dtype=np.float64)
    return self_similarity(np.repeat(letters, STRETCHES, axis=0))


def mse(
    signal: Signal, sample_rate: int, form: str, asked: NDArray[np.bool_] | None = None, *, circular: bool
) -> float:
    """Return the mean squared error of the loop's self-similarity against the matrix of `form`.

    `asked` [4 len(form)] selects the stretches that count; None is all.
    """
    features = stretches(mfcc(signal, sample_rate, circular=circular), STRETCHES * len(form))
    counts = np.ones(len(features), dtype=np.bool_) if asked is None else asked
    return float(np.mean((self_similarity(features) - target_matrix(form))[np.ix_(counts, counts)] ** 2))

"""A chroma vector of sustained spectral peaks, without drums and without overtones of lower notes."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

from ..framing import Signal, frames_of, mono

WINDOW, HOP, LOWEST_HZ, HIGHEST_HZ = 16_384, 2048, 60.0, 2_100.0  # window and hop in samples
OVERTONES, FAINT = (3, 5), 0.3  # partials of another pitch class than their note, and their largest amplitude beside it
ABOVE_SURROUNDINGS = 1.2  # factor of a peak over the mean of 41 bins around it
SEMITONE_WIDTH = 0.3  # semitones, standard deviation of a pitch class around its pitches


def chroma_of(audio: NDArray[np.floating], sample_rate: int) -> Signal:
    """Return the chroma of `audio` [channels, samples], averaged over time: [12], C first.

    Each bin is a median over five frames, a quarter of a second, which suppresses drums. Peaks count by the square
    root of their magnitude, unless they are overtones of a lower note.
    """
    signal = mono(audio)
    count = max(8, round(len(signal) / HOP))
    shape = np.hanning(WINDOW + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(frames_of(signal, WINDOW, count, circular=True) * shape))
    first, last = (int(hz * WINDOW / sample_rate) for hz in (LOWEST_HZ, HIGHEST_HZ))
    lasting = median_filter(magnitude[:, first - 1 : last + 2], (5, 1), mode="wrap")
    bin_, height = _peaks(lasting, first)
    semitones = 69 + 12 * np.log2(bin_ * sample_rate / WINDOW / 440)
    away = (semitones[:, None] - np.arange(12) + 6) % 12 - 6
    return np.asarray(np.sqrt(height) @ np.exp(-0.5 * (away / SEMITONE_WIDTH) ** 2)) / count


def _peaks(magnitude: Signal, first: int) -> tuple[Signal, Signal]:
    """Return fractional bin (by parabolic interpolation) and magnitude of the peaks that are notes: [peaks] each."""
    left, middle, right = magnitude[:, :-2], magnitude[:, 1:-1], magnitude[:, 2:]
    around = uniform_filter1d(magnitude, 41, axis=1)[:, 1:-1]
    found = (middle > left) & (middle > right) & (middle > ABOVE_SURROUNDINGS * around)
    heights = np.where(found, middle, 0.0)
    found &= heights > FAINT * _explained(heights, first)
    low, mid, high = (np.log(np.maximum(part[found], 1e-9)) for part in (left, middle, right))
    bend = np.minimum(low - 2 * mid + high, -1e-9)
    place = np.nonzero(found)[1]
    return place + first + 0.5 * (low - high) / bend, heights[found]


def _explained(heights: Signal, first: int) -> Signal:
    """Return for each bin the magnitude of the loudest peak of which it would be an overtone: [frames, bins]."""
    nearby = maximum_filter1d(heights, 3, axis=1)
    bins = np.arange(heights.shape[1]) + first
    explained = np.zeros_like(heights)
    for overtone in OVERTONES:
        below = np.round(bins / overtone).astype(np.int64) - first
        inside = below >= 0
        explained[:, inside] = np.maximum(explained[:, inside], nearby[:, below[inside]])
    return explained

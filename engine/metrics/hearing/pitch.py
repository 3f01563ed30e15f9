"""Fundamental frequency frame by frame, by YIN (de Cheveigné and Kawahara 2002)."""

import numpy as np

from ..framing import Signal, count_of, frames_of

FRAME_SECONDS, HOP_SECONDS = 0.093, 0.023
CLEAR = 0.2  # of YIN's normalised difference: below it a frame is voiced
AUDIBLE_DB = 30.0  # quieter frames than this under the loudest have no pitch


def pitches_of(signal: Signal, sample_rate: int, hz: tuple[float, float]) -> Signal:
    """Return the pitch of each frame of `signal` [samples] as a fractional MIDI number [frames], NaN without one.

    `hz` is the lowest and the highest frequency. Frames are circular, every 23 ms.
    """
    window = 2 * round(sample_rate * FRAME_SECONDS / 2)
    count = count_of(len(signal), HOP_SECONDS * sample_rate)
    frames = frames_of(signal, 2 * window, count, circular=True)
    shortest, longest = round(sample_rate / hz[1]), min(round(sample_rate / hz[0]), window)
    difference = _difference(frames, window, longest)
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, longest + 1)
    normal = np.concatenate([np.ones((count, 1)), difference[:, 1:] / np.maximum(mean, 1e-12)], 1)
    level_db = 10 * np.log10((frames**2).mean(1) + 1e-12)
    found = np.full(count, np.nan)
    for index in np.flatnonzero(level_db > level_db.max() - AUDIBLE_DB):
        row = normal[index, shortest:]
        dips = np.flatnonzero(row < CLEAR)
        if not len(dips):
            continue
        lag = dips[0]
        while lag + 1 < len(row) and row[lag + 1] < row[lag]:
            lag += 1
        found[index] = 69 + 12 * np.log2(sample_rate / (lag + shortest) / 440)
    return found


def _difference(frames: Signal, window: int, longest: int) -> Signal:
    """Return YIN's squared difference of each frame's first half and the frame later by a lag: [frames, lags]."""
    size = 2 * frames.shape[1]
    first = np.fft.rfft(frames[:, :window], size)
    together = np.fft.irfft(np.conj(first) * np.fft.rfft(frames, size), size)[:, : longest + 1]
    squares = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    lags = np.arange(longest + 1)
    energy = squares[:, lags + window] - squares[:, lags]
    return np.maximum(energy[:, :1] + energy - 2 * together, 0)

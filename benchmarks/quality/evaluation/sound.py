"""Faults of sound that need no listener: clicks, DC, smeared hits, rough chords, wrong spectra."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from engine.metrics.framing import Signal, frames_of, mono

MELS, TOP_HZ, RANGE_DB = 128, 18_000.0, 80.0
CLICK_OVER_SURROUNDINGS = 12.0
CHORD_HZ, CHORD_TOP_HZ = 4.0, 6_000.0


def log_mel_error_db(heard: NDArray[np.floating], original: NDArray[np.floating], sample_rate: int) -> float:
    """Return the mean absolute difference in dB over 128 mel bands and all frames; what is 80 dB down is floor."""
    levels = [_log_mel_db(mono(audio), sample_rate) for audio in (heard, original)]
    floor = levels[1].max() - RANGE_DB
    return float(np.mean(np.abs(np.maximum(levels[0], floor) - np.maximum(levels[1], floor))))


def _log_mel_db(signal: Signal, sample_rate: int) -> Signal:
    window = 2048
    frames = frames_of(signal, window, max(1, round(len(signal) / 512)), circular=True)
    power = np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1])) ** 2
    return np.asarray(10 * np.log10(power @ _mel(window, sample_rate) + 1e-12))


@lru_cache(maxsize=4)
def _mel(window: int, sample_rate: int) -> Signal:
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)
    edges = 700 * np.expm1(np.linspace(0, np.log1p(min(TOP_HZ, sample_rate / 2) / 700), MELS + 2))
    # Low bands are narrower than a bin: each reaches at least to its neighbours.
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    step = frequency[1]
    rising = (frequency[:, None] - np.minimum(low, mid - step)) / np.maximum(mid - low, step)
    falling = (np.maximum(high, mid + step) - frequency[:, None]) / np.maximum(high - mid, step)
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None))


def clicks(audio: NDArray[np.floating], sample_rate: int) -> int:
    """Return how many places of a loop jump by far more than their surroundings, for less than a millisecond.

    The third difference hears an edge and hardly any music; a place counts where it stands out of the 10 ms before
    *and* after, so that hits, which go on, do not.
    """
    signal = mono(audio)
    edge = np.abs(signal - 3 * np.roll(signal, 1) + 3 * np.roll(signal, 2) - np.roll(signal, 3))
    reach, apart = round(0.010 * sample_rate), round(0.0005 * sample_rate)
    highest = maximum_filter1d(edge, 2 * apart + 1, mode="wrap")
    usual = np.sqrt(np.maximum(uniform_filter1d(edge**2, reach, mode="wrap"), 0)) + 1e-4
    around = np.maximum(np.roll(usual, apart + reach // 2 + 4), np.roll(usual, -(apart + reach // 2 + 4)))
    return int(np.count_nonzero((edge == highest) & (edge > CLICK_OVER_SURROUNDINGS * around)))


def dc(audio: NDArray[np.floating]) -> float:
    """Return the largest mean of a channel."""
    return float(np.abs(np.atleast_2d(audio).mean(1)).max())


def chord_purity_db(heard: NDArray[np.floating], original: NDArray[np.floating], sample_rate: int) -> float:
    """Return the energy within 4 Hz of the partials of `original` over the rest below 6 kHz, in dB."""
    shape = np.hanning(heard.shape[-1])
    power, wanted = (np.abs(np.fft.rfft(mono(audio) * shape)) ** 2 for audio in (heard, original))
    frequency = np.fft.rfftfreq(heard.shape[-1], 1 / sample_rate)
    peaks = frequency[(wanted == maximum_filter1d(wanted, 9)) & (wanted > wanted.max() * 1e-3)]
    near = np.abs(frequency[:, None] - peaks).min(1) <= CHORD_HZ
    rest = power[~near & (frequency < CHORD_TOP_HZ)].sum()
    return float(10 * np.log10(power[near].sum() / max(rest, 1e-12)))


def attack_seconds(audio: NDArray[np.floating], sample_rate: int, hit_seconds: float) -> float:
    """Return how long the hit near `hit_seconds` takes from 10 to 90 % of its peak.

    Its envelope is the running RMS over a millisecond; the peak is sought within 80 ms, its start 60 ms before.
    """
    signal = mono(audio)
    place = round(hit_seconds * sample_rate)
    around = np.arange(place - round(0.06 * sample_rate), place + round(0.08 * sample_rate))
    width = max(1, round(0.001 * sample_rate))
    envelope = np.sqrt(np.maximum(uniform_filter1d(signal[around % len(signal)] ** 2, width), 0))
    peak = int(envelope.argmax())
    rising = envelope[: peak + 1] / max(envelope[peak], 1e-12)
    high = int(np.argmax(rising >= 0.9))
    below = np.flatnonzero(rising[:high] < 0.1)
    return float((high - (below[-1] if len(below) else 0)) / sample_rate)

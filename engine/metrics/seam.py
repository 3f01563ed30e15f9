"""Whether the place where a loop wraps can be heard: as a click, or as sound that is cut off.

An onset on the downbeat is music, not a fault, so a jump of the spectrum says nothing by itself. *Click*: what linear
prediction cannot explain within 3 samples of the wrap, against its surroundings and against the loop's own onsets.
*Drop*: how much sound vanishes across the wrap, against how much vanishes inside the loop.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from .framing import Signal, frames_of, scaled
from .rhythm import onset_times

# Found by benchmarks/seam.py; benchmarks/README.md has the figures.
CLICK_THRESHOLD = 1.0
DROP_THRESHOLD = 1.0

ORDER = 32
NEAR_SAMPLES = 3
AROUND_SECONDS, FIT_SECONDS = 0.010, 0.040
DROP_SECONDS = 0.023
FLOOR_BELOW_PEAK_DB = 50.0
LEAST_ONSETS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Both measures over their thresholds; `ratio` is the worse: at most 1 is a good loop."""

    click: float
    drop: float

    @property
    def ratio(self) -> float:
        """The worse of the two."""
        return max(self.click, self.drop)


def measure(audio: NDArray[np.floating], sample_rate: int) -> Seam:
    """Return how audible the wrap of `audio` [channels, samples] or [samples] is."""
    signal = np.atleast_2d(np.asarray(audio, dtype=np.float64)).mean(0)
    return Seam(click=click(signal, sample_rate) / CLICK_THRESHOLD, drop=drop(signal, sample_rate) / DROP_THRESHOLD)


def click(signal: Signal, sample_rate: int) -> float:
    """Return the wrap's unpredictability over the largest at the loop's own onsets (or over its surroundings' usual)."""
    at_wrap = _surprise(signal, 0, sample_rate)
    onsets = onset_times(signal, sample_rate, circular=True)
    places = [round(time * sample_rate) for time in onsets if 0.05 < time < len(signal) / sample_rate - 0.05]
    inside = [_largest_surprise(signal, place, sample_rate) for place in places]
    return at_wrap / max([USUAL_SURPRISE, *inside])


USUAL_SURPRISE = 4.0         # of a place where nothing happens, 99 % of them


def _largest_surprise(signal: Signal, place: int, sample_rate: int) -> float:
    """The largest surprise within 5 ms of a detected onset, whose exact sample is not known."""
    reach = round(0.005 * sample_rate)
    residual, usual = _residual(signal, place, sample_rate)
    middle = len(residual) // 2
    return float(residual[middle - reach : middle + reach].max() / usual)


def _surprise(signal: Signal, place: int, sample_rate: int) -> float:
    residual, usual = _residual(signal, place, sample_rate)
    middle = len(residual) // 2
    return float(residual[middle - NEAR_SAMPLES : middle + NEAR_SAMPLES].max() / usual)


def _residual(signal: Signal, place: int, sample_rate: int) -> tuple[Signal, float]:
    """Return |prediction error| around `place`, and its 99 % quantile within 10 ms, the nearest samples left out."""
    half = round(FIT_SECONDS * sample_rate)
    stretch = signal[np.arange(place - half, place + half) % len(signal)]
    correlation = np.correlate(stretch, stretch, "full")[2 * half - 1 : 2 * half + ORDER]
    correlation[0] = correlation[0] * 1.0001 + 1e-9
    coefficients = solve_toeplitz(correlation[:ORDER], correlation[1:])
    residual = np.abs(lfilter(np.concatenate([[1], -coefficients]), [1], stretch))
    around = round(AROUND_SECONDS * sample_rate)
    near = residual[half - around : half + around].copy()
    near[around - NEAR_SAMPLES : around + NEAR_SAMPLES] = 0
    return residual, float(np.quantile(near, 0.99)) + 1e-6


def drop(signal: Signal, sample_rate: int) -> float:
    """Return the fall of level across the wrap, averaged over frequencies, over its 99 % quantile inside."""
    falls = _falls(signal, sample_rate)
    inside = falls[1:]
    return float(falls[0] / max(np.quantile(inside, 0.99), 1.0))


def _falls(signal: Signal, sample_rate: int) -> Signal:
    """Return the mean half-wave fall in dB across each of many places round the loop, the wrap first."""
    window = scaled(1024, sample_rate)
    count = max(8, round(len(signal) / (window / 4)))
    shape = np.hanning(window + 1)[:-1]
    shift = round(DROP_SECONDS * sample_rate / 2)
    before, after = (
        np.abs(np.fft.rfft(frames_of(np.roll(signal, step), window, count, circular=True) * shape)) ** 2
        for step in (shift, -shift)
    )
    floor = max(before.max(), after.max(), 1e-9) * 10 ** (-FLOOR_BELOW_PEAK_DB / 10)
    fall = 10 * np.log10((before + floor) / (after + floor))
    return np.asarray(np.maximum(fall, 0).mean(1))

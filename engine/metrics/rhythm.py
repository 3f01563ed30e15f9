"""Onset detection, and the F1 of detected hits against the onsets of a target.

The detector is not the loss's: band-wise log spectra every 5 ms, rises over the maximum of neighbouring bands three
frames before (SuperFlux, Boeck and Widmer 2013), picked where they exceed their surroundings and a share of the
strongest. F1 is as in mir_eval: each hit may match one onset within a tolerance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from .framing import Signal, count_of, frames_of, scaled

WINDOW, HOP_SECONDS = 1024, 0.005  # window in samples at 44.1 kHz
LAG_FRAMES = 3  # between the frames whose difference is a rise
BANDS_PER_OCTAVE, LOWEST_HZ, HIGHEST_HZ = 12, 40.0, 16_000.0
LOUD_ENOUGH = 0.1  # of the strongest rise, below which none is a hit (`python -m benchmarks onsets`)
MIN_RISE = 0.01  # in the unit of `onset_strength`; the ripple of a steady tone is less
ABOVE_MEAN = 1.8  # times the mean rise within 200 ms
APART_SECONDS = 0.045  # between two hits at least
DELAY_SECONDS = 0.0005  # of the peak after the attack, measured with clicks, drums and plucked tones
WIDE_SECONDS, TIGHT_SECONDS = 0.070, 0.025  # tolerances of a match
ROUNDING_SECONDS = 1e-9  # so that a hit exactly at the edge counts from either side


@dataclass(frozen=True, slots=True, kw_only=True)
class RhythmScore:
    """F1 within 70 ms and within 25 ms."""

    f1: float
    f1_tight: float


def onset_strength(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return the mean rise over bands of log10 magnitude for each frame of about 5 ms: [frames]."""
    window = scaled(WINDOW, sample_rate)
    count = count_of(len(signal), HOP_SECONDS * sample_rate)
    shape = np.hanning(window + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(frames_of(signal, window, count, circular=circular) * shape)) / shape.sum()
    level = np.log10(1 + 1e4 * magnitude @ _bands(window, sample_rate))
    around = maximum_filter1d(level, 3, axis=1)
    rise = np.maximum(level - np.roll(around, LAG_FRAMES, axis=0), 0)
    if not circular:
        rise[:LAG_FRAMES] = np.maximum(level[:LAG_FRAMES], 0)
    return np.asarray(rise.mean(1))


def _bands(window: int, sample_rate: int) -> Signal:
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)
    octaves = np.log2(min(HIGHEST_HZ, sample_rate / 2) / LOWEST_HZ)
    edges = LOWEST_HZ * 2 ** (np.arange(int(octaves * BANDS_PER_OCTAVE) + 1) / BANDS_PER_OCTAVE)
    number = np.searchsorted(edges, frequency) - 1
    weights = (number[:, None] == np.arange(len(edges) - 1)).astype(np.float64)
    return np.asarray(weights[:, weights.sum(0) > 0])


def onset_times(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return the sorted times of hits in `signal` [samples], in seconds from its start: [hits]."""
    strength = onset_strength(signal, sample_rate, circular=circular)
    duration = len(signal) / sample_rate
    hop = duration / len(strength)
    if strength.max(initial=0) < MIN_RISE:
        return np.zeros(0)
    mode = "wrap" if circular else "nearest"
    apart = 2 * round(APART_SECONDS / hop) + 1
    highest = maximum_filter1d(strength, apart, mode=mode)
    usual = uniform_filter1d(strength, 2 * round(0.1 / hop) + 1, mode=mode)
    picked = (strength == highest) & (strength > ABOVE_MEAN * usual) & (strength > LOUD_ENOUGH * strength.max())
    times = _refined(strength, np.flatnonzero(picked)) * hop - DELAY_SECONDS
    return np.sort(times % duration) if circular else times[(times >= 0) & (times < duration)]


def _refined(strength: Signal, peaks: NDArray[np.intp]) -> Signal:
    """Return the places of `peaks` in fractional frames, from a parabola through three values."""
    left, middle, right = (strength[(peaks + step) % len(strength)] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    return np.asarray(peaks + np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0))


def matched(found: Signal, wanted: Signal, within_seconds: float, period_seconds: float | None) -> Signal:
    """Return found minus wanted in seconds of the largest one-to-one matching within a tolerance: [matches].

    `found` and `wanted` are times in seconds; with `period_seconds`, a loop's length, distances are circular.
    """
    if not len(found) or not len(wanted):
        return np.zeros(0)
    from scipy.optimize import linear_sum_assignment  # here, because few loops are asked for hits

    away = _away(found, wanted, period_seconds)
    near = np.abs(away) <= within_seconds + ROUNDING_SECONDS
    rows, columns = linear_sum_assignment(np.where(near, np.abs(away) - 1, 0.0))
    return np.asarray(away[rows, columns][near[rows, columns]])


def _away(found: Signal, wanted: Signal, period_seconds: float | None) -> Signal:
    """Return found minus wanted in seconds, circular with a period: [found, wanted]."""
    away = found[:, None] - wanted[None]
    if period_seconds is not None:
        away = (away + period_seconds / 2) % period_seconds - period_seconds / 2
    return np.asarray(away)


def _counted(
    found: Signal, wanted: Signal, asked: Callable[[Signal], NDArray[np.bool_]], period_seconds: float | None
) -> tuple[Signal, Signal]:
    """Return the hits and the onsets that count; a hit within 70 ms of an onset counts exactly if that onset does."""
    chosen = asked(wanted)
    near = np.abs(_away(found, wanted, period_seconds)) <= WIDE_SECONDS + ROUNDING_SECONDS
    hits = (asked(found) & ~near[:, ~chosen].any(1)) | near[:, chosen].any(1)
    return found[hits], wanted[chosen]


def f1(found: Signal, wanted: Signal, within_seconds: float, period_seconds: float | None) -> float:
    """Return F1, the harmonic mean of precision and recall, of `matched`; 1 where both are empty."""
    if not len(found) and not len(wanted):
        return 1.0
    return 2 * len(matched(found, wanted, within_seconds, period_seconds)) / (len(found) + len(wanted))


def compare(
    signal: Signal,
    sample_rate: int,
    wanted_seconds: Signal,
    *,
    circular: bool,
    asked: Callable[[Signal], NDArray[np.bool_]] | None = None,
) -> RhythmScore:
    """Score the hits of `signal` [samples] against the times `wanted_seconds` [onsets].

    `asked` returns for times in seconds whether each counts; without it all do.
    """
    found = onset_times(signal, sample_rate, circular=circular)
    period = len(signal) / sample_rate if circular else None
    wanted = np.unique(wanted_seconds)
    if asked is not None:
        found, wanted = _counted(found, wanted, asked, period)
    return RhythmScore(
        f1=f1(found, wanted, WIDE_SECONDS, period),
        f1_tight=f1(found, wanted, TIGHT_SECONDS, period),
    )

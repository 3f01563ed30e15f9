"""The audibility of the wrap of a loop: as a click, or as sound that is cut off.

An onset on the downbeat is music, not a fault, so a spectral difference alone cannot tell. *Click*: the error of
linear prediction within 3 samples of the wrap, over the larger of its usual errors before and after; an onset's noise
goes on after it, and a click's does not. *Drop*: how far the level falls across the wrap, over the
farthest fall inside the loop. `benchmarks/quality/seam.py` set the thresholds, so that 99 % of true loops pass.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .framing import Signal, frames_of, scaled

CLICK_THRESHOLD = 1.5
DROP_THRESHOLD = 1.0
CLEAN = 1.0  # largest ratio of a seam that nobody hears

ORDER = 32  # of the linear prediction
NEAR_SAMPLES = 3
AROUND_SECONDS, FIT_SECONDS = 0.010, 0.040  # each side of the wrap: usual errors, and the predictor's fit
WINDOW = 512  # samples at 44.1 kHz: 12 ms on each side of a place
FLOOR_BELOW_MEAN_DB = 40.0  # quieter is silence
MIN_FALL_DB = 3.0  # farthest fall that a loop is taken to have inside
RISE, ATTACK = 2.0, 2.7  # ratio of usual errors that is an attack, and the factor that it may stand out by
SILENCE = 1e-6  # amplitude under which nothing clicks


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Click and drop, each divided by its threshold: at most 1 is a good loop."""

    click: float
    drop: float

    @property
    def ratio(self) -> float:
        """The worse of the two."""
        return max(self.click, self.drop)


def measure(audio: NDArray[np.floating], sample_rate: int) -> Seam:
    """Return click and drop at the wrap of the mono mix of `audio` [channels, samples] or [samples]."""
    signal = np.atleast_2d(np.asarray(audio, dtype=np.float64)).mean(0)
    return Seam(click=click(signal, sample_rate) / CLICK_THRESHOLD, drop=drop(signal, sample_rate) / DROP_THRESHOLD)


def click(signal: Signal, sample_rate: int) -> float:
    """Return the largest prediction error at the wrap over the 99 % quantile of errors on its louder side.

    Where the errors rise across the wrap, a hit is taken to begin there, and the ratio is divided by `ATTACK`.
    """
    residual = _residual(signal, sample_rate)
    half, around = len(residual) // 2, round(AROUND_SECONDS * sample_rate)
    before = residual[half - around : half - NEAR_SAMPLES]
    after = residual[half + NEAR_SAMPLES + 1 : half + around]
    usual_before, usual_after = (float(np.quantile(side, 0.99)) + SILENCE for side in (before, after))
    allowed = ATTACK if usual_after > RISE * usual_before else 1.0
    found = float(residual[half - NEAR_SAMPLES : half + NEAR_SAMPLES + 1].max())
    return found / (allowed * max(usual_before, usual_after))


def _residual(signal: Signal, sample_rate: int) -> Signal:
    """Return |error| of linear prediction (autocorrelation method), [samples], with the wrap in the middle."""
    half = round(FIT_SECONDS * sample_rate)
    stretch = signal[np.arange(-half, half) % len(signal)]
    correlation = np.correlate(stretch, stretch, "full")[2 * half - 1 : 2 * half + ORDER]
    correlation[0] = correlation[0] * 1.0001 + 1e-9
    lags = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    coefficients = np.linalg.solve(correlation[lags], correlation[1:])
    return np.abs(np.convolve(stretch, np.concatenate([[1], -coefficients]))[: 2 * half])


def drop(signal: Signal, sample_rate: int) -> float:
    """Return the fall of level in dB across the wrap over the farthest fall elsewhere, taken as at least 3 dB."""
    falls = _falls(signal, scaled(WINDOW, sample_rate))
    return float(falls[0] / max(falls[1:].max(), MIN_FALL_DB))


def _falls(signal: Signal, window: int) -> Signal:
    """Return the falls of level in dB from one window to the next, at many places: [places], the wrap first.

    Falls from less than a tenth of the mean power count in proportion to the amplitude before.
    """
    count = max(8, round(len(signal) / (window / 2)))
    before, after = (
        np.mean(frames_of(np.roll(signal, step), window, count, circular=True) ** 2, axis=1)
        for step in (window // 2, -(window // 2))
    )
    usual = max(float(np.mean(signal**2)), SILENCE**2)
    floor = usual * 10 ** (-FLOOR_BELOW_MEAN_DB / 10)
    fall = np.maximum(10 * np.log10((before + floor) / (after + floor)), 0)
    return np.asarray(fall * np.minimum(1, np.sqrt(10 * before / usual)))


def remarks(ratio: float | None) -> tuple[str, ...]:
    """Return a sentence where a loop's `ratio` says that its seam may be heard; None is no loop."""
    return () if ratio is None or ratio <= CLEAN else ("The seam may be heard: listen where the loop begins again.",)

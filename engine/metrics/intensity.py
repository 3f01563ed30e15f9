"""The error of the level against a curve: RMS of 2048 samples every 512 at 44.1 kHz, in dB, smoothed over a second.

The level is the mean power of the channels; the mono mix would lose the side signal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .framing import Signal, count_of, frames_of, scaled, smoothed

FLOOR_DB = -60.0  # below this a level counts as silence, as in engine.curves
FLAT_STD_DB = 1.0  # deviation of a target under which no correlation is given


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityScore:
    """Mean squared error in dB^2, the same after the best constant gain, Pearson's correlation, and that gain in dB.

    `rho` is None where target or level is flat.
    """

    mse: float
    mse_gain_free: float
    rho: float | None
    offset_db: float


def frame_count(samples: int, sample_rate: int) -> int:
    """Return the number of frames of `level_curve` for a loop of `samples` samples."""
    return count_of(samples, 512 * sample_rate / 44_100)


def level_curve(audio: NDArray[np.floating], sample_rate: int, *, circular: bool) -> Signal:
    """Return the smoothed level in dBFS of `audio` [channels, samples] or [samples]: [frame_count]."""
    channels = np.atleast_2d(np.asarray(audio, dtype=np.float64))
    samples = channels.shape[1]
    count, window = frame_count(samples, sample_rate), scaled(2048, sample_rate)
    squares = [np.mean(frames_of(channel, window, count, circular=circular) ** 2, axis=1) for channel in channels]
    rms = np.sqrt(np.mean(squares, axis=0))
    level = 20 * np.log10(np.maximum(rms, 10 ** (FLOOR_DB / 20)))
    return smoothed(level, count * sample_rate / samples, circular=circular)


def wanted_curve(target_db: Signal, samples: int, sample_rate: int, *, circular: bool) -> Signal:
    """Return `target_db` [frame_count] of a loop of `samples` samples, with the floor and smoothing of the level."""
    rate = len(target_db) * sample_rate / samples
    return smoothed(np.maximum(target_db, FLOOR_DB), rate, circular=circular)


def compare(
    audio: NDArray[np.floating],
    sample_rate: int,
    target_db: Signal,
    chosen: NDArray[np.bool_] | None = None,
    *,
    circular: bool,
) -> IntensityScore:
    """Score `audio` [channels, samples] or [samples] against `target_db` in the frames that are `chosen`.

    Both are [frame_count]; the target is smoothed here, as the level is. Without `chosen` all frames count.
    """
    chosen = np.ones(len(target_db), np.bool_) if chosen is None else chosen
    heard = level_curve(audio, sample_rate, circular=circular)[chosen]
    wanted = wanted_curve(target_db, audio.shape[-1], sample_rate, circular=circular)[chosen]
    error = heard - wanted
    flat = wanted.std() < FLAT_STD_DB or heard.std() < 1e-9
    return IntensityScore(
        mse=float(np.mean(error**2)),
        mse_gain_free=float(np.var(error)),
        rho=None if flat else float(np.corrcoef(heard, wanted)[0, 1]),
        offset_db=float(-error.mean()),
    )

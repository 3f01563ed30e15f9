"""How loud a loop is: its true peak between samples, and its loudness (ITU-R BS.1770-5)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import convolve1d

from .framing import count_of, frames_of

SOFTEST_DBTP = -200.0  # that is told; digital silence has it, too
EXACT_OVERSAMPLING = 8
OPEN_SAMPLES = 4096
# BS.1770-5, Annex 2: an interpolator of 48 taps in four phases; the last two are the first two in reverse.
METER_PHASES = np.array(
    [
        [0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
         0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500],
        [-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
         0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375],
    ]
)  # fmt: skip
METER_PHASES = np.concatenate([METER_PHASES, METER_PHASES[::-1, ::-1]])
METER_GAIN = float(np.abs(METER_PHASES).sum(1).max())  # the bound of its output for samples up to 1
BETWEEN_TWICE = 1 / np.cos(np.pi / 4)  # the bound between two samples at twice the rate, for samples up to 1


def true_peak_db(audio: NDArray[np.floating], *, circular: bool) -> float:
    """Return the highest level between samples in dBTP of `audio` [channels, samples], at least -200.

    It is the larger of two measurements: the meter of ITU-R BS.1770-5, Annex 2, as in most meters, and exact
    band-limited interpolation at eight times the rate. The meter's filter reads up to 0.2 dB too high, and near half
    the rate some decibels too low.
    """
    values = _around(audio, circular=circular)
    peak = max(float(np.abs(values).max(initial=0)), _exact_peak(values), _metered_peak(values))
    return float(20 * np.log10(max(peak, 10 ** (SOFTEST_DBTP / 20))))


def is_peak_under(audio: NDArray[np.floating], ceiling_dbtp: float, *, circular: bool) -> bool:
    """Return whether a quick bound proves that the true peak of `audio` [channels, samples] is at or under a ceiling.

    False means that `true_peak_db` has to decide. A signal sampled at twice the Nyquist rate exceeds its largest sample
    by at most 1 / cos(pi / 4) (Ehlich and Zeller 1964), a filter its largest input by the sum of its taps' sizes.
    """
    if ceiling_dbtp < SOFTEST_DBTP:  # under which `true_peak_db` tells nothing
        return False
    values, most = _around(audio, circular=circular), 10 ** (ceiling_dbtp / 20)
    largest = float(np.abs(values).max(initial=0))
    return largest * METER_GAIN <= most and max(largest, _half_way(values)) * BETWEEN_TWICE <= most


def played_peak_db(audio: NDArray[np.floating], *, loop: bool) -> float:
    """Return the true peak in dBTP of the file of `audio` [channels, samples], at least -200.

    A `loop` is played round and round, and also once, as meters do: beside silence its ends ring, and may be higher
    than at its wrap.
    """
    around = true_peak_db(audio, circular=loop)
    return max(around, true_peak_db(_ends(audio), circular=False)) if loop else around


def is_played_peak_under(audio: NDArray[np.floating], ceiling_dbtp: float, *, loop: bool) -> bool:
    """Return whether a quick bound proves that `played_peak_db` is at or under a ceiling, as `is_peak_under` does."""
    around = is_peak_under(audio, ceiling_dbtp, circular=loop)
    return around and (not loop or is_peak_under(_ends(audio), ceiling_dbtp, circular=False))


def _ends(audio: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the end and the beginning of a loop with silence between, [channels, n]; all of a short one.

    All else sounds in its turn as in a file. Where they are cut they are faded, which adds no peak.
    """
    values = np.atleast_2d(np.asarray(audio, dtype=np.float32))
    if values.shape[1] <= 2 * OPEN_SAMPLES:
        return values
    fade = np.minimum(np.arange(OPEN_SAMPLES, dtype=np.float32) / (OPEN_SAMPLES // 2), 1)
    silence = np.zeros((len(values), 2 * OPEN_SAMPLES), np.float32)  # as much as lies around a whole file
    return np.concatenate([values[:, -OPEN_SAMPLES:] * fade, silence, values[:, :OPEN_SAMPLES] * fade[::-1]], axis=1)


def _half_way(values: NDArray[np.float32]) -> float:
    """Return the largest magnitude of `values` [channels, samples] interpolated at half samples, circularly."""
    samples = values.shape[1]
    moved = irfft(rfft(values, axis=1) * _turn(samples, EXACT_OVERSAMPLING // 2), samples, axis=1)
    return float(np.abs(moved).max(initial=0))


def _around(audio: NDArray[np.floating], *, circular: bool) -> NDArray[np.float32]:
    values = np.atleast_2d(np.asarray(audio, dtype=np.float32))  # exact to 1e-5 dB, and twice as fast
    around = 0 if circular else OPEN_SAMPLES  # silence, long enough for the ringing beyond the ends
    return np.pad(values, ((0, 0), (around, around))) if around else values


def _exact_peak(values: NDArray[np.float32]) -> float:
    """Return the largest magnitude of `values` [channels, samples] interpolated at eighths of samples, circularly."""
    samples = values.shape[1]
    spectrum = rfft(values, axis=1)
    return max(
        float(np.abs(irfft(spectrum * _turn(samples, step), samples, axis=1)).max(initial=0))
        for step in range(1, EXACT_OVERSAMPLING)
    )


@lru_cache(maxsize=EXACT_OVERSAMPLING - 1)
def _turn(samples: int, step: int) -> NDArray[np.complex64]:
    """Return the phase factors [samples // 2 + 1] that shift a loop of `samples` by `step` eighths of a sample."""
    turn = (-2j * np.pi / samples / EXACT_OVERSAMPLING) * np.arange(samples // 2 + 1)
    return np.exp(turn * step).astype(np.complex64)


def _metered_peak(values: NDArray[np.float32]) -> float:
    """Return the largest magnitude of `values` [channels, samples] after the standard's interpolator, circularly."""
    return max(
        float(np.abs(convolve1d(values, phase.astype(np.float32), axis=1, mode="wrap")).max(initial=0))
        for phase in METER_PHASES
    )


def loudness_lufs(audio: NDArray[np.floating], sample_rate: int) -> float:
    """Return the integrated loudness in LUFS (ITU-R BS.1770-5, gated) of a repeating loop [channels, samples].

    It is at least -70, the absolute gate. The sound is taken as mono or stereo, with weights of 1.
    """
    values = np.atleast_2d(np.asarray(audio, dtype=np.float64))
    weighted = _k_weighted(np.concatenate([values, values], axis=1), sample_rate)[:, values.shape[1] :]
    block = round(0.4 * sample_rate)
    count = count_of(values.shape[1], block / 4)
    powers = [np.mean(frames_of(channel, block, count, circular=True) ** 2, axis=1) for channel in weighted]
    power = np.sum(powers, axis=0)
    level = -0.691 + 10 * np.log10(np.maximum(power, 1e-12))
    if not (level > -70).any():
        return -70.0
    gate = -0.691 + 10 * np.log10(np.mean(power[level > -70])) - 10
    return float(-0.691 + 10 * np.log10(np.mean(power[level > max(gate, -70)])))


def _k_weighted(audio: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Return `audio` after the standard's shelf and high-pass, re-derived from 48 kHz for `sample_rate`."""
    from . import biquad  # here, because it imports numba, and the bridge needs only the peak

    shelf = biquad.shelf(1681.974450955533, 3.999843853973347, 0.7071752369554196, sample_rate)
    low_cut = biquad.high_pass(38.13547087602444, 0.5003270373238773, sample_rate)
    return biquad.filtered(low_cut, biquad.filtered(shelf, audio))

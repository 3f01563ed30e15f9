"""The crest factor of decoded loops: peaks are rounded while phases are estimated, and a limiter.

Estimated phases align where those of a mixed loop do not. The same spectrum was decoded with peaks 5 dB higher than the
loop's own, and no single gain brought it to the loudness of music. So phases are estimated again from the wave with its
highest peaks rounded; magnitudes stay as they were. The knee lies over the level of a loop's loud parts, so that a loop
with a soft beginning has its peaks where any other has them.

Every mix in the training data was limited to a ceiling, so whatever a decoded loop has above it is an error of
decoding. Where no control asks for a level, one gain for the whole loop is enough. Where one does, that gain would miss
the level everywhere for the sake of one peak, and the decoder ends in a limiter, as a mix does.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..bands import SAMPLE_RATE, resampled

KNEE_DB, MAX_DB = 12.0, 15.0  # over the level of the loud parts: untouched up to the knee, never above the other
CEILING = 10 ** (-1.1 / 20)  # of full scale, a little under the -1 dBTP that a file may have
LIMITED_DB = 6.0  # most that the limiter may take, or it is heard; a decoded mix needs 2 in the median
LIMITER_SAMPLES = 32  # 0.7 ms: look-ahead of the limiter, and its release
OVERSAMPLING = 4  # as a file's true peak is measured, up to 2 dB above its samples
BLOCK_SECONDS, GATE_DB = 0.4, -10.0  # as loudness is measured (ITU-R BS.1770-4), without its weighting


def round_peaks(wave: Tensor) -> Tensor:
    """Return the gain [samples], at most 1, that bends what is over the knee in a loop `wave` [samples]."""
    peak = wave.abs()
    level = _level(wave.double().square()).sqrt().to(wave)
    knee, most = (level * 10 ** (decibels / 20) for decibels in (KNEE_DB, MAX_DB))
    room = (most - knee).clamp_min(1e-12)
    bent = knee + room * torch.tanh((peak - knee) / room)
    return torch.where(peak > knee, bent / peak.clamp_min(1e-12), torch.ones_like(peak))


def limiter(peaks: Tensor) -> Tensor:
    """Return the gain [samples], at most 1, that keeps a loop whose true peaks are `peaks` [samples] under the ceiling.

    It is for all channels, and bends to a peak and back within some milliseconds, so that nothing is distorted.
    """
    less = (1 - CEILING / peaks.clamp_min(CEILING))[None]
    reach, size = LIMITER_SAMPLES, 2 * LIMITER_SAMPLES + 1
    held = F.max_pool1d(F.pad(less, (2 * reach, 2 * reach), mode="circular"), size, 1)
    return 1 - F.avg_pool1d(held, size, 1)[0]


def true_peaks(wave: Tensor) -> Tensor:
    """Return the largest size [samples] that a loop `wave` [channels, samples] has at and between its samples."""
    dense = resampled(wave, OVERSAMPLING * wave.shape[-1])
    return dense.abs().view(*wave.shape, OVERSAMPLING).amax((0, 2))


def _level(power: Tensor) -> Tensor:
    """Return the mean of those circular blocks of `power` [samples] that are within 10 dB of the mean of all."""
    size = min(round(BLOCK_SECONDS * SAMPLE_RATE), len(power))
    sums = F.pad(torch.cat([power, power[: size - 1]]).cumsum(0), (1, 0))
    blocks = (sums[size:] - sums[:-size]).clamp_min(0) / size
    return blocks[blocks >= blocks.mean() * 10 ** (GATE_DB / 10)].mean()

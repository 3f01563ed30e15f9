"""Crest: phases found anew line up where those of a mixed loop do not, and peaks come out too high.

The same spectrum came back with peaks 5 dB higher than the loop's own, and no one gain brought it to the loudness of
music. So phases are asked again of the wave with its highest peaks rounded; magnitudes stay as they were. How loud a
loop is is asked of its loud parts, so that one that begins softly has its peaks where any other has them.

Every mix that the model has learnt from was pressed under a ceiling, and what comes back over that is not the mix's.
Where nobody asks for a level, one gain for the whole loop is enough. Where a level is asked for, that gain would miss
it everywhere for the sake of one peak, so there the decoder ends in a limiter, as a mix does.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..bands import SAMPLE_RATE, resampled

KNEE_DB, MOST_DB = 12.0, 15.0  # over the loud parts' level: untouched up to the one, never above the other
CEILING = 10 ** (-1.1 / 20)  # of full scale, a little under the -1 dBTP that a file may have
LIMITED_DB = 6.0  # a mix comes back over its ceiling by 2 in the median; more than so much, and limiting is heard
LIMITER_SAMPLES = 32  # 0.7 ms before a peak the gain begins to fall, as long after it has risen again
OVERSAMPLING = 4  # as a file's true peak is measured, up to 2 dB above its samples
BLOCK_SECONDS, GATE_DB = 0.4, -10.0  # as loudness is measured (ITU-R BS.1770-4), without its weighting


def round_peaks(wave: Tensor) -> Tensor:
    """Return the gain [samples], at most 1, that bends what is over the knee in a loop `wave` [samples]."""
    peak = wave.abs()
    level = _level(wave.double().square()).sqrt().to(wave)
    knee, most = (level * 10 ** (decibels / 20) for decibels in (KNEE_DB, MOST_DB))
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

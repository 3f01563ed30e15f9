"""Crest: phases found anew line up where those of a mixed loop do not, and peaks come out too high.

The same spectrum came back with peaks 5 dB higher than the loop's own, and no one gain brought it to the loudness of
music. So phases are asked again of the wave with its highest peaks rounded. Nothing is rounded in what is
delivered: magnitudes stay as they were. How loud a loop is is asked of its loud parts, so that one that begins
softly has its peaks where any other has them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .bands import SAMPLE_RATE

KNEE_DB, MOST_DB = 12.0, 15.0  # over the loud parts' level: untouched up to the one, never above the other
BLOCK_SECONDS, GATE_DB = 0.4, -10.0  # as loudness is measured (ITU-R BS.1770-4), without its weighting


def round_peaks(wave: Tensor) -> Tensor:
    """Return the gain [samples], at most 1, that bends what is over the knee in a loop `wave` [samples]."""
    peak = wave.abs()
    level = _level(wave.double().square()).sqrt().to(wave)
    knee, most = (level * 10 ** (decibels / 20) for decibels in (KNEE_DB, MOST_DB))
    room = (most - knee).clamp_min(1e-12)
    bent = knee + room * torch.tanh((peak - knee) / room)
    return torch.where(peak > knee, bent / peak.clamp_min(1e-12), torch.ones_like(peak))


def _level(power: Tensor) -> Tensor:
    """Return the mean of those circular blocks of `power` [samples] that are within 10 dB of the mean of all."""
    size = min(round(BLOCK_SECONDS * SAMPLE_RATE), len(power))
    sums = F.pad(torch.cat([power, power[: size - 1]]).cumsum(0), (1, 0))
    blocks = (sums[size:] - sums[:-size]).clamp_min(0) / size
    return blocks[blocks >= blocks.mean() * 10 ** (GATE_DB / 10)].mean()

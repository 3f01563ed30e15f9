"""Mel-frequency cepstral coefficients 1 to 13: the shape of the spectrum without its level."""

import math

import torch
from torch import Tensor

from ..spectrum import Spectrum
from .grid import like

BANDS, COEFFICIENTS = 40, 13
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
FLOOR = 1e-9  # mean square of a pooled band that counts as silence: -90 dBFS


def cepstral_basis(spectrum: Spectrum) -> tuple[Tensor, Tensor]:
    """Return mel filters [pools, bands] and cosines [coefficients, pools]; coefficient 0, the level, is left out.

    At most 40 pools between 40 Hz and 16 kHz; those that hold no band of `spectrum` are left out.
    """
    mel = 1127 * torch.log1p(spectrum.frequencies_hz.double() / 700)
    low, high = (
        1127 * math.log1p(hz / 700) for hz in (LOWEST_HZ, min(HIGHEST_HZ, float(spectrum.frequencies_hz.max())))
    )
    edges = torch.linspace(low, high, BANDS + 2, dtype=torch.float64, device=mel.device)
    rising = (mel - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - mel) / (edges[2:] - edges[1:-1])[:, None]
    pools = torch.minimum(rising, falling).clamp_min(0)
    pools = pools[pools.sum(1) > 0]  # low pools lie between the centres of two bands
    place = (torch.arange(len(pools), dtype=torch.float64, device=mel.device) + 0.5) / len(pools)
    order = torch.arange(1, COEFFICIENTS + 1, dtype=torch.float64, device=mel.device)[:, None]
    return like(pools, spectrum), like(torch.cos(math.pi * order * place) * math.sqrt(2 / len(pools)), spectrum)


def cepstra(spectrum: Spectrum, basis: tuple[Tensor, Tensor]) -> Tensor:
    """Return cepstral coefficients in decibels [batch, coefficients, frames]; `basis` is of `cepstral_basis`."""
    pools, cosines = basis
    return cosines @ (10 * torch.log10(pools @ spectrum.power + FLOOR))

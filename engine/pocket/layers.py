"""The conditioning of a layer: which layer it is, its chords, and features of the layers that it hears."""

from collections.abc import Collection
from functools import lru_cache

import torch
from torch import Tensor

from ..request import LAYERS as LAYERS
from ..request import Layer as Layer
from .bands import FLOOR, FRAMES_PER_LATENT, band_power, mid_bands

PITCHED = (Layer.BASS, Layer.CHORDS, Layer.LEAD, Layer.TEXTURE)
CHORD_CHANNELS = 12 + 12 + 12 + 1  # root, pitch classes, bass, flag
ROOT_CLASSES, CHORD_CLASSES, BASS_CLASSES, CHORD_KNOWN = slice(0, 12), slice(12, 24), slice(24, 36), 36
COARSE_BANDS, PITCH_CLASSES = 16, 12
SUMMARY_CHANNELS = COARSE_BANDS + PITCH_CLASSES  # of an analysis frame: power of coarse bands, of pitch classes
HEARD_CHANNELS = 2 * COARSE_BANDS + PITCH_CLASSES + 1  # levels, rises, chroma, flag
CONTEXT_CHANNELS = CHORD_CHANNELS + HEARD_CHANNELS
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
CHROMA_HZ = (100.0, 2000.0)
LEVEL_CENTRE, LEVEL_SPREAD, RISE_SPREAD = 0.0, 4.0, 2.0  # of log power


def layer_row(layer: Layer | None) -> Tensor:
    """Return which layer is played [layers]: all zeros for the full mix."""
    return torch.tensor([float(layer is one) for one in LAYERS])


def chord_row(root: int, pitch_classes: Collection[int], bass: int) -> Tensor:
    """Return a chord [CHORD_CHANNELS] of pitch classes 0 to 11; no chord at all has no pitch classes."""
    row = torch.zeros(CHORD_CHANNELS)
    if pitch_classes:
        row[root] = 1.0
        row[12 + torch.tensor(sorted(pitch_classes))] = 1.0
        row[24 + bass] = 1.0
    row[36] = 1.0
    return row


def without_chords(context: Tensor) -> Tensor:
    """Return `context` [..., CONTEXT_CHANNELS] without chords, what is heard kept."""
    without = context.clone()
    without[..., :CHORD_CHANNELS] = 0
    return without


@lru_cache(maxsize=1)
def _summary_weights() -> Tensor:
    """Return weights [mid bands, SUMMARY_CHANNELS] from band power to the power of coarse bands and pitch classes."""
    bank = mid_bands()
    hz, bins = bank.frequencies_hz.double(), bank.bins.double()
    edges = torch.logspace(
        torch.tensor(LOWEST_HZ).log10(), torch.tensor(HIGHEST_HZ).log10(), COARSE_BANDS + 1, dtype=torch.float64
    )
    coarse = (hz[:, None] >= edges[:-1]) & (hz[:, None] < edges[1:])
    pitch = 69 + 12 * torch.log2(hz.clamp_min(20.0) / 440)
    # How near a band's centre is to a pitch class, in semitones round the octave; a band of 21.5 Hz spans several
    # of them in the bass, and tells little there.
    off = (pitch[:, None] - torch.arange(12) + 6) % 12 - 6
    inside = (hz >= CHROMA_HZ[0]) & (hz < CHROMA_HZ[1])
    classes = (1 - off.abs()).clamp_min(0) * inside[:, None]
    return (torch.cat([coarse.double(), classes], 1) * bins[:, None]).float()


def summary(log_power: Tensor) -> Tensor:
    """Return powers [..., 2 n, SUMMARY_CHANNELS] of log band power [..., 2 n, bands], which add over layers."""
    return band_power(log_power[..., : len(mid_bands())]) @ _summary_weights().to(log_power.device)


def heard(powers: Tensor) -> Tensor:
    """Return features of other layers [..., n, HEARD_CHANNELS] from the sum of their summaries.

    The sum is [..., 2 n, SUMMARY_CHANNELS]. The features are levels, rises and chroma, circular in time, and a flag of
    1. Without conditioning all of them are 0.
    """
    coarse, classes = powers.split((COARSE_BANDS, 12), -1)
    log = torch.log(coarse + FLOOR)
    rise = (log - log.roll(1, -2)).clamp_min(0)
    level = ((log - LEVEL_CENTRE) / LEVEL_SPREAD).unflatten(-2, (-1, FRAMES_PER_LATENT)).mean(-2)
    rise = (rise / RISE_SPREAD).unflatten(-2, (-1, FRAMES_PER_LATENT)).amax(-2)
    chroma = classes.unflatten(-2, (-1, FRAMES_PER_LATENT)).sum(-2)
    chroma = (chroma / (chroma.amax(-1, keepdim=True) + FLOOR)).sqrt()
    return torch.cat([level, rise, chroma, torch.ones_like(chroma[..., :1])], -1)

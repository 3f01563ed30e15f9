"""Musical time as `pocket` knows it: phases on circles, its only sense of where it is.

Every phase closes at the wrap: beats are counted within their bar, so that 7/8 closes too. Rotating
noise and phases together therefore rotates the loop.
"""

from fractions import Fraction

import torch
from torch import Tensor

LOOP_HARMONICS = (1, 2, 3, 4, 8)
BAR_HARMONICS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16)  # enough that a sum of them can stand on one sixteenth of a bar
BEAT_HARMONICS = (1, 2, 3, 4, 6, 8)  # quarter, eighth, triplet, sixteenth, sextuplet, thirty-second
ANGLES = len(LOOP_HARMONICS) + len(BAR_HARMONICS) + len(BEAT_HARMONICS)
CHANNELS = 2 * ANGLES


def phases(frames: int, bars: int, beats_per_bar: Fraction) -> Tensor:
    """Return sines and cosines of loop, bar and beat phase at each latent frame: [frames, CHANNELS]."""
    length = torch.tensor(float(beats_per_bar), dtype=torch.float64)
    return phases_at(centres(torch.arange(frames), torch.tensor(frames)), torch.tensor(bars), length)


def centres(frame: Tensor, frames: Tensor) -> Tensor:
    """Return where latent `frame` of a loop of `frames` stands in it, from 0 to 1, in double precision."""
    # A latent frame covers two analysis frames, so its centre lies half an analysis frame later.
    return (frame.double() + 0.25) / frames


def phases_at(loop: Tensor, bars: Tensor, beats_per_bar: Tensor) -> Tensor:
    """Return sines and cosines [..., CHANNELS] at places `loop` [...], 0 to 1, of loops so long."""
    bar = loop * bars % 1
    beat = bar * beats_per_bar
    cycles = [loop * k for k in LOOP_HARMONICS] + [bar * k for k in BAR_HARMONICS] + [beat * k for k in BEAT_HARMONICS]
    angles = 2 * torch.pi * torch.stack(cycles, -1)
    return torch.cat([angles.sin(), angles.cos()], -1).float()


def rotations(phases_: Tensor) -> Tensor:
    """Return cosines and sines of all angles apart, for attention: [2, ..., frames, ANGLES]."""
    sines, cosines = phases_.split(ANGLES, -1)
    return torch.stack([cosines, sines])

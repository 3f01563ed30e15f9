"""Sharp attacks: a gain that attenuates the pre-echo of hits, from which phases are estimated again.

Phases that are only integrated smear a hit over the 23 ms of window before it. Where the level rises steeply, the wave
before the hit's top is therefore attenuated to its share of the top, and phases are taken from the result. The
delivered sound is not attenuated: its magnitudes stay as they were.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from ..bands import SAMPLE_RATE

BLOCK_SECONDS = 0.0005
AHEAD_SECONDS = 0.020  # in which the top of a hit is searched for
BEFORE_SECONDS = 0.025  # a little over half a window; a hit is louder than the sound so long before it
STEEP = 3.0  # ratio of the top to the level before it, from which a rise counts; at twice this it counts in full


def quiet_before_hits(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a gain for each sample of a loop [samples]: 1, but less in the rise towards a hit's top."""
    samples = len(wave)
    blocks = max(1, round(samples / SAMPLE_RATE / BLOCK_SECONDS))
    edges = np.arange(blocks) * samples // blocks
    power = np.add.reduceat(np.square(wave, dtype=np.float64), edges) / np.diff(np.append(edges, samples))
    level = _mean_level(power, 3)
    ahead = min(blocks, round(AHEAD_SECONDS / BLOCK_SECONDS))
    top = maximum_filter1d(level, ahead, mode="wrap", origin=-(ahead // 2))
    before = np.roll(_mean_level(power, min(blocks, 20)), round(BEFORE_SECONDS / BLOCK_SECONDS))
    steep = np.clip(top / before / STEEP - 1, 0, 1)
    gain = 1 - steep * (1 - np.minimum(level / top, 1))
    middles = (edges + np.append(edges[1:], samples)) / 2
    middles = np.concatenate([middles[-1:] - samples, middles, middles[:1] + samples])
    return np.interp(np.arange(samples), middles, gain[np.arange(-1, blocks + 1) % blocks]).astype(np.float32)


def _mean_level(power: NDArray[np.float64], blocks: int) -> NDArray[np.float64]:
    # A running sum of squares can end a rounding error below zero.
    return np.sqrt(np.maximum(uniform_filter1d(power, blocks, mode="wrap"), 0)) + 1e-6

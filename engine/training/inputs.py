"""What training reads from loops alone: what controls would ask of one, and the map from bands to latents."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from torch import Tensor

from ..curves import smoothing_kernel
from ..pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, mid_bands
from ..pocket.controls import channels, pulses
from ..pocket.latents import LatentMap
from ..pocket.sound import spectrum_of

TONAL_HZ = 2000.0


def control_inputs(log_power: Tensor, labels: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return what the controls would have asked of a training loop: its own level, tune and hits."""
    frames = log_power.shape[0] // FRAMES_PER_LATENT
    seconds = labels["samples"] / SAMPLE_RATE
    # Of the mono mix: so the weights of pocket-told have learnt it.
    power = spectrum_of(log_power[None], 1.0).power.sum(1)[0]
    level_db = 10 * torch.log10(power + 1e-10).numpy().astype(np.float64)
    window = min(len(level_db) - 1, round(len(level_db) / seconds)) // 2 * 2 + 1
    smooth = convolve1d(np.maximum(level_db, -60), smoothing_kernel(window), mode="wrap") if window > 3 else level_db
    return channels(
        frames,
        intensity_db=smooth.reshape(-1, FRAMES_PER_LATENT).mean(1),
        pitch_classes=_tune(labels["tune"], labels["beats"], frames) if labels["tune"] else None,
        onsets=pulses(labels["hits"], labels["beats"], frames) if labels["hits"] else None,
    )


def _tune(notes: Sequence[Sequence[float]], beats: float, frames: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    classes, sounding = np.zeros(frames, np.int64), np.zeros(frames, np.bool_)
    for start, length, pitch in notes:
        where = np.arange(round(start / beats * frames), max(round((start + length) / beats * frames), 1)) % frames
        classes[where], sounding[where] = int(pitch) % 12, True
    return classes, sounding


def fitted(log_power: Tensor, channels: int = 224) -> LatentMap:
    """Return the principal components of log band power [2 n, bands] with a mean square of one over all latents.

    Components are scaled by the root of their deviation: loud ones stay larger, so that the network spends
    its effort where the ear does, but quiet ones are not lost in the noise. What lies below 2 kHz counts twice:
    a chord is heard rough as soon as its partials are a few decibels off.
    """
    mean, spread = log_power.mean(0), log_power.std(0).clamp_min(0.1)
    spread[: len(mid_bands())] /= torch.where(mid_bands().frequencies_hz < TONAL_HZ, 2.0, 1.0)
    pairs = ((log_power - mean) / spread).reshape(-1, FRAMES_PER_LATENT * log_power.shape[-1])
    variance, vectors = torch.linalg.eigh(pairs.T @ pairs / len(pairs))
    variance, basis = variance.flip(0)[:channels], vectors.flip(1)[:, :channels]
    scale = variance.clamp_min(1e-4).pow(0.25)
    scale = scale * (variance / scale.square()).mean().sqrt()
    return LatentMap(mean, spread, basis.contiguous(), scale)

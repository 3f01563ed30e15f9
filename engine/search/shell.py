"""Projection of optimised noise onto the typical set of a Gaussian: unit variance, and white in time.

A denoiser was trained on Gaussian noise, which in so many dimensions lies near a thin shell and has a flat spectrum.
Optimising leaves that shell, where losses fall without better sound (reward hacking, a known failure of DITTO). After
each step the noise is projected back: its temporal spectrum, averaged over channels, is kept near flat, each channel's
spectrum is as uneven as that of a draw, its mean is 0 and its deviation 1 (closed form and O(N log N), as
arXiv:2602.08646 proposes for images).
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

DRAWS = 64  # Gaussian noises of a shape, from which its usual flatness is estimated
SILENCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The projection after each step; the papers have none."""

    spectrum_spread: float = 4.0  # standard deviations by which a frequency's power may leave white noise
    flatness_spread: float = 2.0  # the same for the mean flatness of channels: 95 % of draws lie within

    def projected(self, noise: Tensor, time_axis: int, *, layered: bool = False) -> Tensor:
        """Return `noise` [batch, *noise_shape] on the shell; time is axis `time_axis` without the batch.

        If `layered`, the first axis of a noise is layers, and each is projected alone.
        """
        if layered:
            return self.projected(noise.flatten(0, 1), time_axis - 1).view_as(noise)
        axis = 1 + time_axis
        frames = noise.shape[axis]
        spectrum = torch.fft.rfft(noise, dim=axis)
        others = [dim for dim in range(1, noise.dim()) if dim != axis]
        power = spectrum.abs().square()
        power = power.mean(others, keepdim=True) / frames if others else power / frames
        white = power.mean(axis, keepdim=True)
        slack = self.spectrum_spread / (noise[0].numel() // frames) ** 0.5
        held = power.clamp(white / (1 + slack), white * (1 + slack))
        spectrum = spectrum * (held / power.clamp_min(SILENCE)).sqrt()
        flat = torch.fft.irfft(_as_uneven_as_draws(spectrum, axis, frames, self.flatness_spread), n=frames, dim=axis)
        everything = list(range(1, noise.dim()))
        flat = flat - flat.mean(everything, keepdim=True)
        return flat / flat.square().mean(everything, keepdim=True).sqrt()


def flatness(noise: Tensor, time_axis: int) -> Tensor:
    """Return the spectral flatness in time, the geometric over the arithmetic mean of power: [batch].

    It is the mean over channels of `noise` [batch, *noise_shape]; time is axis `time_axis` without the batch.
    """
    return _flatness(torch.fft.rfft(noise, dim=1 + time_axis), 1 + time_axis)


def _flatness(spectrum: Tensor, axis: int) -> Tensor:
    power = spectrum.abs().square() + SILENCE
    return (power.log().mean(axis).exp() / power.mean(axis)).flatten(1).mean(1)


def _as_uneven_as_draws(spectrum: Tensor, axis: int, frames: int, spread: float) -> Tensor:
    """Return `spectrum` with all powers raised to one exponent, item by item, so that it is as flat as draws are.

    A white Gaussian's powers are exponentially distributed; raised to p they are flat by exp(-gamma p) / Gamma(1 + p),
    whose logarithm falls by 1 for each unit of p at p = 1: one Newton step.
    """
    usual, deviation = _usual_flatness(frames, spectrum[0].numel() // spectrum.shape[axis])
    found = _flatness(spectrum, axis)
    wanted = found.clamp(usual - spread * deviation, usual + spread * deviation)
    exponent = (1 - (wanted / found).log()).clamp(0.5, 1.5).view(-1, *[1] * (spectrum.dim() - 1))
    return spectrum * (spectrum.abs().square() + SILENCE) ** ((exponent - 1) / 2)


@lru_cache
def _usual_flatness(frames: int, channels: int) -> tuple[float, float]:
    """Return mean and standard deviation of the flatness of Gaussian noises [frames, channels]."""
    draws = torch.Generator().manual_seed(0)
    found = torch.cat([flatness(torch.randn(1, frames, channels, generator=draws), 0) for _ in range(DRAWS)])
    return float(found.mean()), float(found.std())

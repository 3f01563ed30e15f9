"""Tools for controls on the frame grid of a spectrum: cached constants, circular filters, weighted means."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..curves import smoothing_kernel
from ..spectrum import WINDOW_SECONDS, Spectrum

T = TypeVar("T")

CEILING_DB = -1.5  # dBFS of the largest sample: half a decibel under the true peak that a file may have
FLOOR_POWER = 1e-6  # -60 dBFS, the floor of every level in decibels
SMOOTHING_SECONDS = 1.0  # of the Savitzky-Golay filter of `smoothing`


def per_layout(make: Callable[[Spectrum], T]) -> Callable[[Spectrum], T]:
    """Return `make` with a cache: it is called once for each layout (frames, bands, type, device) of a spectrum."""
    made: dict[tuple[object, ...], T] = {}

    def once(spectrum: Spectrum) -> T:
        power = spectrum.power
        layout = (*power.shape[1:], power.dtype, power.device, round(spectrum.frame_rate_hz, 9), spectrum.circular)
        if layout not in made:
            with torch.no_grad():
                made[layout] = make(spectrum)
        return made[layout]

    return once


def like(values: ArrayLike | Tensor, spectrum: Spectrum) -> Tensor:
    """Return `values` with the type and device of the spectrum."""
    return torch.as_tensor(values).to(spectrum.power)


def filtered(values: Tensor, kernel: Tensor, *, circular: bool) -> Tensor:
    """Return `values` [..., frames] convolved with a symmetric, odd `kernel`; the ends of open pieces are repeated."""
    frames, half = values.shape[-1], len(kernel) // 2
    if not circular:
        held = torch.nn.functional.pad(values.reshape(-1, 1, frames), (half, half), mode="replicate")
        return torch.nn.functional.conv1d(held, kernel[None, None]).reshape(values.shape)
    around = torch.zeros(frames, dtype=kernel.dtype, device=kernel.device)
    around.index_add_(0, torch.arange(-half, half + 1, device=kernel.device) % frames, kernel)
    return torch.fft.irfft(torch.fft.rfft(values) * torch.fft.rfft(around), n=frames)


def smoothing(spectrum: Spectrum) -> Tensor:
    """Return the Savitzky-Golay kernel [taps] of order 2 over one second (Wu et al. 2023, arXiv:2311.07069)."""
    frames = max(3, 2 * round((SMOOTHING_SECONDS * spectrum.frame_rate_hz - 1) / 2) + 1)
    return like(smoothing_kernel(frames), spectrum)


def window_kernel(spectrum: Spectrum) -> Tensor:
    """Return the kernel [taps] that turns mean squares of Hann-windowed frames into those of a rectangular window.

    It sums to one. The weights are a least-squares fit of shifted squared Hann windows to the rectangular window, so
    that a loss has the level that the metric measures in the waveform.
    """
    from scipy.optimize import nnls  # here, because only an intensity needs it

    hop = 1 / (spectrum.frame_rate_hz * WINDOW_SECONDS)  # in windows
    reach = int(np.ceil(0.75 / hop))
    time = np.linspace(-1.5, 1.5, 3001)
    shifts = np.arange(-reach, reach + 1) * hop
    inside = np.abs(time[:, None] - shifts) < 0.5
    hann = np.where(inside, np.cos(np.pi * (time[:, None] - shifts)) ** 2, 0) ** 2
    weights, _ = nnls(hann / hann.sum(0).max(), (np.abs(time) <= 0.5) / 1000)
    weights = weights + weights[::-1]
    return like(weights / weights.sum(), spectrum)


def hann_kernel(seconds: float, spectrum: Spectrum) -> Tensor:
    """Return a Hann-shaped kernel [taps] of a full width of `seconds`, which sums to one."""
    half = max(0, round(seconds * spectrum.frame_rate_hz / 2) - 1)
    kernel = np.cos(np.pi * np.arange(-half, half + 1) / (2 * half + 2)) ** 2
    return like(kernel / kernel.sum(), spectrum)


def mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean over frames: [batch, frames], [frames] -> [batch]."""
    return (values * weights).sum(-1) / weights.sum().clamp_min(1e-9)


def correlation(values: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return Pearson's correlation over weighted frames: [batch, frames], [frames] -> [batch]."""
    values = values - mean(values, weights)[:, None]
    target = target - mean(target, weights)
    product = mean(values * target, weights)
    return product / (mean(values.square(), weights) * mean(target.square(), weights) + 1e-12).sqrt()


def goal_features(asked: Tensor, heard: Tensor, weights: Tensor) -> Tensor:
    """Return the input features of a learned first step for one goal: [batch, 2 channels + 1, frames].

    They are the target `asked` [frames] or [channels, frames], the same feature `heard` of the loop [batch, frames] or
    [batch, channels, frames], and the `weights` [frames]; where a weight is 0, target and loop are 0.
    """
    heard = heard if heard.dim() == 3 else heard[:, None]
    asked = (asked if asked.dim() == 2 else asked[None]).expand_as(heard)
    flag = weights.expand(len(heard), 1, -1)
    return torch.cat([asked * (flag > 0), heard * (flag > 0), flag], 1)

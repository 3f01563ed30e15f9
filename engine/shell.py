"""Keep optimised noise noise: on the Gaussian's shell, and as white in time as a Gaussian draw.

A denoiser was trained on Gaussian noise, which in so many dimensions lies on a thin shell and has a flat
spectrum. Optimising drifts off it (DITTO's known failure, reward hacking). After each step the noise is put
back: its temporal spectrum, averaged over channels, is held near flat, its mean is 0 and its deviation 1
(closed form and O(N log N), as arXiv:2602.08646 proposes for images).
"""

import torch
from torch import Tensor

SPECTRUM_SPREAD = 4.0  # standard deviations by which a frequency's power may leave that of white noise


def on_shell(noise: Tensor, time_axis: int) -> Tensor:
    """Return `noise` [batch, *noise_shape] put back on the shell; time is axis `time_axis` without the batch."""
    axis = 1 + time_axis
    frames = noise.shape[axis]
    spectrum = torch.fft.rfft(noise, dim=axis)
    others = [dim for dim in range(1, noise.dim()) if dim != axis]
    power = spectrum.abs().square().mean(others, keepdim=True) / frames if others else spectrum.abs().square() / frames
    white = power.mean(axis, keepdim=True)
    channels = noise[0].numel() // frames
    slack = SPECTRUM_SPREAD / channels**0.5
    held = power.clamp(white / (1 + slack), white * (1 + slack))
    flat = torch.fft.irfft(spectrum * (held / power.clamp_min(1e-12)).sqrt(), n=frames, dim=axis)
    everything = list(range(1, noise.dim()))
    flat = flat - flat.mean(everything, keepdim=True)
    return flat / flat.square().mean(everything, keepdim=True).sqrt()

"""Latents of `pocket`: fine bands of two neighbouring frames, rotated and thinned by a fixed linear map.

A principal component analysis of the training loops keeps almost all of the bands' variance in 224
numbers per 23 ms; it is linear, so a feature read from bands carries its gradient to the latent for the
price of one matrix product, and it is its own decoder.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .bands import FRAMES_PER_LATENT, mid_bands, side_bands


class LatentMap:
    """The linear map between log bands [..., 2 n, 295] and latents [..., n, channels]."""

    def __init__(self, mean: Tensor, spread: Tensor, basis: Tensor, scale: Tensor) -> None:
        self.mean, self.spread, self.basis, self.scale = mean, spread, basis, scale
        self._to_bands = (scale[:, None] * basis.T).contiguous()  # [channels, 590]
        self._to_latent = (basis / scale).contiguous()

    @property
    def deviation(self) -> Tensor:
        """Standard deviation of each channel over the loops that the map was fitted to: [channels]."""
        return self.scale / self.scale.square().mean().sqrt()

    def to(self, device: torch.device) -> "LatentMap":
        """Return the map on `device`."""
        return LatentMap(*(tensor.to(device) for tensor in (self.mean, self.spread, self.basis, self.scale)))

    @property
    def channels(self) -> int:
        """Numbers per latent frame."""
        return int(self.basis.shape[1])

    def encode(self, log_power: Tensor) -> Tensor:
        """Return latents of log band power [..., 2 n, bands]."""
        centred = (log_power - self.mean) / self.spread
        pairs = centred.reshape(*centred.shape[:-2], -1, FRAMES_PER_LATENT * centred.shape[-1])
        return pairs @ self._to_latent

    def decode(self, latent: Tensor) -> Tensor:
        """Return log band power [..., 2 n, bands] of latents [..., n, channels]; carries the gradient."""
        return self.centred(latent) * self.spread + self.mean

    def centred(self, latent: Tensor) -> Tensor:
        """Return the same less its mean and over its spread: all bands alike, those below 2 kHz twice as large."""
        bands = len(mid_bands()) + len(side_bands())
        return (latent @ self._to_bands).reshape(*latent.shape[:-2], -1, bands)

    def save(self, file: Path) -> None:
        """Write the map as safetensors."""
        tensors = {"mean": self.mean, "spread": self.spread, "basis": self.basis, "scale": self.scale}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)

    @classmethod
    def load(cls, file: Path) -> "LatentMap":
        """Read a map from safetensors."""
        tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
        return cls(tensors["mean"], tensors["spread"], tensors["basis"], tensors["scale"])

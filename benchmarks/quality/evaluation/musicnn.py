"""An ear that `pocket` never met: musicnn (Pons and Serra 2019), trained on MagnaTagATune by other people.

The weights come in the PyPI wheel (`pip install --no-deps musicnn`, ISC licence) and are read without TensorFlow. The
embedding of a loop is the layer before the tags, 200 numbers, averaged over three-second patches round the loop.
"""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample
from torch import Tensor
from torch.nn import functional

from .checkpoint import read_checkpoint

SAMPLE_RATE, WINDOW, HOP, MELS, PATCH = 16_000, 512, 256, 96, 187


class Musicnn:
    """The MTT_musicnn network, inference only."""

    def __init__(self, folder: Path) -> None:
        tensors = read_checkpoint(folder / "MTT_musicnn")
        self._weights = {name: torch.from_numpy(value.copy()) for name, value in tensors.items() if "Adam" not in name}
        self._mel = torch.from_numpy(_mel_filters())

    def embed(self, audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Return the embedding [200] of a loop [channels, samples]."""
        with torch.no_grad():
            return self._forward(self._patches(audio, sample_rate)).mean(0).numpy()

    def _patches(self, audio: NDArray[np.float32], sample_rate: int) -> Tensor:
        """Return log-mel patches [patches, 187, 96] that cover the loop, going round."""
        mono = audio.mean(0)
        signal = torch.from_numpy(resample(mono, round(len(mono) * SAMPLE_RATE / sample_rate)).astype(np.float32))
        frames = max(1, round(len(signal) / HOP))
        index = torch.arange(frames)[:, None] * HOP - WINDOW // 2 + torch.arange(WINDOW)
        power = torch.fft.rfft(signal[index % len(signal)] * torch.hann_window(WINDOW)).abs().square()
        log_mel = torch.log10(1 + 10_000 * power @ self._mel.T)
        count = max(1, round(frames / PATCH))
        starts = torch.arange(count) * frames // count
        return log_mel[(starts[:, None] + torch.arange(PATCH)) % frames]

    def _forward(self, patches: Tensor) -> Tensor:
        """Return embeddings [patches, 200]."""
        heard = self._normed(patches[:, None], 0)
        padded = functional.pad(heard, (0, 0, 3, 3))
        front = [self._normed(self._conv(padded, i), i + 1).amax(3) for i in (0, 1)]
        for i, length in ((2, 128), (3, 64), (4, 32)):
            same = functional.pad(heard, (0, 0, (length - 1) // 2, length // 2))
            front.append(self._normed(self._conv(same, i), i + 1).amax(3))
        first = torch.cat(front, 1)
        layers = [first]
        for i in (5, 6, 7):
            bands = layers[-1].transpose(1, 2)[:, None]
            hidden = self._normed(self._conv(functional.pad(bands, (0, 0, 3, 3)), i), i + 1)[..., 0]
            layers.append(hidden if i == 5 else hidden + layers[-1])
        everything = torch.cat(layers, 1)
        flat = torch.stack([everything.amax(2), everything.mean(2)], -1).flatten(1)  # maximum and mean take turns
        hidden = functional.relu(self._normed(flat, 9) @ self._weights["dense/kernel"] + self._weights["dense/bias"])
        return self._normed(hidden, 10)

    def _conv(self, hidden: Tensor, number: int) -> Tensor:
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = self._weights[f"{name}/kernel"].permute(3, 2, 0, 1)
        return functional.relu(functional.conv2d(hidden, kernel, self._weights[f"{name}/bias"]))

    def _normed(self, hidden: Tensor, number: int) -> Tensor:
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        values = (self._weights[f"{name}/{part}"] for part in ("moving_mean", "moving_variance", "gamma", "beta"))
        return functional.batch_norm(hidden, *values, eps=1e-3)


def find_musicnn(folder: Path | None = None) -> Musicnn | None:
    """Return the network from `folder` or from the installed package, or None where there is neither."""
    if folder is None:
        found = importlib.util.find_spec("musicnn")
        folder = Path(found.origin).parent if found is not None and found.origin else None
    return Musicnn(folder) if folder is not None else None


def _mel_filters() -> NDArray[np.float32]:
    """Return triangles of equal area on Slaney's mel scale [96, 257], as librosa has them by default."""
    top = _to_mel(np.array(SAMPLE_RATE / 2))
    edges = _to_hz(np.linspace(0, top, MELS + 2))
    frequency = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((frequency - low) / (mid - low), (high - frequency) / (high - mid)))
    return (triangles * 2 / (high - low)).astype(np.float32)


def _to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1000) / 1000) * 27 / np.log(6.4))


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

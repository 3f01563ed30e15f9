"""Fine bands: what `pocket` sees of sound. Log power of mid and side, frame by frame round the loop.

Mid has every FFT bin to 2 kHz and 48 bands an octave above, so that a melody can be steered from it and
phase gradient heap integration finds clean phases; side has 9 bins and 6 bands an octave. Frames are placed
at equal, fractional hops, so that a whole number of them spans any loop exactly: nothing is resampled.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 44_100
WINDOW_SAMPLES = 2048
BINS = WINDOW_SAMPLES // 2 + 1
TOP_HZ = 18_000.0
FLOOR = 1e-3  # of |STFT|^2: 84 dB under a full-scale sine, below what a mix lets through
FRAMES_PER_LATENT = 2
LATENT_MULTIPLE = 8  # loops share lengths, so that batches need no padding and circles stay exact
LATENT_SAMPLES = 1024


def latent_frames(samples: int) -> int:
    """Return how many latent frames span a loop of `samples` samples at 44.1 kHz."""
    return max(LATENT_MULTIPLE, LATENT_MULTIPLE * round(samples / LATENT_SAMPLES / LATENT_MULTIPLE))


@dataclass(frozen=True, slots=True)
class Bands:
    """A bank of bands: `weights` [bands, bins] with rows that sum to one, so a band holds mean power."""

    weights: Tensor
    frequencies_hz: Tensor
    bins: Tensor  # how many FFT bins a band stands for: the rows' share of a flat spectrum
    single: int  # so many bands, the lowest, are one FFT bin each

    def __len__(self) -> int:
        return len(self.frequencies_hz)


def _bank(linear_bins: int, per_octave: int) -> Bands:
    """Single bins up to `linear_bins`, then triangles at `per_octave` (never closer than one bin)."""
    frequency = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / SAMPLE_RATE)
    step = frequency[1]
    edges = [frequency[linear_bins]]
    while edges[-1] < TOP_HZ:
        edges.append(max(edges[-1] * 2 ** (1 / per_octave), edges[-1] + step))
    triangles = [
        np.maximum(0, np.minimum((frequency - low) / (mid - low), (high - frequency) / (high - mid)))
        for low, mid, high in zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
    ]
    rows = np.concatenate([np.eye(BINS)[: linear_bins + 1], np.stack(triangles)])
    counts = rows.sum(1)
    weights = rows / counts[:, None]
    centres = weights @ frequency
    weights, centres, counts = (torch.from_numpy(array.astype(np.float32)) for array in (weights, centres, counts))
    return Bands(weights, centres, counts, single=linear_bins + 1)


@lru_cache(maxsize=1)
def mid_bands() -> Bands:
    """Return the 246 bands of the mid channel."""
    return _bank(96, 48)


@lru_cache(maxsize=1)
def side_bands() -> Bands:
    """Return the 49 bands of the side channel."""
    return _bank(8, 6)


@lru_cache(maxsize=32)
def frame_index(samples: int, frames: int) -> Tensor:
    """Return which samples each frame covers, wrapping: [frames, window], frame i centred on i * samples / frames."""
    starts = np.round(np.arange(frames) * samples / frames).astype(np.int64) - WINDOW_SAMPLES // 2
    return torch.from_numpy((starts[:, None] + np.arange(WINDOW_SAMPLES)) % samples)


@lru_cache(maxsize=1)
def window() -> Tensor:
    """Return the periodic Hann window."""
    return torch.hann_window(WINDOW_SAMPLES)


def stft(audio: Tensor, frames: int) -> Tensor:
    """Return the circular short-time spectrum of `audio` [..., samples]: complex [..., frames, bins]."""
    index = frame_index(audio.shape[-1], frames).to(audio.device)
    return torch.fft.rfft(cut(audio, index) * window().to(audio.device))


def cut(audio: Tensor, index: Tensor) -> Tensor:
    """Return the samples that `index` [frames, window] names of `audio` [..., samples]: [..., frames, window]."""
    return audio.index_select(-1, index.reshape(-1)).view(*audio.shape[:-1], *index.shape)


def istft(spectrum: Tensor, samples: int) -> Tensor:
    """Return the waveform [..., samples] whose circular STFT is nearest to `spectrum` [..., frames, bins]."""
    frames = spectrum.shape[-2]
    index = frame_index(samples, frames).reshape(-1).to(spectrum.device)
    pieces = torch.fft.irfft(spectrum, n=WINDOW_SAMPLES) * window().to(spectrum.device)
    flat = pieces.reshape(*pieces.shape[:-2], -1)
    summed = flat.new_zeros(*flat.shape[:-1], samples).scatter_add(-1, index.expand_as(flat), flat)
    return summed / _overlap(samples, frames).to(spectrum.device)


@lru_cache(maxsize=8)
def _overlap(samples: int, frames: int) -> Tensor:
    square = window().square().expand(frames, -1).reshape(-1)
    return torch.zeros(samples).index_add(0, frame_index(samples, frames).reshape(-1), square).clamp_min(1e-3)


def mid_side(audio: Tensor) -> Tensor:
    """Return mid and side [..., 2, samples] of left and right, or of mid and side: its own inverse up to 2."""
    left, right = audio[..., 0, :], audio[..., 1, :]
    return torch.stack([left + right, left - right], -2)


def log_bands(audio: Tensor, frames: int) -> Tensor:
    """Return log band power [..., frames, 295] of stereo `audio` [..., 2, samples]: mid's bands, then side's."""
    power = stft(mid_side(audio) * 0.5, frames).abs().square()
    mid = power[..., 0, :, :] @ mid_bands().weights.T.to(power.device)
    side = power[..., 1, :, :] @ side_bands().weights.T.to(power.device)
    return torch.log(torch.cat([mid, side], -1) + FLOOR)


def band_power(log_power: Tensor) -> Tensor:
    """Return band power from its logarithm, the floor taken away again."""
    return (log_power.exp() - FLOOR).clamp_min(0)


def to_bins(power: Tensor, bands: Bands, *, iterations: int = 8) -> Tensor:
    """Return power in all FFT bins [..., bins] whose bands are `power` [..., bands] (multiplicative NNLS).

    Starts from interpolation between band centres, which is already within a decibel, and refines where a band holds
    more than one bin.
    """
    first = bands.single
    bins = (power @ _interpolation(len(bands)).to(power.device))[..., first:]
    if iterations:
        listen, spread = (matrix.to(power.device) for matrix in _overlapping(len(bands)))
        columns, wide = (part.reshape(-1, part.shape[-1]).T.contiguous() for part in (bins, power[..., first:]))
        wanted = torch.sparse.mm(spread, wide)
        for _ in range(iterations):
            heard = torch.sparse.mm(spread, torch.sparse.mm(listen, columns))
            columns = columns * (wanted / (heard + 1e-9))
        bins = columns.T.reshape(bins.shape)
    return torch.cat([power[..., :first], bins], -1)


@lru_cache(maxsize=2)
def _overlapping(count: int) -> tuple[Tensor, Tensor]:
    """Return the weights of the overlapping bands, sparse, and their transpose: a bin is in two bands at most."""
    bands = _bank_of(count)
    weights = bands.weights[bands.single :, bands.single :]
    return weights.to_sparse().coalesce(), weights.T.to_sparse().coalesce()


def _bank_of(count: int) -> Bands:
    return next(bank for bank in (mid_bands(), side_bands()) if len(bank) == count)


@lru_cache(maxsize=2)
def _interpolation(count: int) -> Tensor:
    bands = _bank_of(count)
    frequency = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / SAMPLE_RATE)
    rows = [np.interp(frequency, bands.frequencies_hz.numpy(), unit) for unit in np.eye(count)]
    matrix = np.stack(rows)
    matrix[:, frequency > TOP_HZ] = 0
    return torch.from_numpy(matrix.astype(np.float32))

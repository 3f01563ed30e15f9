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

from .waveform.lengths import SAMPLE_RATE as SAMPLE_RATE
from .waveform.lengths import latent_frames as latent_frames

WINDOW_SAMPLES = 2048
BINS = WINDOW_SAMPLES // 2 + 1
TOP_HZ = 18_000.0
FLOOR = 1e-3  # of |STFT|^2: 84 dB under a full-scale sine, below what a mix lets through
FRAMES_PER_LATENT = 2


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
    bank, middles, bins = (torch.from_numpy(array.astype(np.float32)) for array in (weights, centres, counts))
    return Bands(bank, middles, bins, single=linear_bins + 1)


@lru_cache(maxsize=1)
def mid_bands() -> Bands:
    """Return the 246 bands of the mid channel."""
    return _bank(96, 48)


@lru_cache(maxsize=1)
def side_bands() -> Bands:
    """Return the 49 bands of the side channel."""
    return _bank(8, 6)


class Frames:
    """`count` circular Hann frames of `window` samples round a loop of `samples`: analysis and its inverse.

    Frame i is centred on sample i * samples / count; `index` [count, window] names the samples that each covers.
    """

    def __init__(self, samples: int, count: int, window: int, device: torch.device) -> None:
        self.samples = samples
        starts = torch.round(torch.arange(count, dtype=torch.float64) * samples / count).long() - window // 2
        self.index = ((starts[:, None] + torch.arange(window)) % samples).to(device)
        self.window = torch.hann_window(window).to(device)
        square = self.window.square().expand(count, -1).reshape(-1)
        summed = torch.zeros(samples, device=device).index_add(0, self.index.reshape(-1), square)
        self._overlap = summed.clamp_min(1e-3)

    def spectrum(self, wave: Tensor) -> Tensor:
        """Return the spectrum [..., count, bins] of `wave` [..., samples]."""
        return torch.fft.rfft(cut(wave, self.index) * self.window)

    def wave(self, spectrum: Tensor) -> Tensor:
        """Return the wave [..., samples] whose spectrum is nearest to `spectrum` [..., count, bins]."""
        flat = (torch.fft.irfft(spectrum, n=len(self.window)) * self.window).flatten(-2)
        summed = flat.new_zeros(*flat.shape[:-1], self.samples).index_add(-1, self.index.reshape(-1), flat)
        return summed / self._overlap


@lru_cache(maxsize=8)
def frames_of(samples: int, count: int, window: int, device: torch.device) -> Frames:
    """Return such frames, kept for the next loop as long."""
    return Frames(samples, count, window, device)


def cut(audio: Tensor, index: Tensor) -> Tensor:
    """Return the samples that `index` [frames, window] names of `audio` [..., samples]: [..., frames, window]."""
    flat, places = audio.reshape(-1, audio.shape[-1]), index.reshape(-1)
    if audio.device.type == "cpu":  # where a whole matrix takes ten times as long as its rows
        pieces = torch.stack([row.index_select(0, places) for row in flat])
    else:
        pieces = flat.index_select(-1, places)
    return pieces.view(*audio.shape[:-1], *index.shape)


def stft(audio: Tensor, frames: int) -> Tensor:
    """Return the circular short-time spectrum of `audio` [..., samples]: complex [..., frames, bins]."""
    return frames_of(audio.shape[-1], frames, WINDOW_SAMPLES, audio.device).spectrum(audio)


def istft(spectrum: Tensor, samples: int) -> Tensor:
    """Return the waveform [..., samples] whose circular STFT is nearest to `spectrum` [..., frames, bins]."""
    return frames_of(samples, spectrum.shape[-2], WINDOW_SAMPLES, spectrum.device).wave(spectrum)


def resampled(wave: Tensor, samples: int) -> Tensor:
    """Return a loop `wave` [..., n] on so many `samples`, exactly, but for what they cannot hold; on any device."""
    spectrum = torch.fft.rfft(wave)[..., : samples // 2 + 1]
    return torch.fft.irfft(spectrum, samples) * (samples / wave.shape[-1])


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

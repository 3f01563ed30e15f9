"""The spectrum that controls read: power in frequency bands against time, in one form for every model.

A model whose latent is a spectrogram returns it straight from the latent. Others use `analyse`, a short-time Fourier
transform of the decoded waveform that wraps round a circular loop.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

WINDOW_SECONDS = 2048 / 44_100  # the paper's analysis window at 44.1 kHz
HOPS_PER_WINDOW = 4
STEREO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Mean-square power of the mono mix (left + right) / 2, band by band and frame by frame, and the side's level.

    `power` [batch, bands, frames] sums over bands to the mean square of each windowed frame (Parseval).
    `frequencies_hz` [bands] are band centres, `bins` [bands] how many equal FFT bins a band stands for (power / bins
    is a density). Frame i is centred on the time i / frame_rate_hz; frames span the loop exactly when `circular`.
    `side` [batch, frames] is the mean square of (left - right) / 2, None for sound that is mono. `peak_db` [batch,
    frames] is the level of the highest peak in a frame's window, in any channel, where the waveform is known; a model
    that ends in a limiter subtracts the most that the limiter may take. `ends` [2, batch, samples] holds the waveform
    around the loop's beginning and around its end, where the loop is trimmed out of a longer piece.
    """

    power: Tensor
    frequencies_hz: Tensor
    bins: Tensor
    frame_rate_hz: float
    circular: bool
    side: Tensor | None = None
    peak_db: Tensor | None = None
    ends: Tensor | None = None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.power.shape[-1])

    @property
    def mid_level_db(self) -> Tensor:
        """Level of the mono mix of each frame in dBFS, floor -100 dB: [batch, frames]."""
        return 10 * torch.log10(self.power.sum(1) + 1e-10)

    @property
    def level_power(self) -> Tensor:
        """Mean square of each frame, averaged over left and right: [batch, frames].

        (left^2 + right^2) / 2 is mid^2 + side^2: the mono mix alone would miss all that the channels do not share.
        """
        mid = self.power.sum(1)
        return mid if self.side is None else mid + self.side

    @property
    def level_db(self) -> Tensor:
        """Level of each frame in dBFS, both channels counted alike, floor -100 dB: [batch, frames]."""
        return 10 * torch.log10(self.level_power + 1e-10)


def analyse(audio: Tensor, sample_rate: int, *, circular: bool, frames: int | None = None) -> Spectrum:
    """Return the spectrum of `audio` [batch, channels, samples], carrying the gradient.

    Window 2048 samples at 44.1 kHz (the same time at other rates), periodic Hann. With `frames`, that many frames
    at equal, possibly fractional, hops; else the nearest count to a hop of a quarter window.
    """
    window_samples = 2 * round(sample_rate * WINDOW_SECONDS / 2)
    samples = audio.shape[-1]
    count = frames or max(1, round(samples * HOPS_PER_WINDOW / window_samples))
    starts = torch.round(torch.arange(count, dtype=torch.float64) * samples / count).long() - window_samples // 2
    index = (starts[:, None] + torch.arange(window_samples)).to(audio.device)
    mid = _framed(audio.mean(1), index, circular=circular)
    window = torch.hann_window(window_samples, dtype=mid.dtype, device=mid.device)
    energy = window.square().sum()
    bins = torch.fft.rfft(mid * window)
    power = bins.real.square() + bins.imag.square()
    # Parseval for a one-sided spectrum: inner bins count twice; divided by the window's energy.
    both_sides = torch.full((power.shape[-1],), 2.0, dtype=mid.dtype, device=mid.device)
    both_sides[0] = both_sides[-1] = 1.0
    power = power * both_sides / (window_samples * energy)
    frequencies = torch.fft.rfftfreq(window_samples, 1 / sample_rate, dtype=mid.dtype, device=mid.device)
    largest, side = mid.abs(), None
    if audio.shape[1] == STEREO:
        difference = _framed((audio[:, 0] - audio[:, 1]) / 2, index, circular=circular)
        side = (difference * window).square().sum(-1) / energy
        largest = largest + difference.abs()  # of left = mid + side and right = mid - side, the larger
    return Spectrum(
        power=power.transpose(1, 2),
        frequencies_hz=frequencies,
        bins=torch.ones_like(frequencies),
        frame_rate_hz=count * sample_rate / samples,
        circular=circular,
        side=side,
        peak_db=20 * torch.log10(largest.amax(-1) + 1e-10),
    )


def _framed(signal: Tensor, index: Tensor, *, circular: bool) -> Tensor:
    """Return the samples of `signal` [batch, samples] at `index` [frames, window]; silence beyond open ends."""
    samples = signal.shape[-1]
    if circular:
        return signal[:, index % samples]
    half = index.shape[1] // 2
    padded = torch.nn.functional.pad(signal, (half, half + 1))
    return padded[:, (index + half).clamp(0, padded.shape[-1] - 1)]

"""What the controls listen to: power in frequency bands against time, the same for every model.

A model whose latent is a spectrogram gives this straight from its latent; others through `analyse`,
a short-time Fourier transform of the decoded waveform that wraps round a circular loop.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

WINDOW_SECONDS = 2048 / 44_100  # the paper's analysis window at 44.1 kHz
HOPS_PER_WINDOW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Mean-square power of a mono mix, band by band and frame by frame.

    `power` [batch, bands, frames] sums over bands to the mean square of each windowed frame (Parseval), so that
    10 log10 of that sum is the frame's level in dBFS. `frequencies_hz` [bands] are band centres, `bins` [bands]
    how many equal FFT bins a band stands for (power / bins is a density). Frame i is centred on the time
    i / frame_rate_hz; frames span the loop exactly when `circular`. `peak_db` [batch, frames] is the level of the
    highest peak that a frame's window holds, in any channel, where the waveform is known, less what a limiter at the
    model's end may take of it. `ends` [2, batch, samples]
    is there where the loop is trimmed out of a longer piece: the waveform around its beginning, and around its end.
    """

    power: Tensor
    frequencies_hz: Tensor
    bins: Tensor
    frame_rate_hz: float
    circular: bool
    peak_db: Tensor | None = None
    ends: Tensor | None = None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.power.shape[-1])

    @property
    def level_db(self) -> Tensor:
        """Level of each frame in dBFS, floor -100 dB: [batch, frames]."""
        return 10 * torch.log10(self.power.sum(1) + 1e-10)


def analyse(audio: Tensor, sample_rate: int, *, circular: bool, frames: int | None = None) -> Spectrum:
    """Return the spectrum of `audio` [batch, channels, samples], carrying the gradient.

    Window 2048 samples at 44.1 kHz (the same time at other rates), periodic Hann. With `frames`, that many frames
    at equal, possibly fractional, hops; else the nearest count to a hop of a quarter window.
    """
    window_samples = 2 * round(sample_rate * WINDOW_SECONDS / 2)
    mono = audio.mean(1)
    samples = mono.shape[-1]
    count = frames or max(1, round(samples * HOPS_PER_WINDOW / window_samples))
    starts = torch.round(torch.arange(count, dtype=torch.float64) * samples / count).long() - window_samples // 2
    index = starts[:, None] + torch.arange(window_samples)
    if circular:
        index = index % samples
        framed = mono[:, index.to(mono.device)]
    else:
        half = window_samples // 2
        padded = torch.nn.functional.pad(mono, (half, half + 1))
        framed = padded[:, (index + half).clamp(0, padded.shape[-1] - 1).to(mono.device)]
    window = torch.hann_window(window_samples, dtype=mono.dtype, device=mono.device)
    bins = torch.fft.rfft(framed * window)
    power = bins.real.square() + bins.imag.square()
    # Parseval for a one-sided spectrum: inner bins count twice; divided by the window's energy.
    both_sides = torch.full((power.shape[-1],), 2.0, dtype=mono.dtype, device=mono.device)
    both_sides[0] = both_sides[-1] = 1.0
    power = power * both_sides / (window_samples * window.square().sum())
    frequencies = torch.fft.rfftfreq(window_samples, 1 / sample_rate, dtype=mono.dtype, device=mono.device)
    return Spectrum(
        power=power.transpose(1, 2),
        frequencies_hz=frequencies,
        bins=torch.ones_like(frequencies),
        frame_rate_hz=count * sample_rate / samples,
        circular=circular,
        peak_db=20 * torch.log10(framed.abs().amax(-1) + 1e-10),
    )

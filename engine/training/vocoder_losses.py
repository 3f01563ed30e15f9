"""Distances of the vocoder's waveform from the true one. Samples are not compared, because phases may differ.

Spectra at many resolutions are compared by their logarithm; long windows count only where the truth has lines, because
the bins of noise are random and a mask that evens them would be rewarded. Times of a millisecond count only about hits.
Critics hear magnitudes at several resolutions (Jang et al. 2021, arXiv:2106.07889), hinge and features as for Vocos.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ..pocket.bands import SAMPLE_RATE
from ..pocket.waveform.vocoder import parted

SHORT_WINDOWS = (256, 512, 1024, 2048, 4096)
LONG_WINDOWS = (8192, 16_384, 32_768)
CRITIC_WINDOWS = (512, 1024, 2048, 4096)
TOP_LINE_HZ = 5_000.0
LINE_CONTRAST_DB, LINE_SPAN_DB = 9.0, 8.0  # over the mean of neighbours: more than noise has
CHANNEL_WEIGHTS = (1.0, 0.4)  # mid and side
FLOOR = 1e-4


def spectrum(wave: Tensor, window: int, hop: int) -> Tensor:
    """Return the magnitudes [..., frames, bins] of `wave` [..., samples] as amplitudes of sines; no padding."""
    shape = torch.hann_window(window, device=wave.device)
    pieces = wave.unfold(-1, window, hop) * shape
    return (torch.fft.rfft(pieces).abs().square() + 1e-14).sqrt() * (4 / window)


def _weighed(difference: Tensor) -> Tensor:
    """Return the mean of `difference` [batch, 2, ...], mid weighted over side."""
    weights = torch.tensor(CHANNEL_WEIGHTS, device=difference.device)
    return (difference.mean((0, *range(2, difference.ndim))) * weights).sum() / sum(CHANNEL_WEIGHTS)


class Distance(nn.Module):
    """The sum of all distances that need no critic."""

    mels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mels", _mel(2048, 128), persistent=False)

    def forward(self, made: Tensor, true: Tensor) -> dict[str, Tensor]:
        """Return distances by name of mid and side `made` from `true`, both [batch, 2, samples]."""
        return {"spectra": self.spectra(made, true), "mel": self.mel(made, true)} | {
            "lines": self.lines(made, true),
            "hits": self.hits(made, true),
            "loudness": self.loudness(made, true),
        }

    def spectra(self, made: Tensor, true: Tensor) -> Tensor:
        """Return log and relative distances of short spectra, in nepers; neighbouring bins are heard together."""
        parts = []
        for window in SHORT_WINDOWS:
            one, other = (spectrum(wave, window, window // 4) for wave in (made, true))
            # Noise has random bins: sums over some of them and two frames compare what is no accident.
            one, other = (F.avg_pool2d(size.square().flatten(0, 1)[:, None], (2, 5), (1, 2)) for size in (one, other))
            difference = (torch.log(one + FLOOR**2) - torch.log(other + FLOOR**2)).abs() / 2
            parts.append(_weighed(difference.unflatten(0, made.shape[:2])))
        return torch.stack(parts).mean()

    def mel(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the distance of log mel bands as the measure has it, in nepers."""
        one, other = (spectrum(wave, 2048, 512).square() @ self.mels for wave in (made, true))
        floor = 3e-8 * other.detach().amax((1, 2, 3), keepdim=True) + 1e-10  # 75 dB under the loudest
        return _weighed((torch.log(one + floor) - torch.log(other + floor)).abs() / 2)

    def lines(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the log distance of long spectra where the truth has lines, and between them."""
        parts = []
        for window in LONG_WINDOWS:
            if window > made.shape[-1]:
                continue
            top = round(TOP_LINE_HZ * window / SAMPLE_RATE)
            near = 2 * round(35 * window / SAMPLE_RATE) + 1  # 70 Hz
            one, other = (spectrum(wave[:, :1], window, window // 4)[..., 1:top] for wave in (made, true))
            with torch.no_grad():
                flat = other.flatten(0, 2)[:, None]
                highest = F.max_pool1d(flat, near, 1, near // 2)
                usual = torch.exp(F.avg_pool1d(torch.log(flat), near, 1, near // 2))
                contrast = 20 * torch.log10(highest / usual)
                loud = other.flatten(1).amax(1).view(-1, 1, 1, 1)
                floor = (0.01 * highest).view_as(other) + 1e-4 * loud + 1e-6
                weight = ((contrast - LINE_CONTRAST_DB) / LINE_SPAN_DB).clamp(0, 1).view_as(other)
                # As loud as the lines near by are over what is heard of the loop.
                weight = weight * (highest.view_as(other) / (loud + 1e-6) * 100).clamp(0, 1)
            difference = (torch.log(one + floor) - torch.log(other + floor)).abs()
            # What is over the truth, the roughness of a chord, is heard; what is under it hardly.
            difference = torch.where(one > other, difference, 0.7 * difference)
            parts.append((difference * weight).sum() / (weight.sum() + 0.02 * weight.numel()))
        return torch.stack(parts).mean()

    def hits(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the log distance of the mid's broad bands in 1 ms, near steep rises of the truth: 30 ms before one."""
        step = 11
        levels = [self._levels(wave[:, :1], step) for wave in (made, true)]
        with torch.no_grad():
            truth = levels[1]
            around = F.max_pool1d(truth, 241, 1, 120)  # 30 ms to each side
            loudest = truth.amax((1, 2), keepdim=True)
            floor = 1e-3 * around + 1e-5 * loudest + 1e-9
            before = F.pad(F.avg_pool1d(truth, 60, 1), (59, 0))
            rise = torch.log((F.pad(truth, (0, 8))[..., 8:] + floor) / (before + floor))
            steep = ((rise - 2) / 2).clamp(0, 1) * (truth > 3e-3 * loudest)
            # As far as 30 ms before the rise, and 10 ms after it.
            near = F.max_pool1d(F.pad(steep, (40, 120)), 161, 1)
            risen = truth > 0.1 * around
            # Peaks in the 80 ms after a rise: a hit is sharp only if nothing after it stands out.
            later = F.max_pool1d(F.pad(steep, (320, 8)), 329, 1)[..., ::8]
        over = (torch.log(levels[0] + floor) - torch.log(levels[1] + floor)) / 2
        # Too little of a hit and too much before it are worse than the contrary: the one is dull, the other smeared.
        weight = near * torch.where(risen, torch.where(over < 0, 2.0, 1.0), torch.where(over > 0, 2.0, 1.0))
        levelled = (over.abs() * weight).sum() / (near.sum() + 0.01 * near.numel())
        one, other = (F.max_pool1d(F.pad(level, (12, 12)), 25, 8)[..., : later.shape[-1]] for level in levels)
        over = (torch.log(one + floor[..., ::8]) - torch.log(other + floor[..., ::8])) / 2
        weight = later * torch.where(over > 0, 2.0, 1.0)
        return levelled + (over.abs() * weight).sum() / (later.sum() + 0.01 * later.numel())

    def loudness(self, made: Tensor, true: Tensor) -> Tensor:
        """Return how far the level of each broad band is off, in nepers: medians of what is uncertain are too quiet."""
        one, other = (parted(wave).square().mean(-1).transpose(1, 2) for wave in (made, true))
        floor = 1e-4 * other.amax((1, 2), keepdim=True) + 1e-8
        return _weighed((torch.log(one + floor) - torch.log(other + floor)).abs() / 2)

    def _levels(self, mid: Tensor, step: int) -> Tensor:
        """Return mean powers [batch, 4, n] of the whole and of each broad band of `mid` [batch, 1, samples]."""
        parts = torch.cat([mid, parted(mid)[:, :, 0]], 1).square()
        return F.avg_pool1d(parts, 4 * step, step)


class Critic(nn.Module):
    """Convolutions over log magnitudes of one window, as Vocos' multi-resolution critics."""

    def __init__(self, window: int, inner: int = 32) -> None:
        super().__init__()
        self.window = window
        widths = (3, inner, inner, inner, inner)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(one, other, (3, 9), stride=(1, 2 if place else 1), padding=(1, 4)))
            for place, (one, other) in enumerate(zip(widths, widths[1:], strict=False))
        )
        self.verdict = weight_norm(nn.Conv2d(inner, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> list[Tensor]:
        """Return all layers' answers to mid and side `wave` [batch, 2, samples]; the last is the verdict."""
        with torch.autocast(wave.device.type, enabled=False):
            level = torch.log(spectrum(wave, self.window, self.window // 4) + FLOOR) / 3 + 2
        height = torch.linspace(-1, 1, level.shape[-1], device=level.device).expand_as(level[:, :1])
        state, answers = torch.cat([level, height], 1), []
        for layer in self.layers:
            state = F.leaky_relu(layer(state), 0.1)
            answers.append(state)
        return [*answers, self.verdict(state)]


class Critics(nn.Module):
    """One critic for each window."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = nn.ModuleList(Critic(window) for window in CRITIC_WINDOWS)

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        """Return each critic's answers."""
        return [critic(wave) for critic in self.heard]


def discriminator_loss(true: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Return the critics' hinge loss."""
    return torch.stack(
        [
            F.relu(1 - one[-1].float()).mean() + F.relu(1 + other[-1].float()).mean()
            for one, other in zip(true, made, strict=True)
        ]
    ).mean()


def generator_losses(true: list[list[Tensor]], made: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the generator's adversarial loss and its feature-matching loss, from the critics' layers."""
    verdict = torch.stack([-one[-1].float().mean() for one in made]).mean()
    features = [
        (one.float() - other.detach().float()).abs().mean() / (other.detach().float().abs().mean() + 1e-3)
        for mades, trues in zip(made, true, strict=True)
        for one, other in zip(mades[:-1], trues[:-1], strict=True)
    ]
    return verdict, torch.stack(features).mean()


def _mel(window: int, count: int) -> Tensor:
    """Return triangles [bins, count] even in mel to 18 kHz, of amplitudes' squares."""
    frequency = torch.arange(window // 2 + 1) * (SAMPLE_RATE / window)
    edges = 700 * torch.expm1(torch.linspace(0, float(torch.log1p(torch.tensor(18_000 / 700))), count + 2))
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    step = float(frequency[1])
    rising = (frequency[:, None] - torch.minimum(low, mid - step)) / (mid - low).clamp_min(step)
    falling = (torch.maximum(high, mid + step) - frequency[:, None]) / (high - mid).clamp_min(step)
    return torch.minimum(rising, falling).clamp_min(0)

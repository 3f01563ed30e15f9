"""From `pocket`'s bands to sound and back to what the controls hear.

The waveform has one phase for both channels, integrated from their common power; the side is that phase a
quarter turn on, so that left and right are equally loud and the mono mix is exactly the mid.

In the treble a band holds many bins, and phases integrated from so smooth a picture align: every frame turns into a
click. Two things keep them apart. Magnitudes are roughened before their phases are integrated, as in real noise
are, except where the loop itself rises sharply: a hit must stay one. And the treble goes through a gentle all-pass
whose delay swings to and fro with frequency, so that a hit, too, lasts three milliseconds and not a tenth of one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from ..spectrum import Spectrum
from .bands import (
    BINS,
    SAMPLE_RATE,
    WINDOW_SAMPLES,
    band_power,
    cut,
    frames_of,
    istft,
    mid_bands,
    mid_side,
    side_bands,
    stft,
    to_bins,
)
from .waveform.attacks import quiet_before_hits
from .waveform.crest import LIMITED_DB, limiter, round_peaks, true_peaks
from .waveform.phase import loop_phases
from .waveform.side_by_side import side_by_side
from .waveform.vocoder import Vocoder

_MIDS = 246
LEAST_POWER = 1e-9  # of a bin, under whose root a gradient goes
QUARTER_TURN = 1j
TREBLE_BIN, TREBLE_BINS = 200, 96  # 4.3 kHz, and how gently the treble begins
ROUGHNESS = 1.3  # deviation of log magnitude; with less, steady noise throbs at the rate of the frames
SHARP_RISE = 0.8  # of log power from one frame to the next, mean over treble bands: half a hit
AGREEMENTS = 2  # with more, hits begin to click
AUDIBLE_GAIN = 0.99
LIMITED_GAIN_DB, LIMITED_CREST_DB = -0.6, 1.0  # of a limited waveform: beside its bands, and its peaks over its frames
LATEST = 6  # loops or layers that are kept as they sounded
LATE_SAMPLES = 60  # 1.4 ms, between 0.7 (sharp hits) and 2 (sampled ones): so late are hits after bands and phases
DELAY_SECONDS, DELAY_PERIOD_HZ = 0.0015, 4000.0  # of the all-pass: shorter, and every third loop clicks


def spectrum_of(log_power: Tensor, frame_rate_hz: float) -> Spectrum:
    """Return the spectrum of log band power [batch, frames, bands]; carries the gradient."""
    side = _side_power(band_power(log_power[..., _MIDS:])) if log_power.shape[-1] > _MIDS else None
    return _spectrum(band_power(log_power[..., :_MIDS]), side, frame_rate_hz)


def _side_power(power: Tensor) -> Tensor:
    """Return the mean square [batch, frames] of side band power [batch, frames, bands]."""
    return power @ (_per_bin() * side_bands().bins.to(power.device))


def _spectrum(power: Tensor, side: Tensor | None, frame_rate_hz: float) -> Spectrum:
    """Return mid band power [batch, frames, bands] as mean squares, beside the side's mean squares [batch, frames]."""
    bank = mid_bands()
    bins = bank.bins.to(power.device)
    return Spectrum(
        power=(power * (_per_bin() * bins)).transpose(1, 2),
        frequencies_hz=bank.frequencies_hz.to(power.device),
        bins=bins,
        frame_rate_hz=frame_rate_hz,
        circular=True,
        side=side,
    )


@dataclass(frozen=True)
class _Sounded:
    """A loop once sounded: unit phases [frames, bins], mid and side [2, samples]."""

    turn: Tensor
    both: Tensor

    @cached_property
    def peaks(self) -> Tensor:
        """The true peaks [samples] of left and right, which nobody asks of one layer among others."""
        with torch.no_grad():
            return true_peaks(mid_side(self.both))

    @cached_property
    def limiter(self) -> Tensor:
        """The gain [samples] that keeps those peaks under the mixes' ceiling."""
        return limiter(self.peaks)


# The last ones, as many as a loop has layers: what a search ends with is heard, then delivered, then perhaps redrawn.
_Name = tuple[bytes, torch.device, Vocoder | None]
_latest: dict[_Name, _Sounded] = {}


def waveform(log_power: Tensor, samples: int, vocoder: Vocoder | None = None, *, limits: bool = False) -> Tensor:
    """Return stereo audio [batch, 2, samples] of log band power [batch, frames, bands], without a gradient.

    A `vocoder` mends what integrated phases leave wrong; with `limits` a limiter keeps peaks under the mixes' ceiling.
    """
    with torch.no_grad():
        sounded = [_sounded(one, samples, vocoder) for one in log_power]
        waves = [mid_side(one.both) for one in sounded]
        if limits:
            waves = [wave * one.limiter for wave, one in zip(waves, sounded, strict=True)]
        return torch.stack(waves)


def together(
    log_power: Tensor,
    samples: int,
    vocoder: Vocoder | None = None,
    *,
    limits: bool = False,
    audible: Sequence[int] | None = None,
) -> Tensor:
    """Return the audio [batch, layers, 2, samples] of layers [batch, layers, frames, bands], without a gradient.

    With `limits` each has the gain of the limiter of the sum of those that are `audible`, all without a list, so that
    these add up to what is delivered.
    """
    with torch.no_grad():
        loops = []
        for layers in log_power:
            both = torch.stack([one.both for one in _apart(layers, samples, vocoder)])
            mix = both if audible is None else both[list(audible)]
            gain = limiter(true_peaks(mid_side(mix.sum(0)))) if limits else 1.0
            loops.append(mid_side(both) * gain)
        return torch.stack(loops)


def together_resynthesised(
    log_power: Tensor, samples: int, frame_rate_hz: float, vocoder: Vocoder | None = None, *, limits: bool = False
) -> Spectrum:
    """Return the spectrum that the sum of layers [batch, layers, frames, bands] really has; see `resynthesised`."""
    sounded = []
    for layers in log_power:
        _apart(layers.detach(), samples, vocoder)
        both = torch.stack([_with_gradient(one, samples, vocoder) for one in layers]).sum(0)
        with torch.no_grad():
            peaks = true_peaks(mid_side(both))
        sounded.append((both, peaks))
    return _heard(sounded, band_power(log_power[..., _MIDS:]).sum(1), frame_rate_hz, limits=limits)


def resynthesised(
    log_power: Tensor, samples: int, frame_rate_hz: float, vocoder: Vocoder | None = None, *, limits: bool = False
) -> Spectrum:
    """Return the spectrum that the waveform of log band power [batch, frames, bands] really has.

    Slower than `spectrum_of` and honest: a spectrogram that no waveform has is caught here. Phases, and what the
    `vocoder` and the limiter change, are constant in the gradient, which flows through magnitudes, synthesis and
    analysis. Peaks are the delivered wave's; with `limits`, the limiter's, less the gain that it may take.
    """
    sounded = [(_with_gradient(one, samples, vocoder), _sounded(one, samples, vocoder).peaks) for one in log_power]
    return _heard(sounded, band_power(log_power[..., _MIDS:]), frame_rate_hz, limits=limits)


def usually_resynthesised(spectrum: Spectrum, *, limits: bool = False) -> Spectrum:
    """Return the spectrum that `resynthesised` is likely to give where `spectrum_of` gives `spectrum`.

    A limited loop's level is off by 0.3 dB then, and its peaks lie as far over its level as in the median.
    """
    if not limits:
        return spectrum
    usual, side = 10 ** (LIMITED_GAIN_DB / 10), spectrum.side
    peak_db = spectrum.mid_level_db + LIMITED_GAIN_DB + LIMITED_CREST_DB
    return replace(spectrum, power=spectrum.power * usual, side=None if side is None else side * usual, peak_db=peak_db)


def _heard(sounded: list[tuple[Tensor, Tensor]], side: Tensor, frame_rate_hz: float, *, limits: bool) -> Spectrum:
    """Return the spectrum of mids and sides [2, samples] with their true peaks [samples].

    `side` is the band power [batch, frames, bands] that the sides were made of.
    """
    frames = side.shape[1]
    gains = [limiter(peaks) if limits else 1.0 for _, peaks in sounded]
    mids = torch.stack([gain * both[0] for gain, (both, _) in zip(gains, sounded, strict=True)])
    with torch.no_grad():
        sides = torch.stack([gain * both[1] for gain, (both, _) in zip(gains, sounded, strict=True)])
        heard = _side_power(stft(sides, frames).abs().square() @ side_bands().weights.T.to(sides.device))
    # The value is the waveform's, the gradient the bands': the side is made without one.
    own = _side_power(side) + LEAST_POWER
    level = own * (heard / own.detach())
    power = stft(mids, frames).abs().square() @ mid_bands().weights.T.to(mids.device)
    spectrum = _spectrum(power, level, frame_rate_hz)
    over = torch.stack([peaks for _, peaks in sounded])
    largest = cut(over, frames_of(over.shape[-1], frames, WINDOW_SAMPLES, over.device).index).amax(-1)
    return replace(spectrum, peak_db=20 * torch.log10(largest + 1e-10) - (LIMITED_DB if limits else 0))


def _apart(layers: Tensor, samples: int, vocoder: Vocoder | None) -> list[_Sounded]:
    """Return how layers [layers, frames, bands] sound, those that are not known made side by side."""
    named = [(_name(one, samples, vocoder), one) for one in layers]
    missing = [(key, one) for key, one in named if key not in _latest]
    made = side_by_side(lambda item: _made(item[1], samples, vocoder), missing, layers.device)
    found = {key: _latest[key] for key, _ in named if key in _latest}
    for (key, _), one in zip(missing, made, strict=True):
        found[key] = _kept(key, one)
    return [found[key] for key, _ in named]


def _sounded(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> _Sounded:
    """Return how log band power [frames, bands] sounds, without a gradient."""
    key = _name(log_power, samples, vocoder)
    known = _latest.get(key)
    if known is None:
        with torch.no_grad():
            known = _kept(key, _made(log_power, samples, vocoder))
    return known


def _with_gradient(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> Tensor:
    """Return mid and side [2, samples] of log band power [frames, bands]; carries the gradient to the mid."""
    if not (torch.is_grad_enabled() and log_power.requires_grad):
        return _sounded(log_power, samples, vocoder).both
    key = _name(log_power, samples, vocoder)
    known, bins = _latest.get(key), _bins(log_power)
    turn = _turns(log_power, bins, samples) if known is None else known.turn
    plain = _plain(bins, turn, samples)
    if known is None:
        known = _kept(key, _mended(log_power, turn, plain, vocoder))
    return plain + (known.both - plain.detach())


def _name(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> _Name:
    name = hashlib.blake2b(log_power.detach().cpu().numpy().tobytes(), key=str(samples).encode()).digest()
    return name, log_power.device, vocoder


def _kept(key: _Name, made: _Sounded) -> _Sounded:
    while len(_latest) >= LATEST:
        del _latest[next(iter(_latest))]
    _latest[key] = made
    return made


def _made(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> _Sounded:
    bins = _bins(log_power)
    turn = _turns(log_power, bins, samples)
    return _mended(log_power, turn, _plain(bins, turn, samples), vocoder)


def _mended(log_power: Tensor, turn: Tensor, plain: Tensor, vocoder: Vocoder | None) -> _Sounded:
    with torch.no_grad():
        return _Sounded(turn, plain.detach() if vocoder is None else vocoder(log_power[None], plain[None])[0])


def _plain(bins: tuple[Tensor, Tensor], turn: Tensor, samples: int) -> Tensor:
    """Return mid and side [2, samples] of their power [frames, bins] with the phases of `turn`."""
    mid, side = bins
    with torch.no_grad():
        edge = istft(side.sqrt() * turn * QUARTER_TURN, samples)
    plain = _in_time(torch.stack([istft((mid + LEAST_POWER).sqrt() * turn, samples), edge]))
    # Windows let the lowest bins leak into a constant offset, which is no sound.
    return plain - plain.mean(-1, keepdim=True)


def _in_time(wave: Tensor) -> Tensor:
    """Return a loop [..., samples] turned so that its hits are where they are in the loop that the bands came from."""
    return wave.roll(-LATE_SAMPLES, -1)


def _bins(log_power: Tensor) -> tuple[Tensor, Tensor]:
    power = band_power(log_power)
    mid = to_bins(power[..., :_MIDS], mid_bands())
    side = to_bins(power[..., _MIDS:], side_bands(), iterations=0)
    audible = torch.arange(mid.shape[-1], device=mid.device) > 0  # a constant offset is no sound
    return mid * audible, side * audible


@torch.no_grad()
def _turns(log_power: Tensor, power: tuple[Tensor, Tensor], samples: int) -> Tensor:
    """Return unit complex numbers with phases for the power [frames, bins] of both, frames starting at their edge.

    Integrated phases, the all-pass, then steps of Griffin and Lim (1984), the first for all frames, the others for
    those that a hit or a peak is near to: overlapping frames agree on the rest, that it is quiet before hits, and
    that no peak stands out.
    """
    magnitude = (power[0] + power[1]).sqrt()
    frames, bins = magnitude.shape
    rough = (magnitude * torch.exp(_roughness(frames, bins).to(magnitude.device) * _steady(log_power))).cpu().numpy()
    phases = loop_phases(rough, samples / frames)
    phases -= np.float32(np.pi) * np.arange(bins, dtype=np.float32)
    turn = torch.polar(torch.ones_like(magnitude), (torch.from_numpy(phases) + _spread()).to(magnitude.device))
    near = torch.ones(frames, dtype=torch.bool, device=magnitude.device)
    whole = frames_of(samples, frames, WINDOW_SAMPLES, magnitude.device)
    for _ in range(AGREEMENTS):
        wave = istft(magnitude * turn, samples)
        gain = torch.from_numpy(quiet_before_hits(wave.cpu().numpy())).to(wave.device) * round_peaks(wave)
        agreed = torch.fft.rfft(cut(wave * gain, whole.index[near]) * whole.window)
        turn[near] = agreed.sgn()
        near = cut(gain, whole.index).amin(-1) < AUDIBLE_GAIN
        if not near.any():
            break
    return turn


@lru_cache(maxsize=8)
def _roughness(frames: int, bins: int) -> Tensor:
    """Return normal deviations of log magnitude, the same for every loop of this length: [frames, bins]."""
    return ROUGHNESS * torch.randn(frames, bins, generator=torch.Generator().manual_seed(0)) * _treble()


@lru_cache(maxsize=1)
def _spread() -> Tensor:
    """Return the phases [bins] of an all-pass whose delay is a triangle over frequency, nothing below the treble."""
    bin_hz = SAMPLE_RATE / WINDOW_SAMPLES
    swings = (torch.arange(BINS) - TREBLE_BIN) * bin_hz / DELAY_PERIOD_HZ
    delay_seconds = DELAY_SECONDS * (4 * (swings - torch.floor(swings + 0.5)).abs() - 1) * _treble()
    return -2 * torch.pi * bin_hz * delay_seconds.cumsum(0)


@lru_cache(maxsize=1)
def _treble() -> Tensor:
    """Return 1 for bins [bins] that are treble, 0 below 4.3 kHz."""
    return ((torch.arange(BINS) - TREBLE_BIN) / TREBLE_BINS).clamp(0, 1)


def _steady(log_power: Tensor) -> Tensor:
    """Return 1 where the treble of log band power [frames, bands] is steady, 0 where it rises: [frames, 1]."""
    treble = log_power[:, 97:_MIDS]
    rise = (treble - treble.roll(1, 0)).clamp_min(0).mean(1)
    around = torch.maximum(torch.maximum(rise, rise.roll(1)), rise.roll(-1))
    return (1.5 - around / SHARP_RISE).clamp(0, 1)[:, None]


@lru_cache(maxsize=1)
def _per_bin() -> float:
    """Mean square per unit of |STFT|^2 in an inner bin (Parseval; both sides of the spectrum)."""
    return float(2 / (WINDOW_SAMPLES * torch.hann_window(WINDOW_SAMPLES).square().sum()))

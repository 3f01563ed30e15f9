"""Decoding of `pocket`'s log bands to a waveform, and the spectrum of that waveform for the controls.

Mid and side share one phase, integrated from their common power; the side's is a quarter of a cycle ahead, so that left
and right are equally loud and the mono mix is exactly the mid.

In the treble a band covers many bins, and phases integrated from so smooth a spectrogram align: every frame becomes a
click. Two steps prevent it. Random deviations, as noise has them, are added to the log magnitudes before their phases
are integrated, except where the loop itself rises sharply: a hit must stay sharp. And the treble passes an all-pass
filter whose delay varies with frequency, so that a hit, too, lasts three milliseconds and not a tenth of one.
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

_MID_BANDS = 246  # of `bands.mid_bands`; the side's bands follow them
MIN_POWER = 1e-9  # added to a bin's power, because the gradient of a root has no bound at 0
QUARTER_TURN = 1j
TREBLE_BIN, TREBLE_BINS = 200, 96  # 4.3 kHz, and how gently the treble begins
ROUGHNESS = 1.3  # standard deviation of log magnitude; with less, steady noise pulsates at the frame rate
SHARP_RISE = 0.8  # of log power from one frame to the next, mean over treble bands: half a hit
GRIFFIN_LIM_STEPS = 2  # with more, hits begin to click
AUDIBLE_GAIN = 0.99
# Of a limited waveform: its level over that of its bands, and its peaks over the levels of their frames.
LIMITED_GAIN_DB, LIMITED_CREST_DB = -0.6, 1.0
CACHED_SOUNDS = 6  # decoded loops or layers, as many as a loop has layers
DELAY_SAMPLES = 60  # 1.4 ms, by which decoding delays hits: 0.7 ms where they are sharp, 2 where they are samples
DELAY_SECONDS, DELAY_PERIOD_HZ = 0.0015, 4000.0  # of the all-pass: shorter, and every third loop clicks


def spectrum_of(log_power: Tensor, frame_rate_hz: float) -> Spectrum:
    """Return the spectrum of log band power [batch, frames, bands]; carries the gradient."""
    side = _side_power(band_power(log_power[..., _MID_BANDS:])) if log_power.shape[-1] > _MID_BANDS else None
    return _spectrum(band_power(log_power[..., :_MID_BANDS]), side, frame_rate_hz)


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
class _Decoded:
    """A decoded loop or layer: unit complex `phasors` [frames, bins], and mid and side [2, samples]."""

    phasors: Tensor
    mid_side_wave: Tensor

    @cached_property
    def peaks(self) -> Tensor:
        """The true peaks [samples] of left and right, computed when needed: single layers do not need them."""
        with torch.no_grad():
            return true_peaks(mid_side(self.mid_side_wave))

    @cached_property
    def limiter(self) -> Tensor:
        """The gain [samples] that keeps those peaks under the mixes' ceiling."""
        return limiter(self.peaks)


# The same sound is decoded when a search ends, when it is delivered, and perhaps for a redraw.
_CacheKey = tuple[bytes, torch.device, Vocoder | None]
_cache: dict[_CacheKey, _Decoded] = {}


def waveform(log_power: Tensor, samples: int, vocoder: Vocoder | None = None, *, limits: bool = False) -> Tensor:
    """Return stereo audio [batch, 2, samples] of log band power [batch, frames, bands], without a gradient.

    A `vocoder` corrects errors of integrated phases; with `limits` a limiter keeps peaks under the mixes' ceiling.
    """
    with torch.no_grad():
        decoded = [_decoded(one, samples, vocoder) for one in log_power]
        waves = [mid_side(one.mid_side_wave) for one in decoded]
        if limits:
            waves = [wave * one.limiter for wave, one in zip(waves, decoded, strict=True)]
        return torch.stack(waves)


def stem_waveforms(
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
            mid_side_wave = torch.stack([one.mid_side_wave for one in _layers_decoded(layers, samples, vocoder)])
            mix = mid_side_wave if audible is None else mid_side_wave[list(audible)]
            gain = limiter(true_peaks(mid_side(mix.sum(0)))) if limits else 1.0
            loops.append(mid_side(mid_side_wave) * gain)
        return torch.stack(loops)


def layers_resynthesised(
    log_power: Tensor, samples: int, frame_rate_hz: float, vocoder: Vocoder | None = None, *, limits: bool = False
) -> Spectrum:
    """Return the spectrum of the waveform of the sum of layers [batch, layers, frames, bands]; see `resynthesised`."""
    decoded = []
    for layers in log_power:
        _layers_decoded(layers.detach(), samples, vocoder)
        mid_side_wave = torch.stack([_with_gradient(one, samples, vocoder) for one in layers]).sum(0)
        with torch.no_grad():
            peaks = true_peaks(mid_side(mid_side_wave))
        decoded.append((mid_side_wave, peaks))
    return _analysed(decoded, band_power(log_power[..., _MID_BANDS:]).sum(1), frame_rate_hz, limits=limits)


def resynthesised(
    log_power: Tensor, samples: int, frame_rate_hz: float, vocoder: Vocoder | None = None, *, limits: bool = False
) -> Spectrum:
    """Return the spectrum of the waveform that log band power [batch, frames, bands] is decoded to.

    It is slower than `spectrum_of`, and exact even for a spectrogram that no waveform has. Phases, and what the
    `vocoder` and the limiter change, are constant in the gradient, which flows through magnitudes, synthesis and
    analysis. Peaks are the delivered wave's; with `limits`, the limiter's, less the gain that it may take.
    """
    decoded = [(_with_gradient(one, samples, vocoder), _decoded(one, samples, vocoder).peaks) for one in log_power]
    return _analysed(decoded, band_power(log_power[..., _MID_BANDS:]), frame_rate_hz, limits=limits)


def usually_resynthesised(spectrum: Spectrum, *, limits: bool = False) -> Spectrum:
    """Return the spectrum that `resynthesised` is likely to give where `spectrum_of` gives `spectrum`.

    A limited loop's level is off by 0.3 dB then, and its peaks lie as far over its level as in the median.
    """
    if not limits:
        return spectrum
    usual, side = 10 ** (LIMITED_GAIN_DB / 10), spectrum.side
    peak_db = spectrum.mid_level_db + LIMITED_GAIN_DB + LIMITED_CREST_DB
    return replace(spectrum, power=spectrum.power * usual, side=None if side is None else side * usual, peak_db=peak_db)


def _analysed(decoded: list[tuple[Tensor, Tensor]], side: Tensor, frame_rate_hz: float, *, limits: bool) -> Spectrum:
    """Return the spectrum of mids and sides [2, samples] with their true peaks [samples].

    `side` is the band power [batch, frames, bands] that the sides were made of.
    """
    frames = side.shape[1]
    gains = [limiter(peaks) if limits else 1.0 for _, peaks in decoded]
    mids = torch.stack([gain * mid_side_wave[0] for gain, (mid_side_wave, _) in zip(gains, decoded, strict=True)])
    with torch.no_grad():
        sides = torch.stack([gain * mid_side_wave[1] for gain, (mid_side_wave, _) in zip(gains, decoded, strict=True)])
        heard = _side_power(stft(sides, frames).abs().square() @ side_bands().weights.T.to(sides.device))
    # The value is the waveform's, the gradient the bands': the side is made without one.
    own = _side_power(side) + MIN_POWER
    level = own * (heard / own.detach())
    power = stft(mids, frames).abs().square() @ mid_bands().weights.T.to(mids.device)
    spectrum = _spectrum(power, level, frame_rate_hz)
    over = torch.stack([peaks for _, peaks in decoded])
    largest = cut(over, frames_of(over.shape[-1], frames, WINDOW_SAMPLES, over.device).index).amax(-1)
    return replace(spectrum, peak_db=20 * torch.log10(largest + 1e-10) - (LIMITED_DB if limits else 0))


def _layers_decoded(layers: Tensor, samples: int, vocoder: Vocoder | None) -> list[_Decoded]:
    """Return the decoded layers of [layers, frames, bands]; those that are not cached are decoded in parallel."""
    named = [(_cache_key(one, samples, vocoder), one) for one in layers]
    missing = [(key, one) for key, one in named if key not in _cache]
    made = side_by_side(lambda item: _decode(item[1], samples, vocoder), missing, layers.device)
    found = {key: _cache[key] for key, _ in named if key in _cache}
    for (key, _), one in zip(missing, made, strict=True):
        found[key] = _cached(key, one)
    return [found[key] for key, _ in named]


def _decoded(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> _Decoded:
    """Return log band power [frames, bands] decoded, without a gradient; cached."""
    key = _cache_key(log_power, samples, vocoder)
    known = _cache.get(key)
    if known is None:
        with torch.no_grad():
            known = _cached(key, _decode(log_power, samples, vocoder))
    return known


def _with_gradient(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> Tensor:
    """Return mid and side [2, samples] of log band power [frames, bands]; carries the gradient to the mid."""
    if not (torch.is_grad_enabled() and log_power.requires_grad):
        return _decoded(log_power, samples, vocoder).mid_side_wave
    key = _cache_key(log_power, samples, vocoder)
    known, bins = _cache.get(key), _bins(log_power)
    phasors = _phasors(log_power, bins, samples) if known is None else known.phasors
    plain = _synthesised(bins, phasors, samples)
    if known is None:
        known = _cached(key, _through_vocoder(log_power, phasors, plain, vocoder))
    return plain + (known.mid_side_wave - plain.detach())


def _cache_key(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> _CacheKey:
    name = hashlib.blake2b(log_power.detach().cpu().numpy().tobytes(), key=str(samples).encode()).digest()
    return name, log_power.device, vocoder


def _cached(key: _CacheKey, made: _Decoded) -> _Decoded:
    while len(_cache) >= CACHED_SOUNDS:
        del _cache[next(iter(_cache))]
    _cache[key] = made
    return made


def _decode(log_power: Tensor, samples: int, vocoder: Vocoder | None) -> _Decoded:
    bins = _bins(log_power)
    phasors = _phasors(log_power, bins, samples)
    return _through_vocoder(log_power, phasors, _synthesised(bins, phasors, samples), vocoder)


def _through_vocoder(log_power: Tensor, phasors: Tensor, plain: Tensor, vocoder: Vocoder | None) -> _Decoded:
    with torch.no_grad():
        return _Decoded(phasors, plain.detach() if vocoder is None else vocoder(log_power[None], plain[None])[0])


def _synthesised(bins: tuple[Tensor, Tensor], phasors: Tensor, samples: int) -> Tensor:
    """Return mid and side [2, samples] of their power [frames, bins] with the phases of `phasors`."""
    mid, side = bins
    with torch.no_grad():
        side_wave = istft(side.sqrt() * phasors * QUARTER_TURN, samples)
    plain = _aligned(torch.stack([istft((mid + MIN_POWER).sqrt() * phasors, samples), side_wave]))
    # Windows let the lowest bins leak into a constant offset, which is inaudible.
    return plain - plain.mean(-1, keepdim=True)


def _aligned(wave: Tensor) -> Tensor:
    """Return a loop [..., samples] without the delay of decoding, so that hits are where the bands have them."""
    return wave.roll(-DELAY_SAMPLES, -1)


def _bins(log_power: Tensor) -> tuple[Tensor, Tensor]:
    power = band_power(log_power)
    mid = to_bins(power[..., :_MID_BANDS], mid_bands())
    side = to_bins(power[..., _MID_BANDS:], side_bands(), iterations=0)
    audible = torch.arange(mid.shape[-1], device=mid.device) > 0  # a constant offset is inaudible
    return mid * audible, side * audible


@torch.no_grad()
def _phasors(log_power: Tensor, power: tuple[Tensor, Tensor], samples: int) -> Tensor:
    """Return unit complex numbers with phases [frames, bins] for the powers of mid and side; frames start at an edge.

    Phases are integrated, then the all-pass is applied, then steps of Griffin and Lim (1984) follow: the first for all
    frames, the others for frames near a hit or a peak. In each step what precedes a hit is attenuated and high peaks
    are rounded, so that the phases come to agree with that.
    """
    magnitude = (power[0] + power[1]).sqrt()
    frames, bins = magnitude.shape
    rough = (magnitude * torch.exp(_roughness(frames, bins).to(magnitude.device) * _steady(log_power))).cpu().numpy()
    phases = loop_phases(rough, samples / frames)
    phases -= np.float32(np.pi) * np.arange(bins, dtype=np.float32)
    phasors = torch.polar(
        torch.ones_like(magnitude), (torch.from_numpy(phases) + _allpass_phases()).to(magnitude.device)
    )
    near = torch.ones(frames, dtype=torch.bool, device=magnitude.device)
    whole = frames_of(samples, frames, WINDOW_SAMPLES, magnitude.device)
    for _ in range(GRIFFIN_LIM_STEPS):
        wave = istft(magnitude * phasors, samples)
        gain = torch.from_numpy(quiet_before_hits(wave.cpu().numpy())).to(wave.device) * round_peaks(wave)
        spectrum_again = torch.fft.rfft(cut(wave * gain, whole.index[near]) * whole.window)
        phasors[near] = spectrum_again.sgn()
        near = cut(gain, whole.index).amin(-1) < AUDIBLE_GAIN
        if not near.any():
            break
    return phasors


@lru_cache(maxsize=8)
def _roughness(frames: int, bins: int) -> Tensor:
    """Return Gaussian deviations of log magnitude, the same for every loop of this length: [frames, bins]."""
    return ROUGHNESS * torch.randn(frames, bins, generator=torch.Generator().manual_seed(0)) * _treble()


@lru_cache(maxsize=1)
def _allpass_phases() -> Tensor:
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
    treble = log_power[:, 97:_MID_BANDS]
    rise = (treble - treble.roll(1, 0)).clamp_min(0).mean(1)
    around = torch.maximum(torch.maximum(rise, rise.roll(1)), rise.roll(-1))
    return (1.5 - around / SHARP_RISE).clamp(0, 1)[:, None]


@lru_cache(maxsize=1)
def _per_bin() -> float:
    """Mean square per unit of |STFT|^2 in an inner bin (Parseval; both sides of the spectrum)."""
    return float(2 / (WINDOW_SAMPLES * torch.hann_window(WINDOW_SAMPLES).square().sum()))

"""Drum hits: synthesised 808- and 909-like pieces, and one-shots of the asset pack where it is given.

A kit is a pure function of (family, identity): each piece picks its own source, pitch, decay and drive.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import lfilter

from ..assets import Assets
from ..splits import is_held_out
from .waveforms import SAMPLE_RATE, FloatArray


class Piece(msgspec.Struct, frozen=True):
    """How one piece of a kit is made: a one-shot pool (or ""), its choice 0..1, and synthesis numbers."""

    pool: str
    choice: float
    pitch: float
    decay: float
    tone: float
    drive: float
    seed: int


# fmt: off
_POOLS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "808": {"kick": ("808-kick",), "snare": ("808-snare", "snare"), "clap": ("808-clap", "clap"),
        "hats": ("808-hat", "hat"),
            "open hat": ("808-open",), "cymbal": ("808-cymbal",), "toms": ("808-tom",),
                "congas": ("808-conga",),
            "cowbell": ("808-cowbell",), "shaker": ("808-maracas",), "rimshot": ("808-rim", "rim"),
                "percussion": ("perc",)},
    "909": {"kick": ("", "edm-kick"), "clap": ("", "clap")},
    "electronic": {"kick": ("edm-kick", "kick"), "snare": ("snare",), "clap": ("clap", ""),
        "hats": ("hat", ""), "open hat": ("open", ""),
                   "rimshot": ("rim",), "percussion": ("perc", "fx"), "congas": ("", "808-conga")},
    "acoustic": {"kick": ("acoustic-kick",), "snare": ("acoustic-snare",), "hats": ("acoustic-hat",),
        "open hat": ("acoustic-open",),
                 "cymbal": ("acoustic-cymbal",), "toms": ("acoustic-tom",), "rimshot": ("acoustic-rim",),
                     "clap": ("acoustic-snare", "clap")},
    "lo-fi": {"kick": ("acoustic-kick", "kick"), "snare": ("acoustic-snare", "snare"),
        "hats": ("acoustic-hat", "hat"),
              "open hat": ("acoustic-open",), "rimshot": ("acoustic-rim", "rim"),
                  "toms": ("acoustic-tom",), "percussion": ("perc",)},
    "glitch": {"kick": ("kick", ""), "snare": ("fx", "snare", "perc"), "clap": ("fx", "clap"),
        "hats": ("fx", "hat", ""), "rimshot": ("fx", "rim"),
               "percussion": ("fx", "perc"), "open hat": ("", "fx"), "cymbal": ("", "fx")},
}
# fmt: on
_SHORT: Final = {
    "hats": 0.12,
    "open hat": 0.5,
    "rimshot": 0.2,
    "shaker": 0.15,
    "cymbal": 1.6,
    "percussion": 0.5,
    "clap": 0.6,
    "snare": 0.8,
}


def kit_piece(kit: str, kit_id: int, piece: str) -> Piece:
    """Return the piece of kit number `kit_id`: the same for ever."""
    rng = Random(f"kit {kit} {kit_id} {piece}")
    pool = rng.choice(_POOLS[kit].get(piece, ("",)))
    if pool and rng.random() < 0.15:
        pool = ""
    return Piece(
        pool=pool,
        choice=rng.random(),
        pitch=rng.gauss(0.0, 2.0),
        decay=2.0 ** rng.gauss(0.0, 0.45),
        tone=rng.random(),
        drive=max(0.0, rng.gauss(0.15, 0.25)) + (0.3 if kit in ("glitch",) else 0.0),
        seed=rng.getrandbits(30),
    )


def make_hit(kit: str, kit_id: int, name: str, assets: Assets | None) -> FloatArray:
    """One hit [channels, samples], peak 1, starting within 2 ms of its first sample."""
    piece = kit_piece(kit, kit_id, name)
    recorded = assets.one_shot(piece.pool, piece.choice, is_held_out(kit_id)) if assets and piece.pool else None
    hit = _resampled(recorded, 2.0 ** (piece.pitch / 12)) if recorded is not None else _synthesised(kit, name, piece)
    if kit == "lo-fi":
        hit = lfilter([0.35], [1.0, -0.65], hit, axis=1)
    if piece.drive > 0.05:
        hit = np.tanh(hit * (1.0 + 4.0 * piece.drive))
    hit = _shortened(hit, _SHORT.get(name, 1.8) * min(piece.decay, 1.6))
    return np.ascontiguousarray(hit / (np.abs(hit).max() + 1e-9), dtype=np.float32)


def _resampled(hit: FloatArray, ratio: float) -> NDArray[Any]:
    length = int((hit.shape[1] - 1) / ratio)
    places = np.arange(length) * ratio
    whole = np.arange(hit.shape[1])
    return np.stack([np.interp(places, whole, channel) for channel in hit])


def _shortened(hit: NDArray[Any], seconds: float) -> NDArray[Any]:
    """Cut to `seconds`, the last third fading."""
    count = min(hit.shape[1], int(seconds * SAMPLE_RATE))
    fade = max(1, count // 3)
    cut = hit[:, :count].copy()
    cut[:, -fade:] *= np.linspace(1.0, 0.0, fade) ** 2
    return cut


def _synthesised(kit: str, name: str, piece: Piece) -> NDArray[Any]:
    noise = np.random.Generator(np.random.PCG64(piece.seed))
    maker = _MAKERS.get(name, _percussion)
    return np.atleast_2d(maker(kit, piece, noise))


def _time(seconds: float) -> NDArray[Any]:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _swept(t: NDArray[Any], hz: float, octaves: float, fall_s: float) -> NDArray[Any]:
    frequency = hz * np.exp2(octaves * np.exp((-t / fall_s).astype(np.float32)))
    return _sine(np.cumsum(frequency, dtype=np.float64) / SAMPLE_RATE)


def _sine(turns: NDArray[Any]) -> FloatArray:
    """Sine of so many turns, in single precision once whole turns are gone: several times as fast."""
    return np.sin(np.float32(math.tau) * (turns - np.floor(turns)).astype(np.float32))


def _bright_noise(noise: np.random.Generator, count: int, low_hz: float, high_hz: float) -> NDArray[Any]:
    spectrum = fft.rfft(noise.standard_normal(count).astype(np.float32))
    hz = fft.rfftfreq(count, 1 / SAMPLE_RATE).astype(np.float32)
    low, high = np.square(low_hz / np.maximum(hz, 1.0)), np.square(hz / high_hz)
    shaped = fft.irfft(spectrum / np.sqrt((1.0 + low * low * low) * (1.0 + high * high)), count)
    return np.asarray(shaped / (np.abs(shaped).max() + 1e-9))


def _kick(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    long = kit == "808"
    t = _time(1.1 if long else 0.6)
    hz = (48.0 if long else 52.0) * 2.0 ** (p.pitch / 12)
    octaves = (1.0 if long else 2.2) + p.tone
    body = _swept(t, hz, octaves, 0.018 if long else 0.028) * np.exp(-t / ((0.35 if long else 0.16) * p.decay))
    click = _bright_noise(noise, len(t), 1500.0, 9000.0) * np.exp(-t / 0.003) * (0.15 + 0.4 * p.tone)
    return np.asarray(np.tanh((1.2 + 1.2 * p.tone) * body) + click)


def _snare(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.45)
    hz = 180.0 * 2.0 ** (p.pitch / 12)
    body = _swept(t, hz, 0.5, 0.02) + 0.6 * _swept(t, hz * 1.83, 0.3, 0.015)
    wires = _bright_noise(noise, len(t), 900.0 + 1500.0 * p.tone, 9000.0)
    return np.asarray(0.6 * body * np.exp(-t / (0.06 * p.decay)) + 0.9 * wires * np.exp(-t / (0.09 * p.decay)))


def _clap(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.4)
    wires = _bright_noise(noise, len(t), 700.0 + 400.0 * p.tone, 4500.0)
    envelope = np.exp(-t / (0.09 * p.decay))
    early = np.zeros_like(t)
    for start in (0.0, 0.010, 0.021):
        early += np.where(t >= start, np.exp(-np.maximum(t - start, 0.0) / 0.005), 0.0)
    return np.asarray(wires * (early + 0.7 * envelope * (t > 0.028)))


def _metal(t: NDArray[Any], base_hz: float) -> NDArray[Any]:
    ratios = (1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523)
    turns = [base_hz * ratio * t for ratio in ratios]
    return np.asarray(sum(np.where(turn - np.floor(turn) < 0.5, 1.0, -1.0) for turn in turns) / 6)


def _metallic(p: Piece, noise: np.random.Generator, seconds: float, decay_s: float, low_hz: float) -> NDArray[Any]:
    t = _time(seconds)
    mixed = 0.5 * _metal(t, 420.0 * 2.0 ** (p.pitch / 12)) + (0.3 + 0.7 * p.tone) * noise.standard_normal(len(t)) * 0.5
    spectrum = fft.rfft(mixed.astype(np.float32))
    hz = fft.rfftfreq(len(t), 1 / SAMPLE_RATE).astype(np.float32)
    low, high = np.square(np.square(low_hz / np.maximum(hz, 1.0))), np.square(np.square(hz / 15000.0))
    spectrum /= np.sqrt((1.0 + low * low) * (1.0 + high * high))
    return np.asarray(fft.irfft(spectrum, len(t)) * np.exp(-t / (decay_s * p.decay)) * np.minimum(1.0, t / 0.0004))


def _hat(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    return _metallic(p, noise, 0.2, 0.026, 6500.0)


def _open_hat(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    return _metallic(p, noise, 0.7, 0.17, 6000.0)


def _cymbal(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    return _metallic(p, noise, 1.8, 0.6, 3800.0)


def _tom(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.6)
    hz = (85.0 + 80.0 * p.tone) * 2.0 ** (p.pitch / 12)
    skin = _bright_noise(noise, len(t), 400.0, 3000.0) * np.exp(-t / 0.02) * 0.15
    return np.asarray(_swept(t, hz, 0.5, 0.05) * np.exp(-t / (0.17 * p.decay)) + skin)


def _rimshot(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.12)
    hz = 480.0 * 2.0 ** (p.pitch / 12)
    body = np.sin(2 * np.pi * hz * t) + np.sin(2 * np.pi * hz * 3.4 * t)
    click = _bright_noise(noise, len(t), 2000.0, 9000.0) * np.exp(-t / 0.004)
    return np.asarray(body * np.exp(-t / (0.014 * p.decay)) + 0.6 * click)


def _cowbell(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.45)
    hz = 540.0 * 2.0 ** (p.pitch / 12)
    both = np.sign(np.sin(2 * np.pi * hz * t)) + np.sign(np.sin(2 * np.pi * hz * 1.481 * t))
    soft = lfilter([0.3], [1.0, -0.7], both)
    return np.asarray(soft * (0.5 * np.exp(-t / 0.012) + 0.5 * np.exp(-t / (0.11 * p.decay))))


def _shaker(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.14)
    grains = _bright_noise(noise, len(t), 4500.0 + 2500.0 * p.tone, 13000.0)
    return np.asarray(grains * np.minimum(1.0, t / 0.008) * np.exp(-t / (0.03 * p.decay)))


def _conga(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.4)
    hz = (190.0 + 160.0 * p.tone) * 2.0 ** (p.pitch / 12)
    slap = _bright_noise(noise, len(t), 900.0, 5000.0) * np.exp(-t / 0.006) * 0.4
    return np.asarray(
        (_swept(t, hz, 0.15, 0.03) + 0.3 * _swept(t, hz * 2.3, 0.1, 0.02)) * np.exp(-t / (0.09 * p.decay)) + slap
    )


def _percussion(kit: str, p: Piece, noise: np.random.Generator) -> NDArray[Any]:
    t = _time(0.3)
    hz = 300.0 * 2.0 ** (p.pitch / 6 + 2.0 * p.tone)
    modulated = np.sin(2 * np.pi * hz * t + 3.0 * p.tone * np.exp(-t / 0.03) * np.sin(2 * np.pi * hz * 1.41 * t))
    return np.asarray(modulated * np.exp(-t / (0.05 * p.decay)))


# fmt: off
_MAKERS: Final[dict[str, Any]] = {
    "kick": _kick, "snare": _snare, "clap": _clap, "hats": _hat, "open hat": _open_hat, "cymbal": _cymbal,
        "toms": _tom,
    "rimshot": _rimshot, "cowbell": _cowbell, "shaker": _shaker, "congas": _conga,
}
# fmt: on

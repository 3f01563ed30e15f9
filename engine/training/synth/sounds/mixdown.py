"""Stems to the finished loop: levels by loudness, sends, sidechain, dynamics, master."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..recipe import Part, Recipe
from ..score import Hit
from .effects import (
    add_scaled,
    apply_gain,
    autopan,
    chorus,
    crush,
    delay,
    duck,
    highpass,
    k_weighted_power,
    lowpass_sweep,
    reverb,
    saturate,
    soft_clip,
    tilt,
    wow,
)
from .waveforms import SAMPLE_RATE, FloatArray

CEILING: Final = 10.0 ** (-1.0 / 20.0)
_RATE: Final = float(SAMPLE_RATE)
_K_SHELF: Final = np.array([1.53084123, -2.65097999, 1.16907878, -1.66365511, 0.71259543], dtype=np.float64)
_K_HIGHPASS: Final = np.array([1.0, -2.0, 1.0, -1.98916967, 0.98919159], dtype=np.float64)
"""The two filters of ITU-R BS.1770 at 44.1 kHz."""
CURVE_POINTS: Final = 512
_KNEE: Final = 0.6
_OPENNESS: Final = 0.7
"""Tilt of a neutral mix: brings its long-term spectrum near that of real loops."""


def loudness_lufs(audio: FloatArray) -> float:
    """Integrated loudness of a loop in LUFS, gated 10 dB under the ungated mean; -70 for silence."""
    power = k_weighted_power(audio, _K_SHELF, _K_HIGHPASS)
    mean = float(power.mean())
    if mean < 1e-8:
        return -70.0
    gated = power[power > 0.1 * mean]
    return float(-0.691 + 10.0 * np.log10(gated.mean()))


def finish_part(recipe: Recipe, part: Part, stem: FloatArray) -> FloatArray:
    """Apply the part's own effects, then its level: loudness `part.loudness_db` over the mix's reference."""
    if part.drive > 0.08:
        saturate(stem, part.drive)
    if part.chorus > 0.0:
        stem = chorus(stem, part.chorus, max(1, round(recipe.seconds * 0.6)), _RATE)
    if part.tremolo > 0.0:
        autopan(stem, part.tremolo, round(recipe.beats * (2 if recipe.tempo_bpm < 130 else 1)))
    if part.role != "bass":
        highpass(stem, 110.0, _RATE)
    levelled(stem, part.loudness_db)
    return _panned(stem, part.pan)


def levelled(stem: FloatArray, loudness_db: float) -> None:
    """Bring a stem to `loudness_db` over -20 LUFS, in place; silence stays silence."""
    measured = loudness_lufs(stem)
    if measured > -69.0:
        stem *= np.float32(10.0 ** ((loudness_db - 20.0 - measured) / 20.0))


def _panned(stem: FloatArray, pan: float) -> FloatArray:
    stem[0] *= np.float32(1.0 - max(pan, 0.0))
    stem[1] *= np.float32(1.0 + min(pan, 0.0))
    return stem


def mix_stems(
    recipe: Recipe,
    drums: tuple[FloatArray, FloatArray] | None,
    parts: list[FloatArray],
    textures: list[FloatArray],
    kicks: tuple[Hit, ...],
) -> FloatArray:
    """Everything to one stereo loop [2, samples], peak at most -1 dBFS."""
    audio = blended(recipe, drums, list(zip(recipe.parts, parts, strict=True)), textures, kicks)
    _to_loudness(audio, recipe.mix.loudness_lufs)
    return audio


def blended(
    recipe: Recipe,
    drums: tuple[FloatArray, FloatArray] | None,
    parts: list[tuple[Part, FloatArray]],
    textures: list[FloatArray],
    kicks: tuple[Hit, ...],
) -> FloatArray:
    """Some of the stems or all with the mix's sends, pump, sweep and colour, before its loudness: [2, samples]."""
    music = np.zeros((2, recipe.samples()), np.float32)
    for stem in (*(stem for _, stem in parts), *textures):
        music += stem
    _add_sends(recipe, drums, parts, music)
    if recipe.mix.sidechain > 0.05:
        _pump(recipe, music, kicks)
    if recipe.mix.sweep_octaves > 0.0:
        music = _swept(recipe, music)
    if drums is not None:
        music += drums[0]
        music += drums[1]
    return _coloured(recipe, music)


def levelled_together(recipe: Recipe, layers: list[FloatArray]) -> None:
    """Bring layers to the loudness of the mix by one gain, each under the ceiling by itself, in place."""
    total: FloatArray = np.asarray(sum(layers), np.float32)
    gain = np.float32(1.0)
    for _ in range(2):
        measured = loudness_lufs(total)
        if measured <= -69.0:
            break
        step = np.float32(10.0 ** ((recipe.mix.loudness_lufs - measured) / 20.0))
        total *= step
        soft_clip(total, _KNEE, CEILING * 0.999)
        gain *= step
    for audio in layers:
        audio *= gain
        soft_clip(audio, _KNEE, CEILING * 0.999)


def _add_sends(
    recipe: Recipe,
    drums: tuple[FloatArray, FloatArray] | None,
    parts: list[tuple[Part, FloatArray]],
    music: FloatArray,
) -> None:
    """Add one delay and one reverb for the loop, fed by every stem's send, to the music."""
    to_reverb = np.zeros_like(music)
    for part, stem in parts:
        add_scaled(to_reverb, stem, part.reverb)
    if drums is not None and recipe.drums is not None and recipe.drums.reverb > 0.02:
        add_scaled(to_reverb, drums[1], recipe.drums.reverb)
    if any(part.delay > 0.0 for part, _ in parts):
        to_delay = np.zeros_like(music)
        for part, stem in parts:
            if part.delay > 0.0:
                add_scaled(to_delay, stem, part.delay)
        samples = max(64, round(_delay_beats(recipe) * 60.0 / recipe.tempo_bpm * SAMPLE_RATE))
        echoes = delay(to_delay, samples, 0.45, 0.35)
        music += echoes
        add_scaled(to_reverb, echoes, 0.3)
    if max(to_reverb.max(), -to_reverb.min()) > 1e-5:
        amount = max([part.reverb for part in recipe.parts], default=0.2)
        rung = reverb(to_reverb, 0.5 + 3.0 * amount, 0.45 - 0.15 * amount, 0.5 + 0.6 * amount, _RATE)
        add_scaled(music, rung, 0.3)


def _delay_beats(recipe: Recipe) -> float:
    return (0.75, 0.5, 1.0)[recipe.motif_seed % 3]


def _pump(recipe: Recipe, music: FloatArray, kicks: tuple[Hit, ...]) -> None:
    """Duck by the kick, or by the beat where no kick plays."""
    beat_samples = 60.0 / recipe.tempo_bpm * SAMPLE_RATE
    beats = [hit.beat for hit in kicks if hit.velocity > 0.5] or [float(b) for b in range(int(recipe.beats))]
    starts = np.array([beat * beat_samples for beat in beats], dtype=np.float32)
    duck(music, starts, 0.9 * recipe.mix.sidechain, min(0.3, 0.8 * 60.0 / recipe.tempo_bpm), _RATE)


def _swept(recipe: Recipe, music: FloatArray) -> FloatArray:
    turn = 2.0 * np.pi * recipe.mix.sweep_turns * np.arange(256) / 256
    octaves = recipe.mix.sweep_octaves * (0.5 + 0.5 * np.cos(turn + recipe.motif_seed))
    return lowpass_sweep(music, (300.0 * 2.0**octaves).astype(np.float32), 0.35, _RATE)


def _coloured(recipe: Recipe, audio: FloatArray) -> FloatArray:
    """Colour and dynamics."""
    mix = recipe.mix
    tilt(audio, mix.brightness + _OPENNESS, _RATE)
    if mix.saturation > 0.1:
        saturate(audio, 0.7 * mix.saturation)
    if mix.bit_depth:
        crush(audio, mix.bit_depth, 1 + mix.bit_depth % 3)
    if mix.tape > 0.0:
        audio = wow(audio, 30.0 * mix.tape, max(1, round(recipe.seconds * 0.5)), max(1, round(recipe.seconds * 7)))
    _widened(audio, mix.width)
    highpass(audio, max(24.0, mix.highpass_hz), _RATE)
    if recipe.dynamics.points:
        apply_gain(audio, gain_curve(recipe))
    return audio


def _widened(audio: FloatArray, width: float) -> None:
    """Scale the side channel in place: 0 is mono, 1 leaves it as it is."""
    middle = np.float32(0.5) * (audio[0] + audio[1])
    side = np.float32(0.5 * width) * (audio[0] - audio[1])
    audio[0] = middle + side
    audio[1] = middle - side


def _to_loudness(audio: FloatArray, target_lufs: float) -> None:
    """At most two turns of level and soft clipping: clipping takes a little loudness away."""
    for turn in range(2):
        measured = loudness_lufs(audio)
        if measured <= -69.0 or (turn and abs(measured - target_lufs) < 0.7):
            break
        audio *= np.float32(10.0 ** ((target_lufs - measured) / 20.0))
        soft_clip(audio, _KNEE, CEILING * 0.999)


def gain_curve(recipe: Recipe) -> FloatArray:
    """Return the recipe's loudness curve as `CURVE_POINTS` linear gains over the loop."""
    beats = np.array([beat for beat, _ in recipe.dynamics.points])
    levels_db = np.array([level for _, level in recipe.dynamics.points])
    grid = np.arange(CURVE_POINTS) / CURVE_POINTS * recipe.beats
    return np.asarray(10.0 ** (np.interp(grid, beats, levels_db) / 20.0), dtype=np.float32)

"""Measures that need no set of loops: sizes, times, the circle, and sounds with a known answer."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from engine.pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from engine.pocket.model import Pocket
from engine.pocket.sound import waveform
from engine.request import LoopRequest
from engine.sampling import start_noise
from engine.training.synth.assets import Assets
from engine.training.synth.recipe import Recipe
from engine.training.synth.score import Hit
from engine.training.synth.sounds.stems import render_drums

from . import sound
from .generation import chain
from .material import Audio, single_hits

MIB = 2**20
_LOAD = """
import sys, time
from pathlib import Path
began = time.perf_counter()
from engine.pocket.model import load_pocket
from engine.settings import Settings
imported = time.perf_counter()
load_pocket(Settings(), Path(sys.argv[1]))
print(imported - began, time.perf_counter() - imported)
"""
PIECES = ("kick", "snare", "hats", "rimshot")
SHARP_SECONDS = 0.005


def weights_mib(folder: Path) -> float:
    """Return the size of all files of weights."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MIB


def load_seconds(folder: Path, runs: int = 3) -> dict[str, float]:
    """Return the median time of imports and of loading, each in a fresh process."""
    command = [sys.executable, "-W", "ignore", "-c", _LOAD, str(folder)]
    outputs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(runs)]
    imports, loads = zip(*(map(float, output.split()[-2:]) for output in outputs), strict=True)
    return {"imports": statistics.median(imports), "load": statistics.median(loads)}


def text_to_audio_seconds(pocket: Pocket, steps: int, runs: int = 5) -> dict[str, float]:
    """Return the median times from text to 8 s of audio: chain, waveform and all; compiled kernels are warm."""
    request = LoopRequest(prompt="house, drums, bass, chords", tempo_bpm=Fraction(120), bars=4, seed=0)
    chains, waves = [], []
    for run in range(runs + 1):
        began = time.perf_counter()
        scene = pocket.scene(request)
        latent = chain(pocket, scene, start_noise(scene, run), steps)
        between = time.perf_counter()
        pocket.decode(latent, scene)
        chains.append(between - began)
        waves.append(time.perf_counter() - between)
    totals = [one + other for one, other in zip(chains[1:], waves[1:], strict=True)]
    return {
        "chain": statistics.median(chains[1:]),
        "waveform": statistics.median(waves[1:]),
        "all": statistics.median(totals),
    }


def circle_error(pocket: Pocket, steps: int) -> float:
    """Return the largest relative error of the spectrogram when noise and musical phases are turned together.

    In float32: the arithmetic of bfloat16 is not what is asked.
    """
    exact = Pocket(pocket.network, pocket.latent_map, pocket.towers, torch.float32)
    scene = exact.scene(LoopRequest(prompt="drum and bass, dark", bars=2, tempo_bpm=Fraction(170), seed=0))
    noise, turn = start_noise(scene, 1), scene.frames // 3
    turned = replace(scene, inputs=replace(scene.inputs, phases=scene.inputs.phases.roll(turn, 1)))
    straight = exact.latent_map.decode(chain(exact, scene, noise, steps))
    other = exact.latent_map.decode(chain(exact, turned, noise.roll(turn, 1), steps))
    return float((straight.roll(FRAMES_PER_LATENT * turn, 1) - other).abs().max() / straight.abs().max())


def chord_purity_db(code: Callable[[Audio], Audio]) -> dict[str, float]:
    """Return how pure a sustained chord of four notes is: as it is, after bands and phases, and after all of `code`."""
    samples = 4 * SAMPLE_RATE
    seconds = np.arange(samples) / SAMPLE_RATE
    wave = np.zeros(samples)
    for pitch_hz in (220.0, 277.18, 329.63, 440.0):
        closed = round(pitch_hz * samples / SAMPLE_RATE) * SAMPLE_RATE / samples
        wave += sum(np.sin(2 * np.pi * k * closed * seconds + k) / k for k in range(1, 12))
    chord = np.tile(0.3 * wave / np.abs(wave).max(), (2, 1)).astype(np.float32)
    heard = {"original": chord, "bands": through_bands(chord), "codec": code(chord)}
    return {name: sound.chord_purity_db(audio, chord, SAMPLE_RATE) for name, audio in heard.items()}


def attack_growth_seconds(assets: Assets | None, kits: int, code: Callable[[Audio], Audio]) -> dict[str, float]:
    """Return how much longer the attacks of held-out drum hits are after `code`: median, 95 % quantile, worst.

    Hits that are not sharp to begin with (flams, brushes) say nothing of an attack and are left out.
    """
    growth = []
    for recipe, piece in single_hits(PIECES, kits):
        audio, hit_seconds = _one_hit(recipe, piece, assets)
        before = sound.attack_seconds(audio, SAMPLE_RATE, hit_seconds)
        if before < SHARP_SECONDS:
            growth.append(sound.attack_seconds(code(audio), SAMPLE_RATE, hit_seconds) - before)
    values = {"median": np.median(growth), "worst_5_percent": np.quantile(growth, 0.95), "worst": max(growth)}
    return {name: float(value) for name, value in values.items()} | {"hits": len(growth)}


def _one_hit(recipe: Recipe, piece: str, assets: Assets | None) -> tuple[Audio, float]:
    """Return a loop with one hit of `piece` a third in, at a peak of -6 dBFS, and the hit's time."""
    beat = round(recipe.beats / 3 * 4) / 4
    assert recipe.drums is not None
    kick, rest = render_drums(recipe, recipe.drums, (Hit(beat, piece, 0.9),), assets)
    audio = kick + rest
    return (0.5 * audio / max(float(np.abs(audio).max()), 1e-9)).astype(np.float32), beat * 60 / recipe.tempo_bpm


def through_bands(audio: Audio) -> Audio:
    """Return a loop [2, samples] after bands and phases, without the latent map."""
    samples = audio.shape[-1]
    log_power = log_bands(torch.from_numpy(audio), FRAMES_PER_LATENT * latent_frames(samples))
    return waveform(log_power[None], samples)[0].numpy()


def through_codec(pocket: Pocket) -> Callable[[Audio], Audio]:
    """Return the whole round trip: bands, latent, bands, phases."""

    def code(audio: Audio) -> Audio:
        samples = audio.shape[-1]
        log_power = log_bands(torch.from_numpy(audio), FRAMES_PER_LATENT * latent_frames(samples))
        with torch.no_grad():
            again = pocket.latent_map.decode(pocket.latent_map.encode(log_power[None]))
        return waveform(again, samples, pocket.vocoder)[0].numpy()

    return code

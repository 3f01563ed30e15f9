"""Layers without notes: vinyl crackle, noise, risers and drones, circular like all else."""

from __future__ import annotations

import numpy as np

from ..recipe import Recipe, Texture
from .effects import apply_gain, highpass, lowpass_sweep
from .patches import WAVE_VALUES, value_vector
from .recorded import add_hit
from .voices import add_wave
from .waveforms import SAMPLE_RATE, ZONE_SEMITONES, FloatArray, synthetic_spectrum, zone_table

_FLAT = (2.0 - 2.0**0.5) / 1.7
"""The resonance at which `lowpass_sweep` is a Butterworth filter."""


def render_texture(recipe: Recipe, texture: Texture) -> FloatArray:
    """Return the layer as a stem [2, samples]."""
    noise = np.random.Generator(np.random.PCG64(texture.seed))
    samples = recipe.samples()
    if texture.kind == "drone":
        return _drone(recipe, noise)
    return {"vinyl": _vinyl, "noise": _noise, "riser": _riser}[texture.kind](samples, noise)


def _shaped_noise(samples: int, noise: np.random.Generator, low_hz: float, high_hz: float) -> FloatArray:
    """Stereo noise in a band, 12 dB an octave outside of it, its peak at 1."""
    out = noise.standard_normal((2, samples), dtype=np.float32)
    highpass(out, low_hz, float(SAMPLE_RATE))
    out = lowpass_sweep(out, np.array([high_hz], dtype=np.float32), _FLAT, float(SAMPLE_RATE))
    out /= max(out.max(), -out.min()) + np.float32(1e-9)
    return out


def _vinyl(samples: int, noise: np.random.Generator) -> FloatArray:
    out = 0.05 * _shaped_noise(samples, noise, 300.0, 4000.0 + 4000.0 * noise.random())
    seconds = samples / SAMPLE_RATE
    for _ in range(int(seconds * noise.uniform(8.0, 40.0))):
        count = int(noise.integers(8, 60))
        tick = noise.standard_normal((1, count)).astype(np.float32) * np.exp(
            -np.arange(count, dtype=np.float32) / (count / 4)
        )
        level = float(min(1.0, noise.lognormal(-2.2, 0.8)))
        pan = float(noise.uniform(0.3, 0.7))
        add_hit(out, tick, int(noise.integers(samples)), count, level * pan * 2, level * (1 - pan) * 2)
    return out


def _noise(samples: int, noise: np.random.Generator) -> FloatArray:
    low = 10 ** noise.uniform(1.8, 3.2)
    out = _shaped_noise(samples, noise, float(low), float(low * 10 ** noise.uniform(0.6, 1.3)))
    waves = 0.6 + 0.4 * np.cos(2 * np.pi * (np.arange(32) / 32 * noise.integers(1, 4) + noise.random()))
    apply_gain(out, waves.astype(np.float32))
    return out


def _riser(samples: int, noise: np.random.Generator) -> FloatArray:
    """Noise that opens up and grows over the loop, gone within a hundredth of it after the downbeat."""
    out = _shaped_noise(samples, noise, 200.0, 12000.0)
    rise = np.linspace(0.0, 1.0, 200, dtype=np.float32)
    cutoffs = (200.0 * (50.0**rise)).astype(np.float32)
    out = lowpass_sweep(out, cutoffs, 0.4, float(SAMPLE_RATE))
    apply_gain(out, rise**2)
    return out


def _drone(recipe: Recipe, noise: np.random.Generator) -> FloatArray:
    """Root and fifth, detuned, the cutoff moving slowly; its notes last the loop and cross the wrap."""
    out = np.zeros((2, recipe.samples()), np.float32)
    cycle = str(noise.choice(["saw", "triangle", "akwf"]))
    spectrum = synthetic_spectrum(cycle, int(noise.integers(60)) * 10)
    beat_s = 60.0 / recipe.tempo_bpm
    cutoff_hz, detune_cents = noise.uniform(200, 900), noise.uniform(6, 20)
    values = {
        "attack_s": 1.0, "decay_s": 1.0, "sustain": 1.0, "release_s": 2.0, "cutoff_hz": cutoff_hz,
        "sweep_octaves": 0.0, "sweep_s": 1.0, "unison": 4.0, "detune_cents": detune_cents, "spread": 0.9,
        "lfo_octaves": 0.8, "lfo_per_beat": 1.0 / recipe.beats, "vibrato_cents": 0.0, "glide_s": 0.0,
    }  # fmt: skip
    v = value_vector(values, WAVE_VALUES)
    root = 36 + max(recipe.tonic, 0)
    for pitch in (root, root + 7, root + 12):
        table = zone_table(spectrum, pitch // ZONE_SEMITONES, 0.2, SAMPLE_RATE)
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        hold = out.shape[1]
        start, seed = int(noise.integers(hold)), int(noise.integers(1 << 20))
        add_wave(out, table, start, hold, hz, hz, 0.2, 0.2, 0.8, v, beat_s, seed, float(SAMPLE_RATE))
    return out

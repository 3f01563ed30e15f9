"""Voices, drums and effects: circular, in tune, bounded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.synth.genres import GENRES, choices
from engine.training.synth.grooves import PIECES
from engine.training.synth.sounds import effects, recorded, voices
from engine.training.synth.sounds.drums import make_hit
from engine.training.synth.sounds.mixdown import loudness_lufs
from engine.training.synth.sounds.stems import _SINE
from engine.training.synth.sounds.waveforms import synthetic_spectrum, zone_table

RATE = 44100.0
LENGTH = 30_000
_WAVE = np.array([0.003, 0.3, 0.7, 0.2, 3000, 0.5, 0.2, 1, 0, 0, 0, 0, 0, 0], dtype=np.float32)
_FM = np.array([0.002, 1, 0.2, 0.15, 1, 1.0, 0.4, 0.2, 14, 0.1, 0.06, 0, 0, 0], dtype=np.float32)
_SUB = np.array([0.003, 1.2, 0.06, 0, 0.03, 0.5, 0, 0.1], dtype=np.float32)


def _play(voice: str, start: int, pitch: int = 69, hold: int = 12_000, length: int = LENGTH) -> np.ndarray:
    """Return one note of a voice [2, length]."""
    out = np.zeros((2, length), np.float32)
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    match voice:
        case "wave":
            table = zone_table(synthetic_spectrum("saw", 0), pitch // 6, 0.2, 44100)
            voices.add_wave(out, table, start, hold, hz, hz, 0.25, 0.25, 0.8, _WAVE, 0.5, 1, RATE)
        case "fm":
            voices.add_fm(out, _SINE, start, hold, hz, hz, 0.25, 0.25, 0.8, _FM, RATE)
        case "pluck":
            voices.add_pluck(out, start, hold, hz, 0.25, 0.25, 0.8, 0.5, 1.5, 0.2, 0.08, 1, RATE)
        case "sub":
            voices.add_sub(out, start, hold, hz, hz, 0.25, _SUB, RATE)
        case _:
            cycle = np.sin(2 * np.pi * 440 / RATE * np.arange(40_000)).astype(np.float32)[None]
            recorded.add_sample(out, cycle, start, hold, hz / 440.0, 0.25, 0.25, 0.001, 0.1, RATE)
    return out


VOICES = ("wave", "fm", "pluck", "sub", "sample")


@settings(max_examples=12)  # the first call compiles
@given(st.sampled_from(VOICES), st.integers(0, LENGTH - 1))
def test_a_note_across_the_wrap_is_the_rotated_note(voice: str, start: int) -> None:
    """Starting later rotates the loop and changes nothing else: tails enter at the start."""
    moved, first = _play(voice, start), _play(voice, 0)
    np.testing.assert_allclose(moved, np.roll(first, start, axis=1), atol=2e-5)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("pitch", [45, 57, 69, 81])
def test_notes_are_in_tune(voice: str, pitch: int) -> None:
    """The strongest harmonic within 3 % of the pitch is within 8 cents of it."""
    audio = _play(voice, 0, pitch, 40_000, 60_000)[0][2000:34768]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 18))
    hz = np.fft.rfftfreq(1 << 18, 1 / RATE)
    target = 440.0 * 2.0 ** ((pitch - 69) / 12)
    near = np.abs(hz / target - 1) < 0.03
    found = hz[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(found / target)) < 8.0


@pytest.mark.parametrize("pitch", [57, 76, 90])
def test_wavetables_do_not_alias(pitch: int) -> None:
    """A bright saw has 50 dB less between its harmonics than in them."""
    audio = _play("wave", 0, pitch, 60_000, 80_000)[0][8000:40768]
    power = np.abs(np.fft.rfft(audio * np.blackman(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    target = 440.0 * 2.0 ** ((pitch - 69) / 12)
    apart = np.abs(hz / target - np.round(hz / target)) * target > 12.0
    audible = hz < 16_000
    assert 10 * np.log10(power[apart & audible].sum() / power[~apart & audible].sum()) < -50.0


_EFFECTS = {
    "reverb": lambda x: effects.reverb(x, 0.4, 0.3, 1.0, RATE),
    "delay": lambda x: effects.delay(x, 7001, 0.4, 0.3),
    "highpass": lambda x: _in_place(effects.highpass, x, 110.0, RATE),
    "tilt": lambda x: _in_place(effects.tilt, x, 0.7, RATE),
    "sweep": lambda x: effects.lowpass_sweep(x, np.full(8, 900.0, np.float32), 0.3, RATE),
    "saturate": lambda x: _in_place(effects.saturate, x, 0.5),
    "soft clip": lambda x: _in_place(effects.soft_clip, x, 0.3, 0.8),
}


def _in_place(effect, x: np.ndarray, *settings: float) -> np.ndarray:
    copy = x.copy()
    effect(copy, *settings)
    return copy


def _loop(seed: int) -> np.ndarray:
    """Return a loop of noise bursts, loud at the wrap."""
    noise = np.random.default_rng(seed).standard_normal((2, LENGTH)).astype(np.float32)
    return noise * (np.cos(2 * np.pi * np.arange(LENGTH) / LENGTH * 3) > 0).astype(np.float32) * np.float32(0.3)


@pytest.mark.parametrize("name", sorted(_EFFECTS))
@pytest.mark.parametrize("shift", [1, 9_999, 15_000])
def test_effects_are_circular(name: str, shift: int) -> None:
    """An effect of the rotated loop is the rotated effect of the loop, to -50 dB."""
    loop = _loop(3)
    rotated = _EFFECTS[name](np.roll(loop, shift, axis=1))
    expected = np.roll(_EFFECTS[name](loop), shift, axis=1)
    error = np.sqrt(np.mean((rotated - expected) ** 2) / np.mean(expected**2))
    assert 20 * np.log10(error + 1e-12) < -50.0


@given(st.floats(0.05, 30.0))
@settings(max_examples=20)
def test_the_clipper_keeps_quiet_sound_and_holds_the_ceiling(gain: float) -> None:
    """Nothing leaves the ceiling, and what is under the knee is not touched."""
    loud = _loop(1) * np.float32(gain)
    clipped = _in_place(effects.soft_clip, loud, 0.6, 0.89)
    assert np.abs(clipped).max() <= 0.89
    quiet = np.abs(loud) <= 0.6
    np.testing.assert_array_equal(clipped[quiet], loud[quiet])


@pytest.mark.parametrize("amplitude_db", [-40.0, -20.0, 0.0])
def test_loudness_reads_a_standard_tone(amplitude_db: float) -> None:
    """A 997 Hz sine on one channel at 0 dBFS is -3.01 LUFS (ITU-R BS.1770)."""
    tone = np.zeros((2, 88_200), np.float32)
    tone[0] = 10 ** (amplitude_db / 20) * np.sin(2 * np.pi * 997 / RATE * np.arange(88_200))
    assert loudness_lufs(tone) == pytest.approx(-3.01 + amplitude_db, abs=0.15)


@pytest.mark.parametrize("kit", sorted({name for genre in GENRES.values() for name in choices(genre.kits)[0]}))
def test_every_synthesised_hit_starts_at_once(kit: str) -> None:
    """Each piece of several kits is finite, has peak 1 and reaches a tenth of it within 5 ms."""
    for kit_id in range(4):
        for piece in PIECES:
            hit = make_hit(kit, kit_id, piece, None)
            assert np.isfinite(hit).all()
            assert np.abs(hit).max() == pytest.approx(1.0, abs=1e-3)
            assert np.flatnonzero(np.abs(hit).max(axis=0) > 0.1)[0] < 0.005 * RATE, piece
            assert abs(float(hit[0, -1])) < 0.02

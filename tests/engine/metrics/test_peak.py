"""True peak and loudness agree with known signals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.metrics.peak import (
    METER_PHASES,
    _exact_peak,
    _metered_peak,
    is_peak_under,
    is_played_peak_under,
    loudness_lufs,
    played_peak_db,
    true_peak_db,
)


def test_a_peak_between_samples_is_found() -> None:
    """A sine at a quarter of the rate whose samples all miss its crest by 3 dB."""
    sine = np.sin(np.pi / 2 * np.arange(4_000) + np.pi / 4)
    assert 20 * np.log10(np.abs(sine).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(sine[None], circular=True) == pytest.approx(0, abs=0.05)  # the standard's filter: +0.03
    assert true_peak_db(sine[None], circular=False) == pytest.approx(0, abs=0.6)


@given(turns=st.integers(1, 900), phase=st.floats(0, 6.28), samples=st.sampled_from([1_999, 2_000]))
@settings(max_examples=40)
def test_no_sine_hides_between_its_samples(turns: int, phase: float, samples: int) -> None:
    """The peak of any sine that goes round is read at most 0.23 dB too high, and never more than 0.18 dB too low."""
    sine = np.sin(2 * np.pi * turns * np.arange(samples) / samples + phase)
    dense = np.sin(2 * np.pi * turns * np.arange(64 * samples) / (64 * samples) + phase)
    exact_db = 20 * np.log10(np.abs(dense).max())
    assert -0.18 <= true_peak_db(sine[None], circular=True) - exact_db <= 0.23  # the standard reads so much too high


def test_the_meters_filter_is_the_standards() -> None:
    """Its phases pass a constant within 0.25 dB and are mirror images, as the table of Annex 2 has them."""
    np.testing.assert_allclose(METER_PHASES.sum(1), 1, atol=0.028)
    np.testing.assert_array_equal(METER_PHASES, METER_PHASES[::-1, ::-1])
    assert METER_PHASES.shape == (4, 12)


def test_the_larger_of_meter_and_exact_interpolation_counts() -> None:
    """A sine at a tenth of the rate that the meter reads too high, and treble noise that it reads too low."""
    sine = np.sin(2 * np.pi * 401 / 4_000 * np.arange(4_000)).astype(np.float32)[None]
    spectrum = np.zeros(2_001, dtype=complex)
    spectrum[1_700:1_990] = np.exp(1j * np.random.default_rng(0).uniform(0, 6.28, 290))
    treble = np.fft.irfft(spectrum).astype(np.float32)[None]
    assert _metered_peak(sine) > _exact_peak(sine)
    assert _exact_peak(treble) > _metered_peak(treble)
    for sound in (sine, treble):
        found = 10 ** (true_peak_db(sound, circular=True) / 20)
        assert found == pytest.approx(max(_exact_peak(sound), _metered_peak(sound)), rel=1e-6)


def test_a_peak_at_the_wrap_is_found() -> None:
    """A loop has no ends: turned so that the crest lies on its wrap, it has the same peak."""
    sound = np.random.default_rng(3).normal(size=(2, 3_000))
    peaks = [true_peak_db(np.roll(sound, turn, 1), circular=True) for turn in (0, 1, 700, 1_501)]
    assert peaks == pytest.approx([peaks[0]] * 4, abs=1e-3)


def test_silence_has_a_level() -> None:
    """-200 dB, not minus infinity."""
    assert true_peak_db(np.zeros((2, 100)), circular=True) == -200
    assert loudness_lufs(np.zeros((2, 48_000)), 48_000) == -70


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_standards_reference_tone(rate: int) -> None:
    """997 Hz at 0 dBFS peak in one channel is -3.01 LUFS (BS.1770-4), at any rate."""
    tone = np.sin(2 * np.pi * 997 * np.arange(2 * rate) / rate)
    assert loudness_lufs(np.stack([tone, 0 * tone]), rate) == pytest.approx(-3.01, abs=0.05)


def test_the_gate_leaves_silence_out() -> None:
    """Half a loop of silence makes it hardly quieter."""
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(96_000) / 48_000)
    half = tone * (np.arange(96_000) < 48_000)
    difference = loudness_lufs(np.stack([tone, tone]), 48_000) - loudness_lufs(np.stack([half, half]), 48_000)
    assert 0 <= difference < 1.5


@given(seed=st.integers(0, 2**32), samples=st.integers(1, 999), order=st.integers(0, 30), circular=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_peak_that_is_sure_to_be_under_a_ceiling_is(seed: int, samples: int, order: int, circular: bool) -> None:
    """Whatever the sound, its measured peak is at or under every ceiling that it is sure to be under."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=(2, samples)) * rng.random((2, samples)) ** order
    found_db = true_peak_db(sound, circular=circular)
    assert not is_peak_under(sound, found_db - 1e-3, circular=circular)
    assert is_peak_under(sound, found_db + 6.2, circular=circular)


@given(st.integers(0, 2**32), st.integers(1, 30_000), st.integers(0, 6), st.floats(-30, 10))
@settings(max_examples=40, deadline=None)
def test_a_loop_is_measured_round_and_once(seed: int, samples: int, turns: int, ceiling_db: float) -> None:
    """A bass at its crest where the file begins rings there; what is told is no less than either measurement."""
    places = np.arange(samples) / samples
    sound = np.cos(2 * np.pi * turns * places) * (0.7 + 0.3 * np.cos(2 * np.pi * places))
    sound = sound[None] + 0.01 * np.random.default_rng(seed).standard_normal((2, samples))
    once, around = (true_peak_db(sound, circular=circular) for circular in (False, True))
    found = played_peak_db(sound, loop=True)
    assert found == pytest.approx(max(once, around), abs=0.005)
    assert played_peak_db(sound, loop=False) == once
    assert not is_played_peak_under(sound, ceiling_db, loop=True) or found <= ceiling_db


def test_a_loop_that_is_cut_at_its_crest_is_higher_when_played_once() -> None:
    """By half a decibel, which every meter of the file shows."""
    sound = np.cos(2 * np.pi * 4 * np.arange(20_000) / 20_000)[None]
    assert played_peak_db(sound, loop=True) - true_peak_db(sound, circular=True) > 0.4

"""The reported level is what was played."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.metrics import intensity
from engine.metrics.framing import count_of, frames_of, scaled, smoothed

RATE = 44_100


def swelling(level_db: Any, samples: int = 8 * RATE) -> np.ndarray[Any, Any]:
    """Return noise whose level follows `level_db` [frames], round the loop."""
    frames = len(level_db)
    place = np.arange(samples) * frames / samples
    gain = np.interp(place, np.arange(frames + 1), np.append(level_db, level_db[0]))
    return np.random.default_rng(0).normal(size=samples) * 10 ** (gain / 20)


def wave(frames: int, low: float = -32, high: float = -20) -> Any:
    turn = 2 * np.pi * np.arange(frames) / frames
    return (low + high) / 2 + (low - high) / 2 * np.cos(turn)


def test_a_loop_that_follows_scores_nearly_nothing() -> None:
    """Under 0.1 dB^2 and over 0.995, and the offset is that of a loop that is 3 dB too quiet."""
    frames = intensity.frame_count(8 * RATE, RATE)
    target = wave(frames)
    exact = intensity.compare(swelling(target), RATE, target, circular=True)
    assert exact.mse < 0.1
    assert exact.rho is not None
    assert exact.rho > 0.995
    quiet = intensity.compare(swelling(target) * 10 ** (-3 / 20), RATE, target, circular=True)
    assert quiet.mse == pytest.approx(9, abs=0.6)
    assert quiet.mse_gain_free == pytest.approx(exact.mse_gain_free, abs=1e-6)
    assert quiet.offset_db == pytest.approx(3, abs=0.1)


def test_a_flat_target_has_no_correlation() -> None:
    """None, not nan."""
    frames = intensity.frame_count(8 * RATE, RATE)
    assert intensity.compare(swelling(wave(frames)), RATE, np.full(frames, -25.0), circular=True).rho is None


def test_silence_is_the_floor() -> None:
    """-60 dBFS, whatever is below."""
    assert intensity.level_curve(np.zeros(RATE), RATE, circular=True).tolist() == pytest.approx([-60.0] * 86)


def test_a_loop_has_no_beginning() -> None:
    """Turned by whole frames, the curve turns."""
    frames, samples = 344, 344 * 512
    sound = swelling(wave(frames), samples)
    turned = intensity.level_curve(np.roll(sound, 100 * 512), RATE, circular=True)
    np.testing.assert_allclose(turned, np.roll(intensity.level_curve(sound, RATE, circular=True), 100), atol=1e-9)


@given(rate=st.sampled_from([22_050, 44_100, 48_000, 96_000]))
@settings(max_examples=4)
def test_other_rates_measure_the_same(rate: int) -> None:
    """A sine of 100 Hz at -23 dBFS RMS is -23 at any rate."""
    sine = np.sin(2 * np.pi * 100 * np.arange(2 * rate) / rate) * np.sqrt(2) * 10 ** (-23 / 20)
    np.testing.assert_allclose(intensity.level_curve(sine, rate, circular=True), -23, atol=0.05)


@given(seed=st.integers(0, 99), width=st.floats(-1, 1))
@settings(max_examples=10)
def test_both_channels_count_alike(seed: int, width: float) -> None:
    """The level is the mean power of left and right, as a meter shows it, however little they share."""
    shared, own = np.random.default_rng(seed).normal(size=(2, RATE))
    left, right = shared + width * own, shared - width * own
    both = intensity.level_curve(0.05 * np.stack([left, right]), RATE, circular=True)
    power = sum(10 ** (intensity.level_curve(0.05 * one, RATE, circular=True) / 10) for one in (left, right)) / 2
    np.testing.assert_allclose(both, 10 * np.log10(power), atol=0.05)  # smoothed in decibels: not to the last digit


def test_sound_that_no_mono_mix_has_is_heard() -> None:
    """A sine at -23 dBFS RMS that is left and, turned round, right is -23 and not silence."""
    sine = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE) * np.sqrt(2) * 10 ** (-23 / 20)
    np.testing.assert_allclose(intensity.level_curve(np.stack([sine, -sine]), RATE, circular=True), -23, atol=0.05)
    one_side = intensity.level_curve(np.stack([sine, 0 * sine]), RATE, circular=True)
    np.testing.assert_allclose(one_side, -23 - 10 * np.log10(2), atol=0.05)


def test_frames_wrap_or_meet_silence() -> None:
    """The frame at sample 0 holds the loop's end, or nothing, before it."""
    signal = np.arange(1.0, 9.0)
    assert frames_of(signal, 4, 2, circular=True).tolist() == [[7, 8, 1, 2], [3, 4, 5, 6]]
    assert frames_of(signal, 4, 2, circular=False).tolist() == [[0, 0, 1, 2], [3, 4, 5, 6]]


@given(frames=st.integers(1, 200), seconds=st.floats(0.05, 3))
@settings(max_examples=40)
def test_smoothing_keeps_the_mean(frames: int, seconds: float) -> None:
    """Round the loop, however short it is."""
    values = np.random.default_rng(frames).normal(size=frames)
    assert smoothed(values, 40.0, circular=True, seconds=seconds).mean() == pytest.approx(values.mean(), abs=1e-9)
    assert smoothed(values, 40.0, circular=False, seconds=seconds).shape == (frames,)


def test_lengths_scale_with_the_rate() -> None:
    """Even windows, and at least one frame."""
    assert [scaled(2048, rate) for rate in (44_100, 88_200, 22_050)] == [2048, 4096, 1024]
    assert count_of(3, 512) == 1

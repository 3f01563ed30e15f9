"""A control is followed, nearly followed or missed, by how much and where, as a second implementation finds it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter1d

from engine import controls, metrics
from engine.metrics.verdict import Grade, of_curve, of_likeness, of_share
from engine.request import Control, Curve, LoopRequest, Point

RATE = 44_100
FRAMES = 400


def _noise_at(levels_db: list[float], samples: int, seed: int) -> np.ndarray:
    """White noise, both channels alike, with one level in each bar."""
    steps = np.repeat(levels_db, -(-samples // len(levels_db)))[:samples]
    noise = np.random.default_rng(seed).standard_normal(samples)
    return np.tile(noise * 10 ** (steps / 20), (2, 1))


@settings(max_examples=30)
@given(levels=st.lists(st.floats(-30, -10), min_size=4, max_size=4), seed=st.integers(0, 99))
def test_the_level_verdict_agrees_with_a_meter_of_ones_own(levels: list[float], seed: int) -> None:
    """The grade follows from a running mean of power over the file, within 0.3 dB of the limits."""
    request = LoopRequest(
        bars=4, loop=False, controls=(Control(kind="intensity", target=Curve((Point(Fraction(0), -20.0),), unit="db")),)
    )
    audio = _noise_at(levels, request.samples, seed)
    (verdict,) = metrics.judge(audio, RATE, request, controls.metrics())
    power = uniform_filter1d(np.mean(audio**2, axis=0), 2048, mode="nearest")[256::512]
    level = uniform_filter1d(10 * np.log10(power), round(RATE / 512), mode="nearest")
    off = float(np.sqrt(np.mean((level + 20) ** 2)))
    if abs(off - 1) > 0.3 and abs(off - 2) > 0.3:
        assert verdict.grade is (Grade.GOOD if off < 1 else Grade.NEAR if off < 2 else Grade.MISS), (off, verdict)


@pytest.mark.parametrize(
    ("bars_off", "sentence"),
    [
        ([0, 0, 0, 0], "intensity: followed within 0.0 dB."),
        ([0, 4.5, 4.5, 0], "intensity: missed by 4.5 dB between bars 2 and 3."),
        ([0, 0, 0, -3], "intensity: nearly followed, off by 3.0 dB in bar 4."),
        ([5, 5, 5, 5], "intensity: missed by 5.0 dB throughout."),
    ],
)
def test_a_miss_is_said_where_it_is(bars_off: list[float], sentence: str) -> None:
    """The bars round the worst one, and the distance in them."""
    error = np.repeat(np.array(bars_off, float), FRAMES // 4)
    everywhere = np.ones(FRAMES, bool)
    verdict = of_curve("intensity", error, everywhere, bars=4, good=1, near=2, unit="dB", digits=1)
    assert verdict.sentence == sentence


def test_only_what_was_asked_for_counts() -> None:
    """A control within some beats is judged there."""
    error = np.repeat([9.0, 0.0], FRAMES // 2)
    second = np.arange(FRAMES) >= FRAMES // 2
    assert of_curve("x", error, second, bars=2, good=1, near=2, unit="dB", digits=1).grade is Grade.GOOD
    nowhere = np.zeros(FRAMES, bool)
    assert of_curve("x", error, nowhere, bars=2, good=1, near=2, unit="dB", digits=1).grade is Grade.GOOD


def test_shares_and_distances_have_a_grade() -> None:
    """And what could not be measured has none."""
    grades = [of_share("melody", share, good=0.95, near=0.85, of="its time") for share in (1.0, 0.9, 0.5, None)]
    assert [verdict and verdict.grade for verdict in grades] == [Grade.GOOD, Grade.NEAR, Grade.MISS, None]
    assert grades[2] is not None
    assert grades[2].sentence == "melody: missed, 50 % of its time."
    found = [of_likeness("structure", distance, good=0.001, near=0.003) for distance in (0.0005, 0.002, 0.0054, None)]
    assert [verdict and verdict.grade for verdict in found] == [Grade.GOOD, Grade.NEAR, Grade.MISS, None]


def test_a_loop_without_controls_has_no_verdict() -> None:
    """There is nothing to follow."""
    request = LoopRequest(bars=1, tempo_bpm=Fraction(120))
    assert metrics.judge(np.zeros((2, request.samples)), RATE, request, controls.metrics()) == ()

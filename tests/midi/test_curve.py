"""Breakpoints, jumps, bent segments, and one value per frame."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.curves.automation import (
    Breakpoint,
    Curve,
    amplitude_to_db,
    flattened,
    sample,
    to_unit,
)
from midi.errors import MidiError

beats = st.fractions(min_value=-4, max_value=20, max_denominator=96)
values = st.floats(-100, 100)
units = st.floats(0, 1)
handles = st.none() | st.tuples(units, units, units, units)


@st.composite
def curves(draw: st.DrawFn, bent: bool = True) -> Curve:
    """Draw curves with jumps, and with bent segments unless not wanted."""
    places = sorted(draw(st.lists(beats, min_size=1, max_size=8)))
    kinds = handles if bent else st.none()
    return Curve(tuple(Breakpoint(beat, draw(values), draw(kinds)) for beat in places))


@given(curves(), st.integers(1, 400))
def test_a_resampled_curve_stays_within_its_breakpoints(curve: Curve, frames: int) -> None:
    """Exactly the frames asked for, none above the highest point or below the lowest."""
    sampled = sample(curve, Fraction(16), frames)
    assert sampled.shape == (frames,)
    assert sampled.min() >= min(point.value for point in curve.points)
    assert sampled.max() <= max(point.value for point in curve.points)


@settings(max_examples=50)
@given(curves(), st.integers(1, 100))
def test_every_frame_is_the_value_at_its_beat(curve: Curve, frames: int) -> None:
    """The fast way and the slow way agree, jumps included."""
    sampled = sample(curve, Fraction(16), frames)
    slow = [curve.value_at(Fraction(16 * i, frames)) for i in range(frames)]
    np.testing.assert_allclose(sampled, slow, atol=1e-6)


@settings(max_examples=30)
@given(curves(), st.fractions(min_value=-2, max_value=10, max_denominator=16), st.integers(1, 40))
def test_a_cut_sounds_like_the_whole(curve: Curve, start: Fraction, length: int) -> None:
    """Cut to a range and re-zeroed, the curve has the same value at every beat."""
    part = curve.cut(start, start + length)
    assert (part.points[0].beat, part.points[-1].beat) == (0, length)
    for step in range(4 * length):
        beat = Fraction(step, 4)
        assert part.value_at(beat) == pytest.approx(curve.value_at(start + beat), abs=0.1)


@given(curves(bent=False), st.fractions(min_value=-2, max_value=10, max_denominator=16), st.integers(1, 40))
def test_a_cut_of_straight_lines_is_exact(curve: Curve, start: Fraction, length: int) -> None:
    """Without bends only rounding is left."""
    part = curve.cut(start, start + length)
    for step in range(4 * length):
        beat = Fraction(step, 4)
        assert part.value_at(beat) == pytest.approx(curve.value_at(start + beat), abs=1e-9)


@settings(max_examples=30)
@given(curves())
def test_a_flattened_curve_is_the_curve(curve: Curve) -> None:
    """Bends made of short straight lines differ by under half a percent of their height."""
    flat = flattened(curve)
    assert all(point.curve is None for point in flat.points)
    for step in range(64):
        beat = Fraction(step, 4)
        assert flat.value_at(beat) == pytest.approx(curve.value_at(beat), abs=200 * 0.005)


def test_a_jump_happens_at_its_beat() -> None:
    """The frame at the jump has the new value, the one before it the old line's."""
    curve = Curve((Breakpoint(Fraction(0), 0.0), Breakpoint(Fraction(2), 1.0), Breakpoint(Fraction(2), 5.0)))
    assert sample(curve, Fraction(4), 8).tolist() == [0.0, 0.25, 0.5, 0.75, 5.0, 5.0, 5.0, 5.0]


def test_ends_are_held() -> None:
    """Before the first breakpoint and after the last nothing moves."""
    curve = Curve((Breakpoint(Fraction(1), 2.0), Breakpoint(Fraction(2), 4.0)))
    assert sample(curve, Fraction(4), 8).tolist() == [2.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0]


@given(units, units)
def test_straight_handles_are_a_straight_line(first: float, second: float) -> None:
    """Handles on the diagonal bend nothing."""
    bent = Curve((Breakpoint(Fraction(0), 0.0, (first, first, second, second)), Breakpoint(Fraction(4), 1.0)))
    np.testing.assert_allclose(sample(bent, Fraction(4), 64), np.arange(64) / 64, atol=1e-6)


def test_a_bend_is_the_cubic_bezier() -> None:
    """At the middle of the parameter the curve is where the formula says."""
    x1, y1, x2, y2 = 0.1, 0.7, 0.4, 0.9
    x, y = (0.375 * first + 0.375 * second + 0.125 for first, second in ((x1, x2), (y1, y2)))
    curve = Curve((Breakpoint(Fraction(0), 0.0, (x1, y1, x2, y2)), Breakpoint(Fraction(1), 1.0)))
    assert curve.value_at(Fraction(x)) == pytest.approx(y, abs=1e-6)


def test_borders_of_frames_are_exact() -> None:
    """A jump on a third of a beat falls on its frame at any rate that has one there."""
    curve = Curve((Breakpoint(Fraction(0), 0.0), Breakpoint(Fraction(1, 3), 0.0), Breakpoint(Fraction(1, 3), 1.0)))
    for frames in (3, 12, 3 * 44_100):
        assert int(sample(curve, Fraction(1), frames).argmax()) == frames // 3


def test_a_curve_that_goes_back_or_is_empty_is_refused() -> None:
    """Beats must not go back; at least one point is needed."""
    with pytest.raises(MidiError, match="must not go back"):
        Curve((Breakpoint(Fraction(1), 0.0), Breakpoint(Fraction(0), 0.0)))
    with pytest.raises(MidiError, match="no breakpoints"):
        Curve(())
    with pytest.raises(MidiError, match="no length"):
        Curve((Breakpoint(Fraction(1), 0.0),)).cut(Fraction(2), Fraction(2))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_is_a_number(value: float) -> None:
    """Not a number, and infinite, are refused where they are."""
    with pytest.raises(MidiError, match="beat 3"):
        Breakpoint(Fraction(3), value)


@pytest.mark.parametrize("wrong", [(0.5, 0.5, 1.1, 0.5), (-0.1, 0.0, 0.0, 0.0), (0.0, math.nan, 0.0, 0.0)])
def test_handles_stay_in_the_box(wrong: tuple[float, float, float, float]) -> None:
    """Outside it the curve could run back in time."""
    with pytest.raises(MidiError, match="within 0 and 1"):
        Breakpoint(Fraction(0), 0.0, wrong)


def test_ranges_become_decibels_and_units() -> None:
    """Straight in units, amplitudes by 20 log10 with a floor."""
    assert to_unit([0, 63.5, 127, 200], 0, 127).tolist() == [0.0, 0.5, 1.0, 1.0]
    np.testing.assert_allclose(amplitude_to_db([0, 0.1, 1, 10]), [-60, -20, 0, 20])


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (0.0, math.nan), (0.0, math.inf)])
def test_a_range_has_a_length(low: float, high: float) -> None:
    """Nothing is divided by nothing."""
    with pytest.raises(MidiError, match="no length"):
        to_unit([0.5], low, high)

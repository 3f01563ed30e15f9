"""Thinning within a stated error."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.curves.automation import Breakpoint, Curve, thin
from midi.errors import MidiError

places = st.lists(st.integers(0, 200), min_size=1, max_size=60).map(sorted)


@given(places, st.floats(0, 50), st.data())
def test_a_thinned_curve_is_within_its_error(where: list[int], max_error: float, data: st.DataObject) -> None:
    """At every breakpoint and between, on both sides of a jump, no value moves by more."""
    points = [Breakpoint(Fraction(n, 16), data.draw(st.floats(-100, 100))) for n in where]
    thinned = thin(points, max_error)
    whole, part = Curve(tuple(points)), Curve(thinned)
    for n in range(-1, 2 * where[-1] + 3):
        beat = Fraction(n, 32)
        assert abs(part.value_at(beat) - whole.value_at(beat)) <= max_error + 1e-9
    assert set(thinned) <= set(points)
    assert (thinned[0], thinned[-1]) == (points[0], points[-1]) or len({p.beat for p in points}) < len(points)


@settings(max_examples=10)
@given(st.floats(0.01, 10))
def test_a_bend_is_thinned_within_the_error_too(max_error: float) -> None:
    """Straight lines for a curve, and few of them."""
    points = (Breakpoint(Fraction(0), -30.0, (0.1, 0.6, 0.3, 1.0)), Breakpoint(Fraction(16), -9.0))
    thinned = thin(points, max_error)
    whole, part = Curve(points), Curve(thinned)
    for n in range(65):
        beat = Fraction(n, 4)
        assert abs(part.value_at(beat) - whole.value_at(beat)) <= max_error + 0.01
    assert len(thinned) < 200
    assert all(point.curve is None for point in thinned)


def test_a_straight_line_needs_two_points() -> None:
    """Whatever number of points it was drawn with."""
    points = [Breakpoint(Fraction(n, 100), n / 4) for n in range(1001)]
    assert thin(points, 1e-9) == (points[0], points[-1])


def test_jumps_stay() -> None:
    """A jump is two points, and three at one beat are the first and the last."""
    beats = [0, 2, 2, 2, 4]
    points = [Breakpoint(Fraction(beat), float(value)) for beat, value in zip(beats, (0, 0, 9, 5, 5), strict=True)]
    assert [(p.beat, p.value) for p in thin(points, 0.1)] == [(0, 0.0), (2, 0.0), (2, 5.0), (4, 5.0)]


def test_a_sine_shrinks() -> None:
    """A smooth lane at control rate is sent with a twentieth of its points."""
    points = [Breakpoint(Fraction(n, 256), math.sin(2 * math.pi * n / 4096)) for n in range(4097)]
    thinned = thin(points, 0.01)
    beats, values = ([float(getattr(p, name)) for p in thinned] for name in ("beat", "value"))
    assert len(thinned) < 200
    drawn = np.interp([n / 256 for n in range(4097)], beats, values)
    assert np.abs(drawn - [p.value for p in points]).max() <= 0.01


@pytest.mark.parametrize("max_error", [-1.0, math.nan, math.inf])
def test_the_error_is_a_number(max_error: float) -> None:
    """0 or more."""
    with pytest.raises(MidiError, match="0 or more"):
        thin([Breakpoint(Fraction(0), 0.0)], max_error)

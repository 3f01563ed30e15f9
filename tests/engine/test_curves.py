"""Curves in their control's unit, silence included."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from asking import Asking
from scipy.signal import savgol_coeffs

from engine.curves import FLOOR_DB, frequency_octaves, inside, level_db, smoothing_kernel
from engine.errors import BadRequestError


def test_decibels_and_shares_of_a_range_meet(ask: Asking) -> None:
    """0 to 1 of -36 to -14 dB is the same curve as its decibels."""
    shares = level_db(ask.curve((0, 0.0), (4, 1.0), unit="unit"), Fraction(8), 80)
    decibels = level_db(ask.curve((0, -36.0), (4, -14.0)), Fraction(8), 80)
    np.testing.assert_allclose(shares, decibels, atol=1e-9)


def test_silence_is_the_floor(ask: Asking) -> None:
    """Minus infinity, and all below -60 dB, count as -60."""
    values = level_db(ask.curve((0, -math.inf), (4, -90.0), (4, -20.0)), Fraction(8), 8)
    assert values.tolist() == [FLOOR_DB] * 4 + [-20] * 4


def test_one_breakpoint_is_a_line(ask: Asking) -> None:
    """Held before and after."""
    assert set(level_db(ask.curve((3, -21.0)), Fraction(8), 16)) == {-21.0}


def test_frequencies_run_straight_in_octaves(ask: Asking) -> None:
    """Half way from 500 to 2,000 Hz is 1,000 Hz."""
    curve = ask.curve((0, 500.0), (8, 2000.0), unit="hz")
    assert 2 ** frequency_octaves(curve, Fraction(8), 8)[4] == pytest.approx(1000)


@pytest.mark.parametrize(
    ("make", "unit", "value"),
    [(level_db, "hz", 440.0), (frequency_octaves, "db", -20.0), (frequency_octaves, "hz", 0.5)],
)
def test_other_units_are_refused(ask: Asking, make: Any, unit: Any, value: float) -> None:
    """In a sentence that says which unit it wants."""
    with pytest.raises(BadRequestError, match=r"curve|Brightness"):
        make(ask.curve((0, value), unit=unit), Fraction(8), 8)


def test_a_range_shorter_than_a_frame_is_one_frame() -> None:
    """So that a control that was asked for somewhere is never nowhere."""
    chosen = inside((Fraction(33, 10), Fraction(34, 10)), Fraction(8), 8)
    assert chosen.sum() == 1
    assert inside(None, Fraction(8), 8).all()
    assert inside((Fraction(2), Fraction(4)), Fraction(8), 8).tolist() == [False] * 2 + [True] * 2 + [False] * 4


@pytest.mark.parametrize("width", [3, 5, 13, 87, 301])
def test_the_smoothing_is_that_of_savitzky_and_golay(width: int) -> None:
    """The closed form is SciPy's filter of order 2, to rounding."""
    np.testing.assert_allclose(smoothing_kernel(width), savgol_coeffs(width, 2), atol=1e-13)

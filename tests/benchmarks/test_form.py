"""The segmenter that reads a loop's form back shares nothing with the control that asks for it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.quality.form import canonical, found_form

RATE = 44_100
TONES_HZ = {"A": (110, 165), "B": (880, 1320), "C": (3000,), "D": (220, 5000)}


def played(form: str) -> NDArray[np.float64]:
    """Return a second of each letter's own tones."""
    time = np.arange(RATE) / RATE
    return np.concatenate([sum(0.1 * np.sin(2 * np.pi * hz * time) for hz in TONES_HZ[letter]) for letter in form])


@pytest.mark.parametrize("form", ["AABA", "ABAB", "AABB", "ABCD"])
def test_the_letters_that_are_played_are_found(form: str) -> None:
    """Each section's letter comes back, in the order of first appearance."""
    assert found_form(played(form), RATE, len(form), len(set(form)), circular=True) == form


def test_letters_are_named_in_order() -> None:
    """BBAB and AABA are the same form."""
    assert canonical("BBAB") == "AABA"

"""Forms are heard, and told from other forms."""

from typing import Any

import numpy as np
import pytest

from engine.metrics import structure

RATE = 22_050


def sections(form: str, seconds: float = 2.0) -> np.ndarray[Any, Any]:
    """Return one texture per letter: noise through another resonance, with other tones."""
    time = np.arange(round(seconds * RATE)) / RATE
    parts = []
    for number, letter in enumerate(form):
        draws = np.random.default_rng(number)
        base, highest, noise = {"A": (150, 12, 0.001), "B": (1900, 4, 0.001), "C": (300, 1, 0.05), "D": (90, 2, 0.0)}[
            letter
        ]
        tones = sum(np.sin(2 * np.pi * base * k * time + k) / k for k in range(1, highest + 1))
        parts.append(0.05 * tones + (noise + 1e-5) * draws.normal(size=len(time)))
    return np.concatenate(parts)


@pytest.mark.parametrize("form", ["AABA", "ABAB", "ABAC", "AABB"])
def test_a_played_form_fits_and_others_do_not(form: str) -> None:
    """Its own error is small and the least of all forms'."""
    sound = sections(form)
    errors = {
        other: structure.mse(sound, RATE, other, circular=True) for other in ("AABA", "ABAB", "ABAC", "AABB", "ABBA")
    }
    assert errors[form] < 0.1
    # With three letters the least depends on which two of them are more alike, which a form does not say.
    assert len(set(form)) > 2 or min(errors, key=lambda name: errors[name]) == form


def test_a_form_of_one_letter_wants_no_change() -> None:
    """AAAA is the matrix of ones."""
    assert structure.target_matrix("AAAA").min() == 1

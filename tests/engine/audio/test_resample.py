"""Changing the rate changes nothing that can be heard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.resample import resampled


@given(before=st.integers(64, 700), after=st.integers(64, 700), turns=st.integers(0, 20))
@settings(max_examples=60)
def test_a_closed_sine_is_the_same_sine(before: int, after: int, turns: int) -> None:
    """Any two lengths, as long as both can hold it."""
    sine = [np.cos(2 * np.pi * turns * np.arange(n) / n + 0.3)[None] for n in (before, after)]
    np.testing.assert_allclose(resampled(sine[0], after, circular=True), sine[1], atol=1e-9)


@pytest.mark.parametrize("circular", [True, False])
def test_there_and_back(circular: bool) -> None:
    """Up and down again is where it was; the same length is the same array."""
    time = np.arange(400) / 400
    slow = np.stack([np.sin(9 * time) + time, np.cos(40 * time**2)])
    again = resampled(resampled(slow, 1200, circular=circular), 400, circular=circular)
    np.testing.assert_allclose(again, slow, atol=0.03)
    assert resampled(slow, 400, circular=circular) is slow


def test_an_open_piece_does_not_wrap() -> None:
    """A step from the last sample to the first does not ring at the ends."""
    ramp = np.linspace(0, 1, 500)[None]
    np.testing.assert_allclose(resampled(ramp, 750, circular=False)[0], np.linspace(0, 1, 750), atol=0.01)


def test_what_is_above_the_new_rate_is_gone() -> None:
    """No aliasing: a sine over half the new rate leaves silence."""
    high = np.cos(2 * np.pi * 180 * np.arange(400) / 400)[None]
    assert np.abs(resampled(high, 200, circular=True)).max() < 1e-9

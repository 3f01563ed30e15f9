"""The reported brightness is the centroid."""

import numpy as np
import pytest

from engine.metrics import brightness

RATE = 44_100


@pytest.mark.parametrize("frequency", [200.0, 1000.0, 6000.0])
def test_a_sine_is_as_bright_as_its_frequency(frequency: float) -> None:
    """In octaves, everywhere round the loop."""
    sine = 0.1 * np.sin(2 * np.pi * frequency * np.arange(2 * RATE) / RATE)
    np.testing.assert_allclose(brightness.curve(sine, RATE, circular=True), np.log2(frequency), atol=0.02)


def test_an_octave_off_is_an_octave_off() -> None:
    """A loop at 1,000 Hz against a wish for 2,000."""
    sine = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    frames = brightness.frame_count(len(sine), RATE)
    error = brightness.error_octaves(sine, RATE, np.full(frames, np.log2(2000)), np.ones(frames, bool), circular=True)
    assert error == pytest.approx(1, abs=0.02)


def test_silence_has_no_say() -> None:
    """A loop that is silent for half its length is as bright there as what is heard around it."""
    sine = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    sine[RATE // 2 : RATE] = 0
    curve = brightness.curve(sine, RATE, circular=True)
    assert np.abs(curve[: len(curve) // 5] - np.log2(1000)).max() < 0.1
    assert np.isfinite(curve).all()

"""Filters of second order against SciPy's."""

import numpy as np
import pytest
from scipy.signal import butter, lfilter, sosfilt

from engine.metrics import biquad

RATES = (8_000, 44_100, 48_000)


@pytest.mark.parametrize("rate", RATES)
def test_a_pass_is_scipys_to_the_bit(rate: int) -> None:
    """A delivered loop's gain comes from it, so not one bit may differ."""
    audio = np.random.default_rng(rate).standard_normal((2, 4 * rate))
    for forward, backward in (
        biquad.shelf(1681.974450955533, 3.999843853973347, 0.7071752369554196, rate),
        biquad.high_pass(38.13547087602444, 0.5003270373238773, rate),
    ):
        found = biquad.filtered((forward, backward), audio)
        np.testing.assert_array_equal(found, lfilter(forward, backward, audio, axis=1))


@pytest.mark.parametrize("rate", RATES)
def test_the_butterworth_is_scipys(rate: int) -> None:
    """Coefficients and sound agree with those of `scipy.signal.butter`."""
    section = butter(2, 261.2, "highpass", fs=rate, output="sos")
    forward, backward = biquad.butterworth(261.2, rate)
    np.testing.assert_allclose(np.concatenate([forward, backward]), section[0], rtol=1e-12)
    audio = np.random.default_rng(rate).standard_normal(rate)
    np.testing.assert_allclose(biquad.filtered((forward, backward), audio), sosfilt(section, audio), atol=1e-12)

"""What is said of a noise is true of a Gaussian draw, and changes when it is none."""

import numpy as np

from engine.metrics.noise import statistics


def test_a_gaussian_draw_is_one() -> None:
    """Mean 0, deviation 1, no excess kurtosis, flat."""
    found = statistics(np.random.default_rng(0).normal(size=(344, 192)))
    assert abs(found["mean"]) < 0.02
    assert abs(found["std"] - 1) < 0.02
    assert abs(found["kurtosis"]) < 0.1
    assert found["flatness"] > 0.98


def test_what_is_none_shows() -> None:
    """A drift is less flat, a limited noise has another kurtosis; time may be the last axis."""
    noise = np.random.default_rng(0).normal(size=(344, 192))
    drift = noise + 2 * np.sin(2 * np.pi * np.arange(344) / 344)[:, None]
    assert statistics(drift)["flatness"] < 0.9
    assert statistics(np.sign(noise))["kurtosis"] < -1.5
    assert statistics(drift.T, time_axis=1) == statistics(drift)

"""Filters and constants on the frame grid."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from engine.controls.grid import correlation, filtered, hann_kernel, mean, per_layout, smoothing, window_kernel
from engine.spectrum import Spectrum, analyse

RATE = 44_100


def spectrum(frames: int, rate: float = 86.13, *, circular: bool = True) -> Spectrum:
    return Spectrum(
        power=torch.ones(1, 3, frames, dtype=torch.float64),
        frequencies_hz=torch.tensor([100.0, 200.0, 300.0]),
        bins=torch.ones(3),
        frame_rate_hz=rate,
        circular=circular,
    )


@given(frames=st.integers(3, 300), width=st.integers(0, 60), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_a_filter_goes_round_the_loop(frames: int, width: int, seed: int) -> None:
    """The same as a direct sum over wrapped neighbours, even where the kernel is longer than the loop."""
    draws = np.random.default_rng(seed)
    values, kernel = draws.normal(size=frames), draws.normal(size=2 * width + 1)
    kernel = kernel + kernel[::-1]
    direct = [
        sum(kernel[width + k] * values[(i + k) % frames] for k in range(-width, width + 1)) for i in range(frames)
    ]
    found = filtered(torch.from_numpy(values)[None], torch.from_numpy(kernel), circular=True)
    np.testing.assert_allclose(found[0], direct, atol=1e-9)


def test_the_smoothing_is_savitzky_golays() -> None:
    """Order 2 over one second, round the loop."""
    values = np.cumsum(np.random.default_rng(0).normal(size=300))
    kernel = smoothing(spectrum(300))
    assert len(kernel) == 87
    found = filtered(torch.from_numpy(values)[None], kernel, circular=True)[0]
    np.testing.assert_allclose(found, savgol_filter(values, 87, 2, mode="wrap"), atol=1e-9)


def test_an_open_piece_is_held_at_its_ends() -> None:
    """A line stays a line where nothing wraps, up to the ends."""
    line = torch.linspace(0, 1, 50, dtype=torch.float64)[None]
    found = filtered(line, hann_kernel(0.1, spectrum(50)), circular=False)
    torch.testing.assert_close(found[0, 6:-6], line[0, 6:-6])


def test_hann_frames_become_rectangular_ones() -> None:
    """Through the kernel, the level of a swelling noise is that of 2048 samples within 0.6 dB almost everywhere."""
    draws = np.random.default_rng(0)
    count, samples = 344, 344 * 512
    signal = draws.normal(size=samples) * 10 ** (np.sin(np.arange(samples) / 2_500) / 2) * 0.1
    heard = analyse(torch.from_numpy(signal)[None, None], RATE, circular=True, frames=count)
    level = 10 * torch.log10(filtered(heard.power.sum(1), window_kernel(heard), circular=True))[0].numpy()
    index = (np.arange(count)[:, None] * 512 - 1024 + np.arange(2048)) % samples
    wanted = 10 * np.log10(np.mean(signal[index] ** 2, axis=1))
    plain = heard.level_db[0].numpy()
    assert np.quantile(np.abs(level - wanted), 0.95) < 0.6
    assert np.abs(level - wanted).mean() < 0.4 * np.abs(plain - wanted).mean()


@pytest.mark.parametrize("rate", [10.0, 21.5, 43.0, 86.13, 200.0])
def test_the_window_is_fair_at_any_frame_rate(rate: float) -> None:
    """It sums to one and never turns power negative."""
    kernel = window_kernel(spectrum(400, rate))
    assert kernel.sum() == pytest.approx(1)
    assert kernel.min() >= 0


def test_constants_are_made_once_per_layout() -> None:
    """Another length or another type is another layout."""
    made: list[Any] = []
    once = per_layout(lambda heard: made.append(heard))
    first = spectrum(8)
    once(first)
    once(replace(first, power=first.power * 2))
    assert len(made) == 1
    once(spectrum(9))
    once(replace(first, power=first.power.float()))
    assert len(made) == 3


def test_means_and_correlations_count_their_frames_only() -> None:
    """Frames of weight 0 have no say, and no frame at all gives 0, not nan."""
    values = torch.tensor([[1.0, 2.0, 3.0, 99.0]])
    weights = torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert mean(values, weights).tolist() == [2.0]
    assert correlation(values, torch.tensor([2.0, 4.0, 6.0, -9.0]), weights).item() == pytest.approx(1, abs=1e-4)
    assert mean(values, torch.zeros(4)).item() == 0

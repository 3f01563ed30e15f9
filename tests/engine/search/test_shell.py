"""Optimised noise is put back on the Gaussian's shell."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.search.shell import Shell, flatness


@given(
    seed=st.integers(0, 99),
    frames=st.integers(8, 90),
    channels=st.integers(4, 64),
    tilt=st.floats(-3, 3),
    time_axis=st.sampled_from([0, 1]),
)
@settings(max_examples=40)
def test_the_shell_has_mean_0_and_deviation_1(
    seed: int, frames: int, channels: int, tilt: float, time_axis: int
) -> None:
    """Whatever was added, item by item, with time on either axis."""
    shape = (2, frames, channels) if time_axis == 0 else (2, channels, frames)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 1.4 + tilt
    put_back = Shell().projected(noise, time_axis)
    assert put_back.mean((1, 2)).abs().max() < 1e-4
    torch.testing.assert_close(put_back.square().mean((1, 2)), torch.ones(2), rtol=1e-4, atol=1e-4)


def test_a_gaussian_draw_is_hardly_moved() -> None:
    """White noise is already there: what changes is under 5 % of it."""
    noise = torch.randn(1, 344, 192, generator=torch.Generator().manual_seed(0))
    assert (Shell().projected(noise, 0) - noise).norm() < 0.05 * noise.norm()


def evenness(noise: torch.Tensor) -> float:
    """Geometric over arithmetic mean of the power over temporal frequencies, averaged over channels first."""
    power = torch.fft.rfft(noise.double(), dim=0).abs().square().mean(1)[1:]
    return float(power.log().mean().exp() / power.mean())


@given(
    seed=st.integers(0, 99),
    frames=st.sampled_from([64, 173, 344]),
    tones=st.integers(0, 12),
    time_axis=st.sampled_from([0, 1]),
)
@settings(max_examples=25)
def test_each_channel_is_as_uneven_as_draws_are(seed: int, frames: int, tones: int, time_axis: int) -> None:
    """Tones in some channels, which a mean over channels hides, leave flatness where 99 % of draws have it."""
    draws = torch.Generator().manual_seed(seed)
    shape = (frames, 48) if time_axis == 0 else (48, frames)
    noise = torch.randn(1, *shape, generator=draws)
    tone = torch.sin(torch.arange(frames) * 0.7)
    (noise[0] if time_axis == 0 else noise[0].T)[:, :tones] += 1.5 * tone[:, None]
    for _ in range(3):  # as a search does step by step
        noise = Shell().projected(noise, time_axis)
    usual = torch.cat([flatness(torch.randn(1, *shape, generator=draws), time_axis) for _ in range(300)])
    low, high = usual.quantile(torch.tensor([0.005, 0.995])).tolist()
    margin = 0.2 * (high - low)  # of two samples of draws
    assert low - margin <= float(flatness(noise, time_axis)) <= high + margin


def test_a_slow_drift_is_held_near_white() -> None:
    """A drift that would spoil the spectrum's flatness is cut down to what noise may have; its shape stays."""
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 344, 192, generator=draws)
    drift = torch.sin(torch.arange(344) * 2 * torch.pi / 344)[None, :, None] * torch.randn(1, 1, 192, generator=draws)
    spoiled = noise + 2 * drift
    kept = Shell().projected(spoiled, 0)
    flat = [evenness(values[0]) for values in (noise, spoiled, kept)]
    assert flat[1] < 0.8 * flat[0]
    assert flat[2] > 0.98 * flat[0]
    assert float((kept * drift).sum()) > 0


def test_gradients_pass() -> None:
    """The projection can be differentiated, should a method want that."""
    noise = torch.randn(1, 16, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: Shell().projected(values, 0), noise, atol=1e-5)


def test_silence_is_refused_by_nobody_but_stays_a_number() -> None:
    """Noise of zeros, which has no shell, does not become nan where the mean is taken."""
    noise = torch.zeros(1, 8, 4)
    noise[0, 0, 0] = 1e-6
    assert torch.isfinite(Shell().projected(noise, 0)).all()
    assert Shell().projected(noise, 0).std() == pytest.approx(1, rel=0.2)

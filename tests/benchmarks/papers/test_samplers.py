"""Samplers are compared for every kind of prediction."""

import pytest
import torch

from benchmarks.papers import samplers
from engine.models.protocol import Schedule
from engine.models.testing import tiny_noise
from engine.request import LoopRequest
from engine.sampling import sample, start


@pytest.mark.parametrize("prediction", samplers.PREDICTIONS)
def test_euler_is_ddim(prediction: str) -> None:
    """The probability flow by Euler's steps is DDIM for every prediction, after the first step from pure noise."""
    model = samplers.Predicting(prediction)
    scene = model.scene(LoopRequest(bars=1, loop=False))
    noise, schedule = tiny_noise(model, scene, 1), model.schedule(4, scene)
    with torch.no_grad():
        ddim = sample(model, scene, noise, schedule, samplers.Sampler.DDIM, checkpoint=False)
        assert torch.allclose(samplers.euler(model, scene, noise, schedule), ddim, atol=1e-3, rtol=1e-3)


def test_an_ancestral_sampler_keeps_the_deviation_of_the_data() -> None:
    """With the exact denoiser of N(0, 0.5^2) and eta 1 the loops are as loud as the data; equal noises, equal loops."""
    times = torch.linspace(1, 0, 61, dtype=torch.float64)
    schedule = Schedule(times=times, alphas=(times * torch.pi / 2).cos(), sigmas=(times * torch.pi / 2).sin())
    dice = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, dtype=torch.float64, generator=dice)
    added = torch.randn(60, 4000, dtype=torch.float64, generator=dice)

    def clean(latent: torch.Tensor, i: int) -> torch.Tensor:
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        return alpha * 0.25 / (alpha**2 * 0.25 + sigma**2) * latent

    found = [samplers.sample_ddim_ancestral(clean, start(noise, schedule), schedule, added) for _ in range(2)]
    assert torch.equal(*found)
    assert found[0].std() == pytest.approx(0.5, rel=0.08)


def test_each_row_says_how_the_gradient_is() -> None:
    """A search through two steps lowers its loss, and says how long and how rough its first gradient was."""
    row = samplers.losses(samplers.Predicting("flow"), 0, "ddim", 2, 2)
    assert row["least"] < row["first"]
    assert row["gradient"] > 0
    assert 0 <= row["rough"] < 1

"""Samplers are compared for every kind of prediction."""

import pytest
import torch

from benchmarks.papers import samplers
from engine.models.testing import tiny_noise
from engine.request import LoopRequest
from engine.sampling import sample


@pytest.mark.parametrize("prediction", samplers.PREDICTIONS)
def test_euler_is_ddim(prediction: str) -> None:
    """The probability flow by Euler's steps is DDIM for every prediction, after the first step from pure noise."""
    model = samplers.Predicting(prediction)
    scene = model.scene(LoopRequest(bars=1, loop=False))
    noise, schedule = tiny_noise(model, scene, 1), model.schedule(4, scene)
    with torch.no_grad():
        ddim = sample(model, scene, noise, schedule, samplers.Sampler.DDIM, checkpoint=False)
        assert torch.allclose(samplers.euler(model, scene, noise, schedule), ddim, atol=1e-3, rtol=1e-3)


def test_each_row_says_how_the_gradient_is() -> None:
    """A search through two steps lowers its loss, and says how long and how rough its first gradient was."""
    row = samplers.losses(samplers.Predicting("flow"), 0, "ddim", 2, 2)
    assert row["least"] < row["first"]
    assert row["gradient"] > 0
    assert 0 <= row["rough"] < 1

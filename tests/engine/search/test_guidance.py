"""Guidance is fast, deterministic and clearly better than nothing."""

import pytest
import torch
from asking import Asking

from engine.models.protocol import Sampler
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Method
from engine.search import guidance
from engine.search import objective as targets
from engine.search.surrogate import Chain, latent_of


@pytest.mark.parametrize("control", ["intensity", "melody"])
def test_guidance_halves_the_loss_in_one_chain(tiny: TinyModel, ask: Asking, control: str) -> None:
    """Against the same noise without guidance, and twice the same."""
    request = ask.request(getattr(ask, control)(), method=Method.GUIDANCE)
    scene = tiny.scene(request)
    objective, noise = targets.build(request, scene, tiny), tiny_noise(tiny, scene)
    steps = [next(guidance.guide(objective, tiny, scene, noise)) for _ in range(2)]
    assert steps[0].latent is not None
    assert steps[1].latent is not None
    assert torch.equal(steps[0].latent, steps[1].latent)
    free = latent_of(tiny, scene, noise, Chain(steps=guidance.STEPS, sampler=Sampler.DDIM))
    before = objective.losses(tiny.listen(free, scene), free)[control]
    assert steps[0].losses[control] < 0.5 * float(before)

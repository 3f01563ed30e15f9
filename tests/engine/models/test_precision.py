"""A denoiser in 16 bits: what it computes and the gradients that pass through it."""

import pytest
import torch

from engine.models import catalogue
from engine.sampling import sample, start_noise
from engine.settings import Settings

NAMES = (
    "stable-audio", "stable-audio-3-base", "stable-audio-3", "ace-step-turbo", "ace-step-base", "audioldm2", "musicldm",
)  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*:FutureWarning")


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e7])
@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_passes_through_float16_whatever_its_size(name, size, folders, models, tiny):
    """A loss on how a loop ends has gradients beyond 65,504, the most that float16 holds, and others vanish in it."""
    narrow = catalogue.load(str(folders[name]), Settings(device="cpu", dtype="float16"))
    gradients = []
    for model in (narrow, models[name]):
        scene = model.scene(tiny.request_for())
        noise = start_noise(scene, 0).requires_grad_()
        latent = sample(model, scene, noise, model.schedule(2, scene), model.card.sampler)
        loss = size * model.listen(latent, scene).level_db.mean()
        gradients.append(torch.autograd.grad(loss, noise)[0].flatten() / size)
    ours, exact = gradients
    assert torch.isfinite(ours).all()
    assert torch.nn.functional.cosine_similarity(ours, exact, dim=0) > 0.98
    assert ours.norm() / exact.norm() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_gradient_of_zero_stays_zero(dtype, folders, tiny):
    """A loss that hears nothing moves nothing: no power of two of 0 is taken."""
    model = catalogue.load(str(folders["stable-audio"]), Settings(device="cpu", dtype=dtype))
    scene = model.scene(tiny.request_for())
    noise = start_noise(scene, 0).requires_grad_()
    latent = sample(model, scene, noise, model.schedule(2, scene), model.card.sampler)
    (gradient,) = torch.autograd.grad(0 * model.listen(latent, scene).level_db.mean(), noise)
    assert not gradient.any()

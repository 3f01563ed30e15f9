"""A corrected surrogate gives the exact evaluation, at the noise where it was verified."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.models.protocol import ListensThrough, Sampler, Scene
from engine.models.testing import TinyModel, tiny_noise
from engine.search.objective import build
from engine.search.surrogate import Chain, Correction, Problem, Verification, Verified, latent_of
from engine.spectrum import Spectrum

FAR, NEAR = Chain(steps=1, sampler=Sampler.DDIM), Chain(steps=6, sampler=Sampler.DDIM)


def heard(model: TinyModel, scene: Scene, noise: Tensor) -> tuple[Tensor, Spectrum]:
    latent = latent_of(model, scene, noise, NEAR)
    through = isinstance(model, ListensThrough)
    return latent, model.listen_through(latent, scene) if through else model.listen(latent, scene)


def correction(model: TinyModel, request: Any, noise: Tensor) -> Correction:
    """Return what a thorough verification corrects the surrogate by at `noise`."""
    scene = model.scene(request)
    exact, surrogate = latent_of(model, scene, noise, NEAR), latent_of(model, scene, noise, FAR)
    problem = Problem(model, scene, build(request, scene, model))
    return Verification(chain=NEAR).verify(problem, surrogate, exact, Correction(), thorough=True).correction


class WithWaveform(TinyModel):
    """A model whose waveform holds something other than its latent says: each third band is quieter."""

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        spectrum = self.listen(latent, scene)
        gain = torch.ones(spectrum.power.shape[1], 1)
        gain[::3] = 0.2
        return replace(spectrum, power=spectrum.power * gain)


@pytest.mark.parametrize("model", [TinyModel(), WithWaveform()])
def test_the_corrected_surrogate_is_exact_where_it_was_corrected(model: TinyModel, ask: Asking) -> None:
    """Latent and spectrum, through the waveform where the model has one."""
    request = ask.request(ask.melody())
    scene = model.scene(request)
    noise = tiny_noise(model, scene)
    latent, true = heard(model, scene, noise)
    surrogate = latent_of(model, scene, noise, FAR)
    assert (surrogate - latent).abs().max() > 0.1
    found = correction(model, request, noise)
    shifted, spectrum = found.applied(model, scene, surrogate)
    torch.testing.assert_close(shifted, latent)
    torch.testing.assert_close(spectrum.power, true.power, rtol=1e-3, atol=1e-9)


def test_near_there_it_is_nearer_than_the_surrogate_alone(ask: Asking) -> None:
    """A step away the correction still helps more than not."""
    model = WithWaveform()
    request = ask.request(ask.melody())
    scene = model.scene(request)
    noise = tiny_noise(model, scene)
    found = correction(model, request, noise)
    moved = noise + 0.1 * torch.randn(noise.shape, generator=torch.Generator().manual_seed(1))
    surrogate = latent_of(model, scene, moved, FAR)
    wanted = heard(model, scene, moved)[1].power.log()
    mended = found.applied(model, scene, surrogate)[1].power.log()
    plain = model.listen(surrogate, scene).power.log()
    assert (mended - wanted).abs().mean() < 0.5 * (plain - wanted).abs().mean()


def test_the_correction_carries_the_surrogates_gradient(ask: Asking) -> None:
    """Every noise value has a say."""
    model = WithWaveform()
    request = ask.request(ask.melody(), bars=2)
    scene = model.scene(request)
    noise = tiny_noise(model, scene)
    found = correction(model, request, noise)
    moving = noise.clone().requires_grad_()
    spectrum = found.applied(model, scene, latent_of(model, scene, moving, FAR))[1]
    (gradient,) = torch.autograd.grad(spectrum.power.log().sum(), moving)
    assert (gradient != 0).all()


@pytest.mark.parametrize(
    ("thorough", "far", "always", "analysed"),
    [(True, True, False, True), (False, True, False, False), (False, False, False, True), (False, True, True, True)],
)
def test_the_waveform_is_analysed_where_it_decides(
    ask: Asking, thorough: bool, far: bool, always: bool, analysed: bool
) -> None:
    """At thorough verifications, near the target, and always if that is asked for; else nothing is decided."""
    model, request = WithWaveform(), ask.request(ask.melody())
    scene = model.scene(request)
    objective = build(request, scene, model)
    tolerance = 1e-6 if far else 1e6
    objective = replace(objective, goals=tuple(replace(goal, tolerance=tolerance) for goal in objective.goals))
    latent = tiny_noise(model, scene)
    verification = Verification(chain=NEAR, always_waveform=always)
    problem = Problem(model, scene, objective)
    found = verification.verify(problem, latent, latent, Correction(), thorough=thorough)
    assert found.exact is analysed
    assert (found.correction.power is not None) is analysed


def test_without_a_waveform_every_verification_is_exact(tiny: TinyModel, ask: Asking) -> None:
    """A model whose latent is its sound has nothing else to ask."""
    request = ask.request(ask.melody())
    scene = tiny.scene(request)
    latent = tiny_noise(tiny, scene)
    problem = Problem(tiny, scene, build(request, scene, tiny))
    assert Verification(chain=NEAR).verify(problem, latent, latent, Correction(), thorough=False).exact


def test_a_verification_is_due_at_first_and_every_few_steps(toys: Any) -> None:
    """In between it takes place as soon as all goals seem reached, but not right after the last one."""
    verification = Verification(chain=NEAR, every_steps=6)
    assert verification.is_due(Verified(), 0)
    last = Verified(count=3, iteration=10)
    assert [verification.is_due(last, iteration) for iteration in (11, 15, 16)] == [False, False, True]
    near, far = toys.judged([1.0, 1.0], [0.6, 0.7]), toys.judged([1.0, 1.0], [0.1, 0.8])
    assert [verification.is_worth_it(last, iteration, near) for iteration in (11, 12)] == [False, True]
    assert not verification.is_worth_it(last, 12, far)

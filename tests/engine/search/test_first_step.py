"""A learned first step is taken where it helps, and nowhere else."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.controls import FeatureKind, Features
from engine.models.protocol import Scene
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Budget, Control, Method, Words
from engine.search import methods
from engine.search.first_step import PASSES, learned_start
from engine.search.minimize import minimize
from engine.search.shell import flatness
from engine.search.surrogate import Problem, Verification, Verified

STRUCTURE = Control(kind="structure", target=Words(text="AABA"))


class Begins(TinyModel):
    """A model that has learnt one change for whatever is asked, and remembers what it was shown."""

    trained_on: frozenset[FeatureKind] = frozenset({FeatureKind.LEVEL})
    digest = "0123456789ab"
    learnt: Tensor = torch.zeros(())
    seen: Sequence[Features] = ()
    latents: Tensor = torch.zeros(())
    evaluations: int = 0

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        self.evaluations += 1
        return super().denoise(latent, time, scene, until=until)

    def conditioned_latent(self, noise: Tensor, scene: Scene) -> Tensor:
        return torch.zeros_like(noise)

    @property
    def learned_step(self) -> "Begins | None":
        return self if self.trained_on else None

    def change(
        self, noise: Tensor, descent: Tensor, latents: Tensor, features: Sequence[Features], scene: Scene
    ) -> Tensor:
        self.seen, self.latents = features, latents
        return self.learnt.expand_as(noise)


@pytest.fixture
def problem(ask: Asking) -> tuple[Begins, Problem, Tensor, methods.Plan]:
    model = Begins()
    request = ask.request(ask.intensity(), method=Method.DITTO2)
    scene = model.scene(request)
    objective = methods.objective_of(request, scene, model)
    return model, Problem(model, scene, objective), tiny_noise(model, scene), methods.plan(request, model, objective)


def verification(plan: methods.Plan) -> Verification:
    assert plan.verification is not None
    return plan.verification


Made = tuple[Begins, Problem, Tensor, methods.Plan]


def test_a_model_is_shown_what_is_asked_and_heard(problem: Made) -> None:
    """Of a level it sees the target, its own level and where the control holds, for every frame."""
    model, asked, noise, plan = problem
    learned_start(asked, noise, plan.chain, verification(plan))
    (features,) = model.seen
    assert features.values.shape[:2] == (len(noise), 3)
    assert (features.values[:, 2] == 1).all()
    assert not torch.equal(features.values[:, 0], features.values[:, 1])


def test_a_change_that_helps_is_taken_and_stays_noise(problem: Made) -> None:
    """The noise that a search ends at is its beginning, on the Gaussian's shell and anchored at the first loop."""
    model, asked, noise, plan = problem
    *_, last = minimize(
        replace(plan, first_step=False, until_tolerance=False), asked.objective, model, asked.scene, noise
    )
    model.learnt = last.best_noise - noise
    begun = learned_start(asked, noise, plan.chain, verification(plan)).state
    assert torch.allclose(begun.noise, last.best_noise, atol=0.05)
    assert begun.noise.square().mean() == pytest.approx(1, abs=1e-5)
    assert (flatness(begun.noise, asked.scene.time_axis) > 0.3).all()
    assert begun.anchor is not None


@pytest.mark.parametrize("seed", range(3))
def test_a_change_for_the_worse_is_not_taken(problem: Made, seed: int) -> None:
    """Where a change leaves the loop farther from the target the search begins at its own noise, to the bit."""
    model, asked, noise, plan = problem
    *_, last = minimize(
        replace(plan, first_step=False, until_tolerance=False), asked.objective, model, asked.scene, noise
    )
    draws = torch.Generator().manual_seed(seed)
    model.learnt = 3 * torch.randn(noise.shape, generator=draws)
    begun = learned_start(asked, last.best_noise, plan.chain, verification(plan)).state
    assert torch.equal(begun.noise, last.best_noise)
    assert begun.verified == Verified(count=1, iteration=0)


def test_a_pass_costs_one_evaluation(problem: Made) -> None:
    """Beside the one verification of the start each noise is evaluated once, and the step after it has its latent."""
    model, asked, noise, plan = problem
    *_, last = minimize(
        replace(plan, first_step=False, until_tolerance=False), asked.objective, model, asked.scene, noise
    )
    model.learnt = (last.best_noise - noise) / 20
    model.evaluations = 0
    begun = learned_start(asked, noise, plan.chain, verification(plan))
    assert begun.state.verified.iteration == -PASSES
    chain, exact = plan.chain.steps, verification(plan).chain.steps
    assert model.evaluations == exact + (1 + PASSES) * chain
    assert torch.equal(begun.sampled.noise, begun.state.noise)
    (gradient,) = torch.autograd.grad(begun.sampled.latent.sum(), begun.sampled.noise)
    assert gradient.any()


def test_nothing_learnt_changes_nothing(ask: Asking) -> None:
    """Without weights a search is planned as for a model that never had any, and so it is for goals it cannot show."""
    model, plain = Begins(), TinyModel()

    def planned(model: TinyModel, *controls: Control) -> methods.Plan:
        request = ask.request(*controls, method=Method.DITTO2)
        return methods.plan(request, model, methods.objective_of(request, model.scene(request), model))

    assert planned(model, ask.intensity()).first_step
    for controls in ((STRUCTURE,), (ask.melody(60),), (ask.intensity(), ask.melody(60))):
        assert planned(model, *controls) == planned(plain, *controls)
    model.trained_on = frozenset()
    assert planned(model, ask.intensity()) == planned(plain, ask.intensity())


def test_a_take_that_is_changed_does_not_begin_anew(ask: Asking) -> None:
    """Only `ditto2` from its seeds has the step: other methods are the papers', and a redraw stays near its take."""
    model = Begins()

    def planned(**changes: Any) -> bool:
        request = ask.request(ask.intensity(), **changes)
        objective = methods.objective_of(request, model.scene(request), model)
        return methods.plan(request, model, objective).first_step

    assert planned(method=Method.DITTO2)
    assert not any(
        planned(method=method) for method in (Method.DITTO, Method.DITTO_PAPER, Method.GUIDANCE, Method.NONE)
    )
    assert not planned(method=Method.DITTO2, budget=Budget(plain_start=True))

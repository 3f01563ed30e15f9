"""A learned first step: a network moves the noise towards the target before the first gradient step of a search.

There are three passes, each with one gradient and two more evaluations of the surrogate, nearly twice a gradient step.
The first works on the uncorrected surrogate. Its noise is verified by the exact chain, as in any step of the search,
and the other two work on the corrected surrogate, so that they also reduce the surrogate's error.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from .. import controls
from ..models.protocol import LearnedStep, Model, StepsFirst
from .anchor import anchor_of
from .balance import Balance, pull_at
from .best import per_item
from .objective import Evaluation, Objective
from .shell import Shell
from .state import SearchState
from .step import EPSILON
from .surrogate import Chain, Correction, Problem, Verification, Verified, latent_of

LONGEST_WAY = 0.1  # root mean square in deviations of the noise; whole searches move it by 0.05 to 0.2
PASSES_VERIFIED = 2  # after the first one and its verification


class Seen(NamedTuple):
    """A noise and its latent by the surrogate, each [batch, *noise_shape], and the surrogate's correction."""

    noise: Tensor
    latent: Tensor
    correction: Correction

    def evaluated(self, problem: Problem) -> Evaluation:
        """Return the evaluation of the corrected surrogate."""
        latent, spectrum = self.correction.applied(problem.model, problem.scene, self.latent)
        return problem.objective.evaluate(spectrum, latent)


def learned_step(model: Model) -> LearnedStep | None:
    """Return the learned step of `model`, None for models without one."""
    return model.learned_step if isinstance(model, StepsFirst) else None


def can_begin(model: Model, objective: Objective) -> bool:
    """Return whether `model` has a learned first step that was trained on every kind of goal in `objective`."""
    step = learned_step(model)
    return step is not None and all(
        goal.term.features is not None and controls.find(goal.kind).shown in step.knows for goal in objective.goals
    )


@torch.no_grad()
def begin(problem: Problem, noise: Tensor, chain: Chain, verification: Verification) -> SearchState:
    """Return the state before the first gradient step: item by item the best of `noise` and its learned steps.

    Without goals that have features the noise stays as it is, to the bit. `chain` is the surrogate.
    """
    model, scene, objective = problem
    seen = seen_by(problem, noise, chain)
    before = seen.evaluated(problem)
    if not objective.features(before.spectrum, before.latent):
        return SearchState.fresh(noise)
    anchor = anchor_of(model, objective, before.latent, before.spectrum)
    seen, _ = _better(problem, seen, before.total, chain, anchor)
    exact = latent_of(model, scene, seen.noise, verification.chain, checkpoint=False)
    found = verification.verify(problem, seen.latent, exact, seen.correction, thorough=True)
    state = SearchState.fresh(seen.noise)
    best = state.best.updated(seen.noise, found.evaluation) if found.exact else state.best
    seen = seen._replace(correction=found.correction)
    total = found.evaluation.total
    for _ in range(PASSES_VERIFIED):
        seen, total = _better(problem, seen, total, chain, anchor)
    return replace(
        state,
        noise=seen.noise,
        best=best,
        anchor=anchor,
        correction=found.correction,
        verified=Verified(count=1, iteration=0),
        pace=state.pace.after_verification(found.evaluation.total),
    )


def _better(problem: Problem, seen: Seen, total: Tensor, chain: Chain, anchor: Tensor) -> tuple[Seen, Tensor]:
    """Return `seen` after one pass where that lowers its `total` [batch], item by item, and the new total."""
    moved = stepped(problem, seen, chain, anchor)
    latent = latent_of(problem.model, problem.scene, moved, chain, checkpoint=False)
    after = seen._replace(noise=moved, latent=latent).evaluated(problem).total
    is_better = after < total
    better = per_item(is_better, moved)
    kept = seen._replace(noise=torch.where(better, moved, seen.noise), latent=torch.where(better, latent, seen.latent))
    return kept, torch.where(is_better, after, total)


def seen_by(problem: Problem, noise: Tensor, chain: Chain) -> Seen:
    """Return `noise` [batch, *noise_shape] with its latent by the surrogate `chain`, without a correction."""
    return Seen(noise, latent_of(problem.model, problem.scene, noise, chain, checkpoint=False), Correction())


def stepped(problem: Problem, seen: Seen, chain: Chain, anchor: Tensor) -> Tensor:
    """Return the noise after one pass of the learned step, projected onto the shell: [batch, *noise_shape].

    It carries the gradient to the weights of the step, for its training.
    """
    model, scene, objective = problem
    step = learned_step(model)
    assert step is not None
    way = _way_down(problem, seen, chain)
    with torch.no_grad():
        own, spectrum = seen.correction.applied(model, scene, seen.latent)
        features = objective.features(spectrum, own)
        shown, spectrum = seen.correction.applied(model, scene, step.shown(seen.noise, scene))
        latents = torch.stack([own, anchor_of(model, objective, shown, spectrum), anchor])
    change = step.change(seen.noise, way, latents, features, scene)
    moved = Shell().projected(seen.noise + change, scene.time_axis, layered=bool(scene.layers))
    return torch.where(_still(change), seen.noise, moved)


@torch.enable_grad()
def _way_down(problem: Problem, seen: Seen, chain: Chain) -> Tensor:
    """Return a gradient step [batch, *noise_shape] down the balanced losses, of Polyak's length (1969).

    For a sum of squares that is linear in the noise the step ends at the minimum; it is cut to `LONGEST_WAY`.
    """
    model, scene, objective = problem
    noise = seen.noise.detach().requires_grad_(True)
    latent = latent_of(model, scene, noise, chain, checkpoint=False)
    at = latent.detach().requires_grad_(True)
    shifted, spectrum = seen.correction.applied(model, scene, at)
    evaluation = objective.evaluate(spectrum, shifted)
    pull, height = pull_at(at, objective, evaluation, Balance().scales({}, evaluation, at, 0))
    (gradient,) = torch.autograd.grad(latent, noise, pull)
    steepness = gradient.flatten(1).square().sum(1).clamp_min(EPSILON)
    way = -per_item(2 * height / steepness, gradient) * gradient
    length = way.flatten(1).square().mean(1).sqrt().clamp_min(EPSILON)
    return (way * per_item((LONGEST_WAY / length).clamp_max(1), way)).detach()


def _still(change: Tensor) -> Tensor:
    """Return which items or layers of `change` [batch, (layers,) frames, channels] are 0, to keep them to the bit."""
    return ~change.flatten(-2).any(-1)[..., None, None]

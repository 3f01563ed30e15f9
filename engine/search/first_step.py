"""A learned first step: a network moves the noise towards the target before the first gradient step of a search.

The start is verified once by the exact chain. Each pass then costs a gradient, which the network is shown, and one
evaluation of the model that is shown what is asked; its outcome is evaluated by the pass or step after it, or left.
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
PASSES = 3  # at most


class Seen(NamedTuple):
    """A noise that is a leaf of the graph, its latent by the surrogate, each [batch, *noise_shape], and the correction.

    With its graph the latent serves the step after it, too.
    """

    noise: Tensor
    latent: Tensor
    correction: Correction

    def evaluated(self, problem: Problem) -> Evaluation:
        """Return the evaluation of the corrected surrogate, without a gradient."""
        latent, spectrum = self.correction.applied(problem.model, problem.scene, self.latent.detach())
        return problem.objective.evaluate(spectrum, latent)


class Begun(NamedTuple):
    """The state before the first gradient step, and its noise as it was seen last."""

    state: SearchState
    seen: Seen


def learned_step(model: Model) -> LearnedStep | None:
    """Return the learned step of `model`, None for models without one."""
    return model.learned_step if isinstance(model, StepsFirst) else None


def can_begin(model: Model, objective: Objective) -> bool:
    """Return whether `model` has a learned first step that was trained on every kind of goal in `objective`."""
    step = learned_step(model)
    return step is not None and all(
        goal.term.features is not None and controls.find(goal.kind).feature in step.trained_on
        for goal in objective.goals
    )


@torch.no_grad()
def begin(problem: Problem, noise: Tensor, chain: Chain, verification: Verification) -> Begun:
    """Return the state before the first gradient step: `noise` after as many learned passes as bring it nearer.

    Without goals that have features the noise stays as it is, to the bit. `chain` is the surrogate.
    """
    model, scene, objective = problem
    seen, state = seen_by(problem, noise, chain), SearchState.fresh(noise)
    before = seen.evaluated(problem)
    if not objective.features(before.spectrum, before.latent):
        return Begun(state, seen)
    exact = latent_of(model, scene, noise, verification.chain, checkpoint=False)
    found = verification.verify(problem, seen.latent.detach(), exact, seen.correction, thorough=False)
    state = replace(
        state,
        best=state.best.updated(noise, found.evaluation, exact=found.exact),
        anchor=anchor_of(model, objective, exact, found.evaluation.spectrum),
        correction=found.correction,
        pace=state.pace.after_verification(found.evaluation.total),
    )
    seen, passes = _nearer(problem, seen._replace(correction=found.correction), state, chain, verification)
    return Begun(replace(state, noise=seen.noise.detach(), verified=Verified(count=1, iteration=-passes)), seen)


def _nearer(
    problem: Problem, seen: Seen, state: SearchState, chain: Chain, verification: Verification
) -> tuple[Seen, int]:
    """Return `seen` after the passes that lower its total in every item, until it is worth a verification."""
    assert state.anchor is not None
    now = seen.evaluated(problem)
    for done in range(PASSES):
        if (now.farthest <= verification.BELIEVED).all():
            return seen, done
        moved = seen_by(problem, stepped(problem, seen, state.anchor), chain)._replace(correction=seen.correction)
        after = moved.evaluated(problem)
        if not (after.total < now.total).all():
            return seen, done
        seen, now = moved, after
    return seen, PASSES


@torch.enable_grad()
def seen_by(problem: Problem, noise: Tensor, chain: Chain) -> Seen:
    """Return `noise` [batch, *noise_shape] with its latent by the surrogate `chain`, without a correction."""
    leaf = noise.detach().requires_grad_(True)
    return Seen(leaf, latent_of(problem.model, problem.scene, leaf, chain, checkpoint=False), Correction())


def stepped(problem: Problem, seen: Seen, anchor: Tensor) -> Tensor:
    """Return the noise after one pass of the learned step, projected onto the shell: [batch, *noise_shape].

    It carries the gradient to the weights of the step, for its training.
    """
    model, scene, objective = problem
    step = learned_step(model)
    assert step is not None
    noise, way = seen.noise.detach(), _way_down(problem, seen)
    with torch.no_grad():
        own, spectrum = seen.correction.applied(model, scene, seen.latent.detach())
        features = objective.features(spectrum, own)
        conditioned, spectrum = seen.correction.applied(model, scene, step.conditioned_latent(noise, scene))
        latents = torch.stack([own, anchor_of(model, objective, conditioned, spectrum), anchor])
    change = step.change(noise, way, latents, features, scene)
    moved = Shell().projected(noise + change, scene.time_axis, layered=bool(scene.layers))
    return torch.where(_still(change), noise, moved)


@torch.enable_grad()
def _way_down(problem: Problem, seen: Seen) -> Tensor:
    """Return a gradient step [batch, *noise_shape] down the balanced losses, of Polyak's length (1969).

    For a sum of squares that is linear in the noise the step ends at the minimum; it is cut to `LONGEST_WAY`.
    """
    model, scene, objective = problem
    at = seen.latent.detach().requires_grad_(True)
    shifted, spectrum = seen.correction.applied(model, scene, at)
    evaluation = objective.evaluate(spectrum, shifted)
    pull, height = pull_at(at, objective, evaluation, Balance().scales({}, evaluation, at, 0))
    (gradient,) = torch.autograd.grad(seen.latent, seen.noise, pull, retain_graph=True)
    steepness = gradient.flatten(1).square().sum(1).clamp_min(EPSILON)
    way = -per_item(2 * height / steepness, gradient) * gradient
    length = way.flatten(1).square().mean(1).sqrt().clamp_min(EPSILON)
    return (way * per_item((LONGEST_WAY / length).clamp_max(1), way)).detach()


def _still(change: Tensor) -> Tensor:
    """Return which items or layers of `change` [batch, (layers,) frames, channels] are 0, to keep them to the bit."""
    return ~change.flatten(-2).any(-1)[..., None, None]

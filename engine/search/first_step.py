"""A learned first step: a network moves the noise towards the target before the first gradient step of a search.

The start is verified once by the exact chain. Each pass then costs one gradient and one evaluation of the model with
the targets as control inputs, which are both inputs of the network. The outcome of a pass is evaluated by the pass or
step after it; one that is no nearer is dropped.
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

LONGEST_STEP = 0.1  # root mean square in deviations of the noise; whole searches move it by 0.05 to 0.2
PASSES = 3  # at most


class Sampled(NamedTuple):
    """A noise with the latent that the surrogate makes of it, each [batch, *noise_shape], and the correction.

    The noise is a leaf of the graph. The latent keeps its graph, so that the step after it need not sample again.
    """

    noise: Tensor
    latent: Tensor
    correction: Correction

    def evaluated(self, problem: Problem) -> Evaluation:
        """Return the evaluation of the corrected surrogate, without a gradient."""
        latent, spectrum = self.correction.applied(problem.model, problem.scene, self.latent.detach())
        return problem.objective.evaluate(spectrum, latent)


class LearnedStart(NamedTuple):
    """The state before the first gradient step, and its noise as it was sampled last."""

    state: SearchState
    sampled: Sampled


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
def learned_start(problem: Problem, noise: Tensor, chain: Chain, verification: Verification) -> LearnedStart:
    """Return the state before the first gradient step: `noise` after as many learned passes as bring it nearer.

    Without goals that have features the noise stays as it is, to the bit. `chain` is the surrogate.
    """
    model, scene, objective = problem
    sampled, state = sampled_by(problem, noise, chain), SearchState.fresh(noise)
    before = sampled.evaluated(problem)
    if not objective.features(before.spectrum, before.latent):
        return LearnedStart(state, sampled)
    exact = latent_of(model, scene, noise, verification.chain, checkpoint=False)
    found = verification.verify(problem, sampled.latent.detach(), exact, sampled.correction, thorough=False)
    state = replace(
        state,
        best=state.best.updated(noise, found.evaluation, exact=found.exact),
        anchor=anchor_of(model, objective, exact, found.evaluation.spectrum),
        correction=found.correction,
        pace=state.pace.after_verification(found.evaluation.total),
    )
    sampled, passes = _after_passes(problem, sampled._replace(correction=found.correction), state, chain, verification)
    return LearnedStart(
        replace(state, noise=sampled.noise.detach(), verified=Verified(count=1, iteration=-passes)), sampled
    )


def _after_passes(
    problem: Problem, sampled: Sampled, state: SearchState, chain: Chain, verification: Verification
) -> tuple[Sampled, int]:
    """Return `sampled` after the passes that lower its total in every item, until it is worth a verification."""
    assert state.anchor is not None
    now = sampled.evaluated(problem)
    for done in range(PASSES):
        if (now.farthest <= verification.BELIEVED).all():
            return sampled, done
        moved = sampled_by(problem, stepped(problem, sampled, state.anchor), chain)._replace(
            correction=sampled.correction
        )
        after = moved.evaluated(problem)
        if not (after.total < now.total).all():
            return sampled, done
        sampled, now = moved, after
    return sampled, PASSES


@torch.enable_grad()
def sampled_by(problem: Problem, noise: Tensor, chain: Chain) -> Sampled:
    """Return `noise` [batch, *noise_shape] with the latent that the surrogate `chain` makes of it, uncorrected."""
    leaf = noise.detach().requires_grad_(True)
    return Sampled(leaf, latent_of(problem.model, problem.scene, leaf, chain, checkpoint=False), Correction())


def stepped(problem: Problem, sampled: Sampled, anchor: Tensor) -> Tensor:
    """Return the noise after one pass of the learned step, projected onto the shell: [batch, *noise_shape].

    It carries the gradient to the weights of the step, for its training.
    """
    model, scene, objective = problem
    step = learned_step(model)
    assert step is not None
    noise, descent = sampled.noise.detach(), _polyak_step(problem, sampled)
    with torch.no_grad():
        latent, spectrum = sampled.correction.applied(model, scene, sampled.latent.detach())
        features = objective.features(spectrum, latent)
        conditioned, spectrum = sampled.correction.applied(model, scene, step.conditioned_latent(noise, scene))
        latents = torch.stack([latent, anchor_of(model, objective, conditioned, spectrum), anchor])
    change = step.change(noise, descent, latents, features, scene)
    moved = Shell().projected(noise + change, scene.time_axis, layered=bool(scene.layers))
    return torch.where(_still(change), noise, moved)


@torch.enable_grad()
def _polyak_step(problem: Problem, sampled: Sampled) -> Tensor:
    """Return a step [batch, *noise_shape] down the gradient of the balanced losses, of Polyak's length (1969).

    For a sum of squares that is linear in the noise the step ends at the minimum; it is cut to `LONGEST_STEP`.
    """
    model, scene, objective = problem
    at = sampled.latent.detach().requires_grad_(True)
    shifted, spectrum = sampled.correction.applied(model, scene, at)
    evaluation = objective.evaluate(spectrum, shifted)
    pull, loss = pull_at(at, objective, evaluation, Balance().scales({}, evaluation, at, 0))
    (gradient,) = torch.autograd.grad(sampled.latent, sampled.noise, pull, retain_graph=True)
    steepness = gradient.flatten(1).square().sum(1).clamp_min(EPSILON)
    descent = -per_item(2 * loss / steepness, gradient) * gradient
    length = descent.flatten(1).square().mean(1).sqrt().clamp_min(EPSILON)
    return (descent * per_item((LONGEST_STEP / length).clamp_max(1), descent)).detach()


def _still(change: Tensor) -> Tensor:
    """Return for which items or layers `change` [batch, (layers,) frames, channels] is 0: these keep their noise."""
    return ~change.flatten(-2).any(-1)[..., None, None]

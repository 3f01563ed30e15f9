"""DITTO: optimise the initial noise through the sampling chain (Novack et al. 2024, arXiv:2401.12179).

    x_T* = argmin  L( f(decode(sample(x_T))),  y )        x_T is `noise` below

`minimize` is a generator: its caller owns time, progress and stopping, and every step holds the best noise so far.
Steps are counted, not timed, so that the same seed and number of steps give the same path; the state of any step
resumes it. This module is the loop; `engine.search.methods` combines the parts that decide on each step.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..models.hardware import telling_exhaustion
from ..models.protocol import Model, Scene
from .anchor import anchor_of, anchored
from .balance import pull_at
from .best import per_item
from .first_step import Sampled, learned_start
from .inversion import inverted_where_kept
from .methods import Plan
from .objective import Evaluation, Objective
from .report import Step
from .state import SearchState
from .step import EPSILON
from .surrogate import Problem, Verified, latent_of


def minimize(
    plan: Plan,
    objective: Objective,
    model: Model,
    scene: Scene,
    noise: Tensor,
    *,
    resume: SearchState | None = None,
    near: Tensor | None = None,
) -> Iterator[Step]:
    """Yield one step per evaluation until the tolerances or the plan's end; start at `noise` [batch, *noise_shape].

    The search stays near the latent `near` [batch, *noise_shape], by default the one that `noise` gives. Raises
    `NonFiniteLossError` naming the control whose loss is inf or nan, and `OutOfMemoryError`; the last step that was
    yielded holds the best noise.
    """
    problem, started = Problem(model, scene, objective), time.perf_counter()
    search = _Search(plan, problem)
    state, sampled = (resume, None) if resume else _initial_state(plan, problem, noise, near)
    while True:
        last = state.iteration >= plan.steps
        with telling_exhaustion("optimising"):
            state, step = search.step(state, sampled, last=last)
        sampled = None
        yield replace(step, seconds=time.perf_counter() - started)
        if last or (plan.until_tolerance and step.reached):
            return


def _initial_state(
    plan: Plan, problem: Problem, noise: Tensor, near: Tensor | None
) -> tuple[SearchState, Sampled | None]:
    """Return the state before the first gradient step, after inversion or a learned step if the plan has one.

    After a learned step its noise comes with it as it was sampled last.
    """
    if plan.inverts:
        noise = inverted_where_kept(problem, noise, plan.decode)
    if not plan.first_step or plan.verification is None:
        state, (model, scene, objective) = SearchState.fresh(noise), problem
        anchor = None if near is None else anchor_of(model, objective, near, model.listen(near, scene))
        return replace(state, anchor=anchor), None
    return learned_start(problem, noise, plan.chain, plan.verification)


class _Evaluated(NamedTuple):
    """The surrogate's evaluation at the latent `at`, a leaf of the graph, with the state and the step after it."""

    state: SearchState
    step: Step
    evaluation: Evaluation
    at: Tensor


@dataclass(frozen=True, slots=True)
class _Search:
    """One step: evaluate the noise, verify the evaluation where that is due, and move unless the search ends."""

    plan: Plan
    problem: Problem

    def step(self, state: SearchState, sampled: Sampled | None, *, last: bool) -> tuple[SearchState, Step]:
        """Return the state after one step, and its report; with `last` the noise is evaluated and does not move.

        `sampled` has the noise with its latent, where that is known.
        """
        model, scene, _ = self.problem
        with torch.set_grad_enabled(not last):
            if sampled is None:
                noise = state.noise.detach().requires_grad_(not last)
                latent = latent_of(model, scene, noise, self.plan.chain, checkpoint=self.plan.recompute)
            else:
                noise, latent = sampled.noise, sampled.latent
            evaluated = None if last or self._is_due(state) else self._evaluate(state, latent)
            exact, delivered = None, None
            if self._is_verified(evaluated):
                evaluated = None  # it used the correction before
                state, exact, delivered = self._verify(state, latent.detach(), last=last)
            step = exact
            if step is None or not (last or (step.reached and self.plan.until_tolerance)):
                evaluated = evaluated or self._evaluate(state, latent)
                state = evaluated.state if last else self._moved(evaluated, noise, latent)
                step = replace(exact or evaluated.step, state=state)
        at_hand = delivered is not None and torch.equal(step.best_noise, noise)
        return state, replace(step, latent=delivered if at_hand else None)

    def _is_due(self, state: SearchState) -> bool:
        verification = self.plan.verification
        return verification is not None and verification.is_due(state.verified, state.iteration)

    def _is_verified(self, evaluated: _Evaluated | None) -> bool:
        verification = self.plan.verification
        if verification is None or evaluated is None:
            return verification is not None
        return verification.is_worth_it(evaluated.state.verified, evaluated.state.iteration, evaluated.evaluation)

    def _evaluate(self, state: SearchState, latent: Tensor) -> _Evaluated:
        """Return the evaluation of `latent` [batch, *noise_shape], corrected if it is a surrogate's."""
        model, scene, objective = self.problem
        at = latent.detach().requires_grad_(torch.is_grad_enabled())
        shifted, spectrum = state.correction.applied(model, scene, at)
        evaluation = objective.evaluate(spectrum, shifted)
        if self.plan.verification is None:
            return _Evaluated(*self._noted(state, evaluation), evaluation, at)
        evaluation.check_finite(state.iteration)
        step = Step.of(state, evaluation, steps=self.plan.steps, exact=False)
        return _Evaluated(replace(state, pace=state.pace.after_surrogate(evaluation.total)), step, evaluation, at)

    def _verify(
        self, state: SearchState, surrogate: Tensor, *, last: bool
    ) -> tuple[SearchState, Step | None, Tensor | None]:
        """Evaluate exactly; return the corrected state, the step if it was exact, and the latent if it is delivered."""
        model, scene, _ = self.problem
        verification, verified = self.plan.verification, state.verified
        assert verification is not None
        with torch.no_grad():
            same = verification.chain == self.plan.chain
            exact = surrogate if same else latent_of(model, scene, state.noise, verification.chain)
            found = verification.verify(self.problem, surrogate, exact, state.correction, thorough=last)
        state = replace(
            state,
            correction=found.correction,
            verified=Verified(verified.count + 1, state.iteration),
            pace=state.pace.after_verification(found.evaluation.total),
        )
        delivered = exact if verification.chain == self.plan.decode else None
        state, step = self._noted(state, found.evaluation, exact=found.exact)
        return state, step if found.exact else None, delivered

    def _noted(self, state: SearchState, evaluation: Evaluation, *, exact: bool = True) -> tuple[SearchState, Step]:
        """Return the state with the better of its noise and the best so far, and the report of the step."""
        evaluation.check_finite(state.iteration)
        state = replace(state, best=state.best.updated(state.noise, evaluation, exact=exact))
        return state, Step.of(state, evaluation, steps=self.plan.steps, exact=exact)

    def _moved(self, evaluated: _Evaluated, noise: Tensor, latent: Tensor) -> SearchState:
        """Return the state one step down the gradient: balanced, anchored, sized, and back on the shell."""
        plan, (state, step, evaluation, at) = self.plan, evaluated
        model, scene, objective = self.problem
        scales = plan.balance.scales(state.scales, evaluation, at, state.iteration) if plan.balance else {}
        pull, loss = pull_at(at, objective, evaluation, scales)
        weight, anchor = plan.anchor.weight_at(state.iteration, objective) if plan.anchor else 0.0, state.anchor
        if weight:
            loss = loss / pull.flatten(1).norm(dim=1).clamp_min(EPSILON)
            if anchor is None:
                anchor = anchor_of(model, objective, evaluation.latent.detach(), evaluation.spectrum)
            pull = anchored(pull, model, objective, evaluation, anchor, weight, scene)
        (gradient,) = torch.autograd.grad(latent, noise, pull)
        size = plan.step_size.at(max(step.distances.values()), weight, state.pace.rate)
        count = state.iteration + 1
        moments, update = plan.step_rule.move(state.moments, gradient, count, per_item(size, gradient))
        if plan.trust_region:
            update = plan.trust_region.cut(update, gradient, loss, evaluation.farthest)
        moved = state.noise - update
        if plan.shell:
            moved = plan.shell.projected(moved, scene.time_axis, layered=bool(scene.layers))
        if scene.layers:
            moved = _kept_where_still(moved, state.noise, moments.first)
        moved = moved.contiguous()  # as it is stored: sums over another layout end in other bits
        return replace(state, iteration=count, noise=moved, moments=moments, scales=scales, anchor=anchor)


def _kept_where_still(moved: Tensor, noise: Tensor, first: Tensor) -> Tensor:
    """Return `moved` [batch, layers, ...] with the layers that no gradient ever reached as they were, to the bit."""
    reached = (first != 0).flatten(2).any(2)
    return torch.where(reached.view(*reached.shape, *[1] * (noise.dim() - 2)), moved, noise)

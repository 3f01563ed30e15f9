"""DITTO: optimise the initial noise through the sampling chain (Novack et al. 2024, arXiv:2401.12179).

    x_T* = argmin  L( f(decode(sample(x_T))),  y )        x_T is `noise` below

`minimize` is a generator: its caller owns time, progress and cancelling, and has the best noise so far in
every step. Steps are counted, not timed, so that the same count replays the same path; the state of any
step resumes it. A plan has one or more phases (DITTO-2, arXiv:2405.20289: first through a few-step
surrogate, then through the chain that decodes); what is best is judged within a phase, by that phase's ear.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .errors import NonFiniteLossError, OutOfMemoryError
from .models.protocol import Model, Sampler, Scene
from .sampling import sample
from .saved import SavedState
from .shell import on_shell
from .spectrum import Spectrum
from .targets import Objective, sum_of

BETAS = (0.9, 0.999)
EPSILON = 1e-8
BALANCE_EVERY = 8        # steps between looks at how hard each control pulls


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """How a noise becomes a latent."""

    steps: int
    sampler: Sampler


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of optimisation through one chain.

    `through_waveform` listens to what the latent's waveform really holds, where the model can (slower).
    """

    name: str
    chain: Chain
    iterations: int
    through_waveform: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A method as numbers: `phases` in turn, then the delivered loop is made by `decode`."""

    method: str
    phases: tuple[Phase, ...]
    decode: Chain
    learning_rate: float
    keep_on_shell: bool = True     # off in the papers
    balance: bool = True           # controls pull equally hard; off in the papers
    until_tolerance: bool = True
    checkpoint: bool = True

    @property
    def steps(self) -> int:
        """Most steps of all phases."""
        return sum(phase.iterations for phase in self.phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One evaluation. `losses` and `distances` (1 is good enough) are those of the batch's best item now.

    `best_noise` [batch, *noise_shape] and `best_total` [batch] are the best so far of this phase, item by item.
    `reached` says that the best of every item is within all tolerances. `latent` is set by guidance only.
    """

    index: int
    steps: int
    phase: str
    losses: dict[str, float]
    distances: dict[str, float]
    total: Tensor
    best_total: Tensor
    best_noise: Tensor
    reached: bool
    seconds: float
    state: SavedState
    latent: Tensor | None = None


def minimize(
    plan: Plan, objective: Objective, model: Model, scene: Scene, noise: Tensor, *, resume: SavedState | None = None
) -> Iterator[Step]:
    """Yield one step per evaluation until the tolerances or the plan's end; start at `noise` [batch, *noise_shape].

    Raises `NonFiniteLossError` naming the control whose loss is inf or nan, and `OutOfMemoryError`; the last
    step that was yielded holds the best noise.
    """
    state = resume or SavedState.fresh(noise)
    started = time.perf_counter()
    while state.phase < len(plan.phases):
        phase, last_phase = plan.phases[state.phase], state.phase == len(plan.phases) - 1
        last = state.iteration >= phase.iterations
        if last and not last_phase:
            state = state.next_phase()
            continue
        attempt = _Attempt(plan, phase, objective, model, scene)
        state, step = attempt.evaluate(state, with_gradient=not last)
        step = replace(step, index=_steps_before(plan, state) + step.index, seconds=time.perf_counter() - started)
        done = last or (plan.until_tolerance and step.reached)
        if done and last_phase:
            yield step
            return
        state = state.next_phase() if done else state
        yield replace(step, state=state)


def _steps_before(plan: Plan, state: SavedState) -> int:
    return sum(phase.iterations for phase in plan.phases[: state.phase])


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One evaluation of a phase, and the update that follows it."""

    plan: Plan
    phase: Phase
    objective: Objective
    model: Model
    scene: Scene

    def evaluate(self, state: SavedState, *, with_gradient: bool) -> tuple[SavedState, Step]:
        """Listen to the state's noise, note what is best, and move on along the gradient if asked to."""
        noise = state.noise.detach().requires_grad_(with_gradient)
        with torch.set_grad_enabled(with_gradient), _memory_errors():
            latent = self._latent(noise)
            heard = latent.detach().requires_grad_(with_gradient)
            spectrum = listen(self.model, heard, self.scene, through_waveform=self.phase.through_waveform)
            losses = self.objective.losses(spectrum, heard)
            _check(losses, state.iteration)
            distances = self.objective.distances(spectrum, heard)
            noted = self._note(state, losses, distances)
            step = self._step(noted, losses, distances)
            if with_gradient:
                scales, pull = self._pull(noted, losses, distances, heard)
                (gradient,) = torch.autograd.grad(latent, noise, pull)
                noted = replace(self._move(noted, gradient), scales=scales)
        return noted, replace(step, state=noted)

    def _latent(self, noise: Tensor) -> Tensor:
        chain = self.phase.chain
        schedule = self.model.schedule(chain.steps, self.scene)
        return sample(self.model, self.scene, noise, schedule, chain.sampler, checkpoint=self.plan.checkpoint)

    def _note(self, state: SavedState, losses: dict[str, Tensor], distances: dict[str, Tensor]) -> SavedState:
        total = self.objective.total(losses).detach()
        reached = torch.stack(list(distances.values())).amax(0) <= 1
        # Within all tolerances counts before a lower sum: a sum can fall while one control leaves its bar.
        better = (reached & ~state.best_reached) | ((reached == state.best_reached) & (total < state.best_total))
        return replace(
            state,
            best_total=torch.where(better, total, state.best_total),
            best_reached=torch.where(better, reached, state.best_reached),
            best_noise=torch.where(_as_items(better, state.noise), state.noise, state.best_noise),
            total=total,
        )

    def _step(self, state: SavedState, losses: dict[str, Tensor], distances: dict[str, Tensor]) -> Step:
        item = int(state.total.argmin())
        return Step(
            index=state.iteration, steps=self.plan.steps, phase=self.phase.name,
            losses={name: float(loss.detach()[item]) for name, loss in losses.items()},
            distances={name: float(distance[item]) for name, distance in distances.items()},
            total=state.total, best_total=state.best_total, best_noise=state.best_noise,
            reached=bool(state.best_reached.all()), seconds=0.0, state=state,
        )

    def _pull(
        self, state: SavedState, losses: dict[str, Tensor], distances: dict[str, Tensor], heard: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the scale of each control and the gradient of their weighted sum at the latent."""
        scales = state.scales
        if self.plan.balance and len(losses) > 1 and (not scales or state.iteration % BALANCE_EVERY == 0):
            scales = self._scales(losses, heard)
        weighted = [
            goal.weight * losses[goal.name] * (_urgency(distances[goal.name]) * scales[goal.name] if scales else 1)
            for goal in self.objective.goals
        ]
        (pull,) = torch.autograd.grad(sum_of(weighted).sum(), heard)
        return scales, pull

    def _scales(self, losses: dict[str, Tensor], heard: Tensor) -> dict[str, Tensor]:
        scales = {}
        for name, loss in losses.items():
            (gradient,) = torch.autograd.grad(loss.sum(), heard, retain_graph=True)
            scales[name] = 1 / gradient.flatten(1).norm(dim=1).clamp_min(1e-9)
        return scales

    def _move(self, state: SavedState, gradient: Tensor) -> SavedState:
        """Adam (Kingma and Ba 2015), then back onto the shell."""
        count = state.iteration + 1
        first = BETAS[0] * state.first_moment + (1 - BETAS[0]) * gradient
        second = BETAS[1] * state.second_moment + (1 - BETAS[1]) * gradient.square()
        ahead = first / (1 - BETAS[0] ** count)
        spread = (second / (1 - BETAS[1] ** count)).sqrt() + EPSILON
        noise = state.noise - self.plan.learning_rate * ahead / spread
        if self.plan.keep_on_shell:
            noise = on_shell(noise, self.scene.time_axis)
        return replace(state, noise=noise, first_moment=first, second_moment=second, iteration=count)


def listen(model: Model, latent: Tensor, scene: Scene, *, through_waveform: bool) -> Spectrum:
    """Return what is heard of `latent`: through its real waveform where that is asked for and the model can."""
    through = getattr(model, "listen_through", None)
    if through_waveform and through is not None:
        spectrum: Spectrum = through(latent, scene)
        return spectrum
    return model.listen(latent, scene)


def _urgency(distance: Tensor) -> Tensor:
    # What is within its tolerance still pulls a little, or it would leave again at once.
    return distance.clamp(0.3, 3.0)


def _as_items(choice: Tensor, noise: Tensor) -> Tensor:
    return choice.view(-1, *[1] * (noise.dim() - 1))


def _check(losses: dict[str, Tensor], iteration: int) -> None:
    for name, loss in losses.items():
        if not torch.isfinite(loss).all():
            raise NonFiniteLossError(f"The loss of {name} was {float(loss.detach().max()):g} at step {iteration + 1}.")


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError("The accelerator ran out of memory while optimising.") from error
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise OutOfMemoryError("The computer ran out of memory while optimising.") from error

"""DITTO: optimise the initial noise through the sampling chain (Novack et al. 2024, arXiv:2401.12179).

    x_T* = argmin  L( f(decode(sample(x_T))),  y )        x_T is `noise` below

`minimize` is a generator: its caller owns time, progress and cancelling, and has the best noise so far in
every step. Steps are counted, not timed, so that the same count replays the same path; the state of any
step resumes it. `engine.search.methods` makes the plans, `engine.search.surrogate` says what a step hears.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import NonFiniteLossError, OutOfMemoryError
from ..models.protocol import Model, Scene
from .anchor import anchor_of, held, nearest_frames, out_of_character
from .objective import Objective, headroom, sum_of
from .shell import on_shell
from .state import SavedState
from .surrogate import Chain, Ear, can_listen_through, corrected, latent_of, listen, waveform_gaps

EPSILON = 1e-8
BALANCE_EVERY = 6  # steps between looks at how hard each control pulls
LEAST_URGENCY, MOST_URGENCY = 0.3, 4.0
BRISK = 2.0  # so much longer are steps for each unit of hold: the way out follows the leash as it lengthens
NEARLY = 2.0  # times its tolerance: so near, the true ear listens
FAR = 20.0  # times its tolerance: from here on a search goes at its full rate
BELIEVED, BETWEEN_LOOKS = 0.7, 2  # times its tolerance: where the surrogate believes itself, so many steps after a look
WORSE, SLOW_DOWN, SLOWEST = 1.2, 0.6, 0.2  # what has got worse by a fifth goes on in shorter steps,
SPEED_UP = 1.05  # which grow back
AIM, LEAST_AIM = 0.4, 0.1  # times its tolerance: where a near search aims; and what of its room a step may always use

Losses = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A method as numbers: at most `steps` steps whose gradient goes through `chain`; the loop is made by `decode`.

    With `check` the chain is only a surrogate (DITTO-2, arXiv:2405.20289): as soon as it believes itself at the target,
    and after `check_every` steps at the latest, the true ear listens, decides what is best and when to stop, and
    corrects the surrogate by what it hears otherwise.
    """

    method: str
    chain: Chain
    steps: int
    decode: Chain
    learning_rate: float
    betas: tuple[float, float] = (0.5, 0.9)  # Adam's; short memories, for the loss is the same at every step
    adaptivity: float = 0.5  # how far each coordinate has a step length of its own: 1 is Adam
    check: Ear | None = None
    check_every: int = 6
    near: bool = False  # starts at a take: the true ear hears what it heard last, and no step leaps over its target
    eases: bool = True  # steps get shorter towards the target, or they would leap over it; off in the papers
    hold: float = 0.0  # 1 holds a loop to what it was as hard as its controls say; not in the papers
    slackens: float = 1.0  # what a step leaves of the hold: the leash lengthens until the target is within reach
    keep_on_shell: bool = True  # off in the papers
    balance: bool = True  # controls pull equally hard; off in the papers
    until_tolerance: bool = True
    checkpoint: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One evaluation. `losses` and `distances` (1 is good enough) are those of the batch's best item now.

    `checked` says that they are what the true ear hears, not the surrogate. `best_noise` [batch, *noise_shape] and
    `best_total` [batch] are the best so far, item by item, by the true ear alone; `reached` says that
    the best of every item is within all tolerances. `latent` is that of `best_noise` where it is at hand.
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
    checked: bool = True
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
    attempt = _Attempt(plan, objective, model, scene)
    while True:
        last = state.iteration >= plan.steps
        with _memory_errors():
            state, step = attempt.evaluate(state, moving=not last)
        yield replace(step, seconds=time.perf_counter() - started)
        if last or (plan.until_tolerance and step.reached):
            return


class _Heard(NamedTuple):
    """What a step hears of the corrected surrogate; `distances` [batch] are all items', the step's the best one's.

    `room` [batch] is how much a step that follows the pull may promise.
    """

    state: SavedState
    step: Step
    pull: Tensor
    distances: Losses
    room: Tensor


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One evaluation, and the update that follows it."""

    plan: Plan
    objective: Objective
    model: Model
    scene: Scene

    def evaluate(self, state: SavedState, *, moving: bool) -> tuple[SavedState, Step]:
        """Listen to the state's noise, note what is best, and move on along the gradient if asked to."""
        with torch.set_grad_enabled(moving):
            noise = state.noise.detach().requires_grad_(moving)
            latent = latent_of(self.model, self.scene, noise, self.plan.chain, checkpoint=self.plan.checkpoint)
            step, looked = None, None
            heard = latent.detach().requires_grad_(moving)
            found = None if not moving or self._long_since_a_look(state) else self._listen(state, heard)
            if self.plan.check is not None and (found is None or self._believes(state, found.distances)):
                state, step, looked = self._check(state, latent.detach(), self.plan.check, last=not moving)
                found = None  # what was heard before the look was by another surrogate
            if not moving or (step is not None and step.reached and self.plan.until_tolerance):
                state, step = (state, step) if step else self._listen(state, heard)[:2]
                return state, replace(step, latent=self._at_hand(step, noise, looked))
            state, own, pull, _, room = found or self._listen(state, heard)
            (gradient,) = torch.autograd.grad(latent, noise, pull)
        state, step = self._move(state, gradient, self._haste(own), room), step or own
        return state, replace(step, state=state, latent=self._at_hand(step, noise, looked))

    def _long_since_a_look(self, state: SavedState) -> bool:
        """Whether a look is due whatever is heard."""
        return self.plan.check is not None and (
            not state.looks or state.iteration - state.looked_at >= self.plan.check_every
        )

    def _believes(self, state: SavedState, distances: Losses) -> bool:
        """Whether by what the surrogate hears all controls are where they should be, not right after a look."""
        settled = state.iteration - state.looked_at >= BETWEEN_LOOKS
        return settled and bool((_farthest(distances) <= BELIEVED).all())

    def _at_hand(self, step: Step, noise: Tensor, looked: Tensor | None) -> Tensor | None:
        """Return the latent that a look made of `noise`, if that is the step's best and was made as it is delivered."""
        if looked is None or self.plan.check is None or self.plan.check.chain != self.plan.decode:
            return None
        return looked if torch.equal(step.best_noise, noise) else None

    def _check(
        self, state: SavedState, surrogate: Tensor, ear: Ear, *, last: bool
    ) -> tuple[SavedState, Step | None, Tensor]:
        """Find by what the surrogate hears otherwise than the true ear; the waveform is asked only now and then.

        Returns a step where the true ear itself listened: at every second look, at the last, and where the chain with
        what is known of the waveform says that the target is near. The latent that it looked at is always returned.
        """
        with torch.no_grad():
            same = ear.chain == self.plan.chain
            latent = surrogate if same else latent_of(self.model, self.scene, state.noise, ear.chain)
            found = state.corrections | {"latent": latent - surrogate}
            spectrum = corrected(self.model, self.scene, surrogate, found)[1]
            distances = self.objective.distances(spectrum, latent)
            near = bool((_farthest(distances) <= NEARLY).all())
            has_waveform = ear.through_waveform and can_listen_through(self.model)
            asks_waveform = has_waveform and (last or near or self.plan.near or state.looks % 2 == 1)
            if asks_waveform:
                spectrum = listen(self.model, self.scene, latent, through_waveform=True)
                distances = self.objective.distances(spectrum, latent)
                found |= waveform_gaps(self.model, self.scene, latent, spectrum)
            losses = self.objective.losses(spectrum, latent)
            total = self.objective.total(losses, spectrum)
            state = self._looked(state, found, total)
            if has_waveform and not asks_waveform:
                return state, None, latent
            return *self._note(state, losses, distances, total), latent

    @staticmethod
    def _looked(state: SavedState, found: dict[str, Tensor], total: Tensor) -> SavedState:
        """Note what a look found; the surrogate that it corrects is another, and nothing it heard before compares."""
        return replace(
            state,
            corrections=found,
            looks=state.looks + 1,
            looked_at=state.iteration,
            looked_total=total,
            heard_total=torch.full_like(total, torch.inf),
            rate=_paced(state.rate, total, state.looked_total),
        )

    def _listen(self, state: SavedState, latent: Tensor) -> _Heard:
        """Hear the corrected surrogate; return the pull of all controls at the latent, too."""
        shifted, spectrum = corrected(self.model, self.scene, latent, state.corrections)
        losses = self.objective.losses(spectrum, shifted)
        distances, total = self.objective.distances(spectrum, shifted), self.objective.total(losses, spectrum).detach()
        if self.plan.check is not None:
            _check_finite(losses, state.iteration)
            step = self._step(state, losses, distances, total, checked=False)
            state = replace(state, heard_total=total, rate=_paced(state.rate, total, state.heard_total))
        else:
            state, step = self._note(state, losses, distances, total)
        if not latent.requires_grad:
            return _Heard(state, step, torch.zeros_like(latent), distances, torch.zeros_like(total))
        scales, pull, height = self._pull(state, losses, distances, headroom(spectrum), latent)
        state = replace(state, scales=scales)
        if hold := self._hold(state):
            known, height = state.anchor, height / pull.flatten(1).norm(dim=1).clamp_min(EPSILON)
            anchor = anchor_of(self.model, self.objective, shifted.detach(), spectrum) if known is None else known
            where, axis = shifted.detach(), self.scene.time_axis
            towards = nearest_frames(where, anchor, axis) if self.objective.any_time else anchor
            state, pull = replace(state, anchor=anchor), held(pull, where, towards, hold)
            if self.objective.any_time:
                pull = pull + out_of_character(self.model, where, anchor)
        return _Heard(state, step, pull, distances, height * _room(_farthest(distances)))

    def _note(self, state: SavedState, losses: Losses, distances: Losses, total: Tensor) -> tuple[SavedState, Step]:
        """Compare with the best so far, item by item."""
        _check_finite(losses, state.iteration)
        reached = _farthest(distances) <= 1
        # Within all tolerances counts before a lower sum: a sum can fall while one control leaves its bar.
        better = (reached & ~state.best_reached) | ((reached == state.best_reached) & (total < state.best_total))
        noted = replace(
            state,
            best_total=torch.where(better, total, state.best_total),
            best_reached=torch.where(better, reached, state.best_reached),
            best_noise=torch.where(_as_items(better, state.noise), state.noise, state.best_noise),
        )
        return noted, self._step(noted, losses, distances, total, checked=True)

    def _step(
        self,
        state: SavedState,
        losses: Losses,
        distances: Losses,
        total: Tensor,
        *,
        checked: bool,
    ) -> Step:
        item = int(total.argmin())
        return Step(
            index=state.iteration,
            steps=self.plan.steps,
            phase="optimise",
            losses={name: float(loss.detach()[item]) for name, loss in losses.items()},
            distances={name: float(distance[item]) for name, distance in distances.items()},
            total=total,
            best_total=state.best_total,
            best_noise=state.best_noise,
            reached=bool(state.best_reached.all()),
            seconds=0.0,
            state=state,
            checked=checked,
        )

    def _pull(
        self, state: SavedState, losses: Losses, distances: Losses, guard: Tensor, heard: Tensor
    ) -> tuple[Losses, Tensor, Tensor]:
        """Return the scale of each control, the gradient of their weighted sum at the latent, and that sum [batch]."""
        scales = state.scales
        if self.plan.balance and len(losses) > 1 and (not scales or state.iteration % BALANCE_EVERY == 0):
            scales = _scales(losses, heard)
        weighted = [
            goal.weight * losses[goal.name] * (scales[goal.name] * urgency(distances[goal.name]) if scales else 1)
            for goal in self.objective.goals
        ]
        usual = sum_of(scales.values()) / len(scales) if scales else 1
        height = sum_of(weighted) + usual * guard
        (pull,) = torch.autograd.grad(height.sum(), heard)
        return scales, pull, height.detach()

    def _hold(self, state: SavedState) -> float:
        return self.plan.hold * self.objective.hold * self.plan.slackens**state.iteration

    def _haste(self, step: Step) -> float:
        """Return the share of the learning rate that a step may use, by how far the farthest control is."""
        if not self.plan.eases:
            return 1.0
        return min(max((max(step.distances.values()) / FAR) ** 0.5, SLOWEST), 1.0)

    def _move(self, state: SavedState, gradient: Tensor, haste: float, room: Tensor) -> SavedState:
        """Adam (Kingma and Ba 2015), partially adaptive (Padam, Chen and Gu 2018), then back onto the shell.

        Adam moves what hardly matters as far as what does, and the loop changes more than it was asked to; one length
        for all moves the few coordinates that matter most out of the noise. The geometric mean of the two keeps most of
        what either is good for (`benchmarks/search.md`).
        """
        count, (short, long), own = state.iteration + 1, self.plan.betas, self.plan.adaptivity
        first = short * state.first_moment + (1 - short) * gradient
        second = long * state.second_moment + (1 - long) * gradient.square()
        ahead, power = first / (1 - short**count), second / (1 - long**count)
        usual = _as_items(power.flatten(1).mean(1), power)
        spread = (power**own * usual ** (1 - own)).sqrt() + EPSILON
        rate = self.plan.learning_rate * haste * (1 + BRISK * self._hold(state)) * _as_items(state.rate, state.noise)
        way = rate * ahead / spread
        if self.plan.near:
            promised = (gradient * way).flatten(1).sum(1).clamp_min(EPSILON)
            way = way * _as_items((room / promised).clamp_max(1), way)
        noise = state.noise - way
        if self.plan.keep_on_shell:
            noise = on_shell(noise, self.scene.time_axis, layered=bool(self.scene.layers))
        if self.scene.layers:  # one that no control reaches stays as it was, to the bit
            moves = (first != 0).flatten(2).any(2)
            noise = torch.where(moves.view(*moves.shape, *[1] * (noise.dim() - 2)), noise, state.noise)
        return replace(state, noise=noise, first_moment=first, second_moment=second, iteration=count)


def _scales(losses: Losses, heard: Tensor) -> Losses:
    """Return one over how hard each control pulls at the latent, item by item: [batch] each."""
    scales = {}
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss.sum(), heard, retain_graph=True)
        scales[name] = 1 / gradient.flatten(1).norm(dim=1).clamp_min(1e-9)
    return scales


def urgency(distance: Tensor) -> Tensor:
    """Return how hard a control may pull for its distance over its tolerance: what is there still holds on."""
    return distance.clamp(LEAST_URGENCY, MOST_URGENCY)


def _paced(rate: Tensor, total: Tensor, before: Tensor) -> Tensor:
    """Return `rate` [batch], smaller for items whose `total` is worse than `before`, or they would leap to and fro.

    For the others it grows back, or one early leap would make a whole search slow.
    """
    return torch.where(total > WORSE * before, (rate * SLOW_DOWN).clamp_min(SLOWEST), (rate * SPEED_UP).clamp_max(1))


def _room(distance: Tensor) -> Tensor:
    """Return how many times a sum of squares its slope may promise [batch] before a step leaps over where it aims.

    Twice the sum leads to its bottom (Polyak 1969), as many tolerances less as it aims above that.
    """
    return 2 * (1 - (AIM / distance.clamp_min(EPSILON)).sqrt()).clamp_min(LEAST_AIM)


def _farthest(distances: Losses) -> Tensor:
    return torch.stack(list(distances.values())).amax(0)


def _as_items(choice: Tensor, noise: Tensor) -> Tensor:
    return choice.view(-1, *[1] * (noise.dim() - 1))


def _check_finite(losses: Losses, iteration: int) -> None:
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

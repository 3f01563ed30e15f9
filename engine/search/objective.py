"""From a request's controls to one objective: the losses that a search minimises, and the distances that end it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import controls
from ..errors import NonFiniteLossError
from ..models.protocol import Layers, Model, Scene
from ..request import Control, LoopRequest, Words
from ..spectrum import Spectrum

LOUDEST_FRAME_DB = -12.0  # RMS of 46 ms, used where the peak is not known: about 11 dB under the peak of a hit
HEADROOM_SCALE_DB2 = 0.25  # divides the mean over frames; small, because few frames are too loud

Hears = Callable[[Tensor], Spectrum]
"""From a latent [batch, *noise_shape] to the spectrum of some of its layers."""

Values = dict[str, Tensor]
"""One number per batch item [batch] for each goal, by the goal's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One control of a request with its weight, its tolerance and its loss."""

    name: str  # the control's kind, numbered where a kind comes twice
    kind: str
    weight: float
    tolerance: float
    term: controls.Term
    hears: Hears | None = None  # some layers of a loop, where it is not the whole

    def heard(self, spectrum: Spectrum, latent: Tensor) -> Spectrum:
        """Return the spectrum of this goal's layers of `latent`, else `spectrum`, which is of the whole loop."""
        return spectrum if self.hears is None else self.hears(latent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A latent [batch, *noise_shape] with its spectrum, and how far it is from every goal. `losses` carry the gradient.

    `distances` are in tolerances: 1 is good enough. `total` [batch] is the losses' weighted sum, without gradient.
    """

    latent: Tensor
    spectrum: Spectrum
    losses: Values
    distances: Values
    total: Tensor

    @property
    def farthest(self) -> Tensor:
        """The largest distance of each item [batch], in tolerances."""
        return farthest(self.distances)

    @property
    def item(self) -> int:
        """Which item of the batch is nearest to the goals."""
        return int(self.total.argmin())

    def check_finite(self, iteration: int) -> None:
        """Raise `NonFiniteLossError` with the name of the control whose loss is inf or nan."""
        for name, loss in self.losses.items():
            if not torch.isfinite(loss).all():
                worst = float(loss.detach().max())
                raise NonFiniteLossError(f"The loss of {name} was {worst:g} at step {iteration + 1}.")


@dataclass(frozen=True, slots=True)
class Objective:
    """All goals of a request. Values are by goal name, with one number per batch item."""

    goals: tuple[Goal, ...]

    def evaluate(self, spectrum: Spectrum, latent: Tensor) -> Evaluation:
        """Return losses, distances and total of a latent [batch, *noise_shape] whose spectrum is `spectrum`."""
        losses = self.losses(spectrum, latent)
        distances, total = self.distances(spectrum, latent), self.total(losses, spectrum).detach()
        return Evaluation(latent=latent, spectrum=spectrum, losses=losses, distances=distances, total=total)

    def losses(self, spectrum: Spectrum, latent: Tensor) -> Values:
        """Return the unweighted losses, each [batch], carrying the gradient."""
        return {goal.name: goal.term.loss(goal.heard(spectrum, latent), latent) for goal in self.goals}

    def total(self, losses: Values, spectrum: Spectrum) -> Tensor:
        """Return the weighted sum [batch] that decides which noise is best, the headroom counted in."""
        return sum_of(goal.weight * losses[goal.name] for goal in self.goals) + headroom(spectrum)

    def with_kept_frames(self, latent: Tensor) -> Tensor:
        """Return the finished latent [batch, *noise_shape] with the kept parts of references written into it."""
        for goal in self.goals:
            latent = goal.term.write_kept_frames(latent) if goal.term.write_kept_frames is not None else latent
        return latent

    @property
    def proximal_weight(self) -> float:
        """The weight of the pull to the uncontrolled loop: the largest that a goal has; 0 where one goal has 0."""
        weights = [goal.term.proximal_weight for goal in self.goals]
        return max(weights) if min(weights, default=0.0) > 0 else 0.0

    @property
    def time_invariant(self) -> bool:
        """Whether the sounds of the uncontrolled loop may occur at other times."""
        return any(goal.term.time_invariant for goal in self.goals)

    @torch.no_grad()
    def features(self, spectrum: Spectrum, latent: Tensor) -> tuple[controls.Features, ...]:
        """Return the inputs of a learned first step, for all goals that have some, of a latent with `spectrum`."""
        found = []
        for goal in self.goals:
            row = controls.find(goal.kind)
            if goal.term.features is not None and row.feature is not None:
                values = goal.term.features(goal.heard(spectrum, latent))
                layers = () if goal.hears is None else row.layers
                found.append(controls.Features(kind=row.feature, values=values, layers=layers))
        return tuple(found)

    def fade_db(self, spectrum: Spectrum) -> Tensor | None:
        """Return the gain in dB that would bring the level to its target [batch, frames]; None without such a goal."""
        fades = [goal.term.fade_db(spectrum) for goal in self.goals if goal.term.fade_db is not None]
        return sum_of(fades) / len(fades) if fades else None

    @torch.no_grad()
    def distances(self, spectrum: Spectrum, latent: Tensor) -> Values:
        """Return each control's distance to its target in tolerances: 1 is good enough."""
        return {
            goal.name: goal.term.distance(goal.heard(spectrum, latent), latent) / goal.tolerance for goal in self.goals
        }


def headroom(spectrum: Spectrum) -> Tensor:
    """Return a loss for frames that are louder than a file can hold: [batch], 0 for usual levels.

    It is the mean squared excess in dB over the ceiling, scaled. The finished loop gets one lower gain if a peak is too
    high, and then misses its level everywhere.
    """
    if spectrum.peak_db is not None:
        over = torch.relu(spectrum.peak_db - controls.CEILING_DB)
    else:
        over = torch.relu(spectrum.mid_level_db - LOUDEST_FRAME_DB)
    return over.square().mean(1) / HEADROOM_SCALE_DB2


def farthest(distances: Values) -> Tensor:
    """Return the largest of the distances, item by item: [batch]."""
    return torch.stack(list(distances.values())).amax(0)


def sum_of(values: Iterable[Tensor]) -> Tensor:
    """Return the sum of at least one tensor."""
    return torch.stack(list(values)).sum(0)


def build(request: LoopRequest, scene: Scene, model: Model) -> Objective:
    """Return the objective of `request`; raise `BadRequestError` for a control that does not exist or fit."""
    goals: list[Goal] = []
    for part in request.controls:
        row = controls.find(part.kind)
        context = controls.Context(
            request=request, model=model, within=part.within, weight_curve=part.weight_curve,
            layers=row.layers_in(scene, part.on) or scene.audible,
        )  # fmt: skip
        earlier = sum(goal.kind == part.kind for goal in goals)
        goals.append(
            Goal(
                name=f"{part.kind}-{earlier + 1}" if earlier else part.kind,
                kind=part.kind,
                weight=row.weight * part.weight * context.mean_weight,
                tolerance=row.tolerance if len(request.controls) == 1 else row.tolerance_with_others,
                term=row.term(part.target, scene, context),
                hears=_hears(part, scene, model),
            )
        )
    closed = model.card.circular and scene.circular
    # A loop that is trimmed out of a longer piece has to be closed even if the request has no control.
    wanted = bool(goals) or scene.lead_samples > 0
    if wanted and request.loop and not closed and not any(controls.find(goal.kind).closes for goal in goals):
        goals.append(_loop_goal(request, scene, model))
    return Objective(tuple(goals))


def _hears(part: Control, scene: Scene, model: Model) -> Hears | None:
    """Return the spectrum of a control's own layers; None where it evaluates the whole loop."""
    layers = controls.find(part.kind).layers_in(scene, part.on)
    if not layers or not isinstance(model, Layers):
        return None
    return lambda latent: model.listen_to(latent, scene, layers)


def _loop_goal(request: LoopRequest, scene: Scene, model: Model) -> Goal:
    """Return the goal that closes the loops of models which know no circle."""
    row = controls.closing()
    term = row.term(Words(text=""), scene, controls.Context(request=request, model=model))
    return Goal(name=row.kind, kind=row.kind, weight=row.weight, tolerance=row.tolerance, term=term)

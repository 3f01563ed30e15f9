"""From a request's controls to one objective: what is minimised, and when it is good enough."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import controls
from ..models.protocol import Layers, Model, Scene
from ..request import LoopRequest, Words
from ..spectrum import Spectrum

ON_LAYERS = {"melody": ("lead",), "rhythm": ("drums", "percussion")}  # whose a control is where a loop has layers
LOUDEST_FRAME_DB = -12.0  # RMS of 46 ms where the peak is not known: about 11 dB under that of a hit
HEADROOM_SCALE_DB2 = 0.25  # mean over frames, of which few are too hot


Hears = Callable[[Tensor], Spectrum]
"""From a latent [batch, *noise_shape] to what is heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One control of a request, ready to be heard."""

    name: str  # the control's kind, numbered where a kind comes twice
    kind: str
    weight: float
    tolerance: float
    term: controls.Term
    hears: Hears | None = None  # some layers of a loop, where it is not the whole

    def heard(self, spectrum: Spectrum, latent: Tensor) -> Spectrum:
        """Return what this goal hears of a latent whose whole sounds as `spectrum`."""
        return spectrum if self.hears is None else self.hears(latent)


@dataclass(frozen=True, slots=True)
class Objective:
    """All controls of a request. Every method answers per control and batch item."""

    goals: tuple[Goal, ...]

    def losses(self, spectrum: Spectrum, latent: Tensor) -> dict[str, Tensor]:
        """Return the unweighted losses, each [batch], carrying the gradient."""
        return {goal.name: goal.term.loss(goal.heard(spectrum, latent), latent) for goal in self.goals}

    def total(self, losses: dict[str, Tensor], spectrum: Spectrum) -> Tensor:
        """Return the weighted sum [batch] that decides which noise is best, the headroom counted in."""
        return sum_of(goal.weight * losses[goal.name] for goal in self.goals) + headroom(spectrum)

    def settled(self, latent: Tensor) -> Tensor:
        """Return the finished latent [batch, *noise_shape] with what is to be kept of references in its place."""
        for goal in self.goals:
            latent = goal.term.settle(latent) if goal.term.settle is not None else latent
        return latent

    @property
    def hold(self) -> float:
        """How hard a loop is held to what it was: as the firmest asks; 0 where one wants none."""
        holds = [goal.term.hold for goal in self.goals]
        return max(holds) if min(holds, default=0.0) > 0 else 0.0

    @property
    def any_time(self) -> bool:
        """Whether what the loop had may come at other times."""
        return any(goal.term.any_time for goal in self.goals)

    def fade_db(self, spectrum: Spectrum) -> Tensor | None:
        """Return by how much a fader would have to move [batch, frames], None where no control asks for a level."""
        fades = [goal.term.fade_db(spectrum) for goal in self.goals if goal.term.fade_db is not None]
        return sum_of(fades) / len(fades) if fades else None

    @torch.no_grad()
    def distances(self, spectrum: Spectrum, latent: Tensor) -> dict[str, Tensor]:
        """Return how far each control is from its target, in its own unit over its tolerance: 1 is good enough."""
        return {
            goal.name: goal.term.distance(goal.heard(spectrum, latent), latent) / goal.tolerance for goal in self.goals
        }


def headroom(spectrum: Spectrum) -> Tensor:
    """Return how far frames are louder than a file can hold, in a loss's measure: [batch], 0 for sane levels.

    A loop that is too hot is turned down as a whole when it is finished, and then misses its level everywhere.
    """
    if spectrum.peak_db is not None:
        over = torch.relu(spectrum.peak_db - controls.CEILING_DB)
    else:
        over = torch.relu(spectrum.mid_level_db - LOUDEST_FRAME_DB)
    return over.square().mean(1) / HEADROOM_SCALE_DB2


def sum_of(values: Iterable[Tensor]) -> Tensor:
    """Return the sum of at least one tensor."""
    return torch.stack(list(values)).sum(0)


def build(request: LoopRequest, scene: Scene, model: Model) -> Objective:
    """Return the objective of `request`; raise `BadRequestError` for a control that does not exist or fit."""
    goals: list[Goal] = []
    for part in request.controls:
        row = controls.find(part.kind)
        context = controls.Context(request=request, model=model, within=part.within)
        earlier = sum(goal.kind == part.kind for goal in goals)
        goals.append(
            Goal(
                name=f"{part.kind}-{earlier + 1}" if earlier else part.kind,
                kind=part.kind,
                weight=row.weight * part.weight,
                tolerance=row.tolerance if len(request.controls) == 1 else row.beside_others,
                term=row.term(part.target, scene, context),
                hears=_hears(part.kind, scene, model),
            )
        )
    closed = model.card.circular and scene.circular
    # A loop that is trimmed out of a longer piece has to be closed even where nothing else is asked for.
    wanted = bool(goals) or scene.lead_samples > 0
    if wanted and request.loop and not closed and not any(controls.find(goal.kind).closes for goal in goals):
        goals.append(_loop_goal(request, scene, model))
    return Objective(tuple(goals))


def _hears(kind: str, scene: Scene, model: Model) -> Hears | None:
    """Return how a control hears its own layers; None where it hears the whole loop."""
    layers = tuple(name for name in ON_LAYERS.get(kind, ()) if name in scene.layers)
    if not layers or not isinstance(model, Layers):
        return None
    return lambda latent: model.listen_to(latent, scene, layers)


def _loop_goal(request: LoopRequest, scene: Scene, model: Model) -> Goal:
    """Return the goal that models which know no circle get unasked."""
    row = controls.closing()
    term = row.term(Words(text=""), scene, controls.Context(request=request, model=model))
    return Goal(name=row.kind, kind=row.kind, weight=row.weight, tolerance=row.tolerance, term=term)

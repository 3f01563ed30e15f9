"""A request as one model sees it, ready for its search; and how far the search of some of its takes is."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor

from ..models.protocol import Layers, Model, Scene
from ..request import LoopRequest
from ..search import methods
from ..search.objective import Objective
from ..search.part import Part, part_of, searched
from ..search.report import Step
from ..search.surrogate import latent_of
from .beginning import Beginning, begin, controls_of, without_controls


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Some takes of a request, from number `first` on, with the objective and the plan of their search."""

    request: LoopRequest
    model: Model
    begun: Beginning
    part: Part  # what the search moves
    still: Tensor | None  # the latent of all, of which the search leaves what it does not move
    objective: Objective
    plan: methods.Plan
    first: int = 0

    @property
    def scene(self) -> Scene:
        """The scene of the whole loop."""
        return self.begun.scene

    @property
    def noise(self) -> Tensor:
        """The noise of the whole loop where it begins [takes, *noise_shape]."""
        return self.begun.noise

    @property
    def is_conditioned(self) -> bool:
        """Whether the moved part has control inputs, so that its first loop is not the uncontrolled one."""
        return controls_of(self.model, self.part.scene) is not None

    def uncontrolled(self) -> Tensor | None:
        """Return the latent that the seeds' noise gives without the control inputs that a search has, to stay near it.

        Of the part that is moved [takes, ...]. None without such inputs, or where a take is begun from: that is near.
        """
        if self.request.start is not None or not self.is_conditioned:
            return None
        scene = without_controls(self.model, self.part.scene)
        return latent_of(self.model, scene, self.part.of(self.noise), self.plan.decode, checkpoint=False)

    @property
    def sounds(self) -> float:
        """How many waveforms a finished take has, in those of a verification, which sounds the moved layers."""
        moved = len(self.scene.layers) if self.part.places is None else len(self.part.places)
        return len(self.scene.layers) / moved if moved else 1.0

    def whole(self, latent: Tensor) -> Tensor:
        """Return the settled latent of the loop, of which `latent` [takes, ...] is the part that was moved."""
        if self.still is not None:
            return self.part.put(latent, self.still[: len(latent)])
        return self.objective.settled(latent)

    def groups(self) -> Iterator["Prepared"]:
        """Yield the takes that are searched together: all of them on an accelerator, each alone on a processor.

        A batch saves a processor hardly anything, and all takes of one go on until the slowest is done. Alone a take is
        the same, whatever number of others is asked for.
        """
        if self.model.device.type != "cpu" or len(self.noise) == 1:
            yield self
        else:
            yield from (self.alone(item) for item in range(len(self.noise)))

    def alone(self, item: int) -> "Prepared":
        """Return one of these takes, `item` counted from 0."""
        if len(self.noise) == 1:
            return self
        own = slice(item, item + 1)
        scene, heard = self.scene, self.begun.heard
        if heard is not None and isinstance(self.model, Layers):
            heard = heard[own]
            scene = self.model.with_heard(scene, heard)
        return replace(
            self,
            begun=replace(self.begun, scene=scene, noise=self.noise[own], heard=heard),
            part=part_of(searched(self.request, scene, self.begun.stay), scene, self.model),
            still=None if self.still is None else self.still[own],
            first=self.first + item,
        )


def prepare(request: LoopRequest, model: Model, *, recomputes: bool = True) -> Prepared:
    """Return all takes of `request`; raise `DittoError` for one that `model` cannot make."""
    begun = begin(request, model, model.scene(request))
    asked = searched(request, begun.scene, begun.stay)
    part = part_of(asked, begun.scene, model)
    objective = methods.objective_of(asked, part.scene, model)
    is_conditioned = request.start is None and controls_of(model, part.scene) is not None
    plan = methods.plan(asked, model, objective, recomputes=recomputes, is_conditioned=is_conditioned)
    still = None
    if part.places is not None:
        still = latent_of(model, begun.scene, begun.noise, plan.decode, checkpoint=False)
    return Prepared(
        request=request, model=model, begun=begun, part=part, still=still, objective=objective, plan=plan
    )  # fmt: skip


@dataclass(slots=True)
class Search:
    """How far the search of some takes is: the last step, the losses of all steps, and notes on how it ended."""

    step: Step | None = None
    uncontrolled: Tensor | None = None  # the latent that the seeds' noise gives, where the first step made it
    losses: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

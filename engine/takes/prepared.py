"""A request as one model sees it, ready for its search; and how far the search of some of its takes is."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor

from ..models.protocol import Layers, Model, Scene, controls_of, without_controls
from ..request import LoopRequest
from ..search import methods
from ..search.objective import Objective
from ..search.part import Part, part_of, searched
from ..search.report import Step
from ..search.surrogate import latent_of
from .initial_noise import InitialNoise, initial_noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Some takes of a request, from number `first` on, with the objective and the plan of their search."""

    request: LoopRequest
    model: Model
    initial: InitialNoise
    part: Part  # what the search moves
    still: Tensor | None  # the latent of the whole loop, for layers that the search does not move; None if it moves all
    objective: Objective
    plan: methods.Plan
    first: int = 0

    @property
    def scene(self) -> Scene:
        """The scene of the whole loop."""
        return self.initial.scene

    @property
    def noise(self) -> Tensor:
        """The noise of the whole loop where it begins [takes, *noise_shape]."""
        return self.initial.noise

    @property
    def is_conditioned(self) -> bool:
        """Whether the moved part has control inputs, so that its first loop is not the uncontrolled one."""
        return controls_of(self.model, self.part.scene) is not None

    def uncontrolled(self) -> Tensor | None:
        """Return the latent of the seeds' noise without control inputs, near which a search with such inputs stays.

        It is of the part that the search moves [takes, ...]. None without control inputs, or for a request that starts
        from a take: the search then stays near that take.
        """
        if self.request.start is not None or not self.is_conditioned:
            return None
        scene = without_controls(self.model, self.part.scene)
        return latent_of(self.model, scene, self.part.of(self.noise), self.plan.decode, checkpoint=False)

    @property
    def sounds(self) -> float:
        """How many times as long a finished take takes to decode as a verification, which decodes the moved layers."""
        moved = len(self.scene.layers) if self.part.places is None else len(self.part.places)
        return len(self.scene.layers) / moved if moved else 1.0

    def whole(self, latent: Tensor) -> Tensor:
        """Return the finished latent of the whole loop; `latent` [takes, ...] is the part that the search moved."""
        if self.still is not None:
            return self.part.put(latent, self.still[: len(latent)])
        return self.objective.with_kept_frames(latent)

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
        scene, heard = self.scene, self.initial.heard
        if heard is not None and isinstance(self.model, Layers):
            heard = heard[own]
            scene = self.model.with_layer_context(scene, heard)
        return replace(
            self,
            initial=replace(self.initial, scene=scene, noise=self.noise[own], heard=heard),
            part=part_of(searched(self.request, scene, self.initial.stay), scene, self.model),
            still=None if self.still is None else self.still[own],
            first=self.first + item,
        )


def prepare(request: LoopRequest, model: Model, *, recomputes: bool = True) -> Prepared:
    """Return all takes of `request`; raise `DittoError` for one that `model` cannot make."""
    initial = initial_noise(request, model, model.scene(request))
    asked = searched(request, initial.scene, initial.stay)
    part = part_of(asked, initial.scene, model)
    objective = methods.objective_of(asked, part.scene, model)
    is_conditioned = request.start is None and controls_of(model, part.scene) is not None
    plan = methods.plan(asked, model, objective, recomputes=recomputes, is_conditioned=is_conditioned)
    still = None
    if part.places is not None:
        still = latent_of(model, initial.scene, initial.noise, plan.decode, checkpoint=False)
    return Prepared(
        request=request, model=model, initial=initial, part=part, still=still, objective=objective, plan=plan
    )  # fmt: skip


@dataclass(slots=True)
class Search:
    """How far the search of some takes is: the last step, the losses of all steps, and notes on how it ended."""

    step: Step | None = None
    uncontrolled: Tensor | None = None  # the latent that the seeds' noise gives, where the first step made it
    losses: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

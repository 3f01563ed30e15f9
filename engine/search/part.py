"""The part of a loop whose noise a search optimises: the layers that its controls reach. All others are sampled once.

Where every control has layers of its own, the search samples and differentiates these alone: other layers add no cost,
and keep their noise to the bit.
"""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec
from torch import Tensor

from .. import controls
from ..models.protocol import Layers, Model, Scene
from ..request import Control, LoopRequest


@dataclass(frozen=True, slots=True)
class Part:
    """The scene of the layers that a search moves, and their indices among all; `places` is None for the whole loop."""

    scene: Scene
    places: tuple[int, ...] | None = None

    def of(self, whole: Tensor) -> Tensor:
        """Return the part [batch, places, ...] of noises or latents [batch, layers, ...]."""
        return whole if self.places is None else whole[:, list(self.places)]

    def put(self, part: Tensor, whole: Tensor | None) -> Tensor:
        """Return `whole` [batch, layers, ...] with `part` [batch, places, ...] in its places."""
        if self.places is None or whole is None:
            return part
        made = whole.clone()
        made[:, list(self.places)] = part
        return made


def part_of(request: LoopRequest, scene: Scene, model: Model) -> Part:
    """Return the part of `scene` that the controls of `request` reach; the whole for models without layers."""
    names = reached(request, scene)
    if names == scene.layers or not isinstance(model, Layers):
        return Part(scene)
    return Part(model.only(scene, names), tuple(scene.layers.index(name) for name in names))


def reached(request: LoopRequest, scene: Scene) -> tuple[str, ...]:
    """Return the layers that any control moves, all without controls; a control of the sum moves the audible ones."""
    moved = {name for part in request.controls for name in _moved(part, scene)}
    return tuple(name for name in scene.layers if name in moved) or scene.layers


def searched(request: LoopRequest, scene: Scene, stay: Collection[str]) -> LoopRequest:
    """Return `request` with those of its controls that move none of the layers that `stay`."""
    if not stay:
        return request
    left = tuple(part for part in request.controls if not set(_moved(part, scene)) & set(stay))
    return msgspec.structs.replace(request, controls=left)


def kept_from(request: LoopRequest, scene: Scene, stay: Collection[str]) -> tuple[str, ...]:
    """Return a sentence on each control that is not searched for, because it would move layers that `stay`."""
    said = []
    for part in request.controls:
        still = [name for name in _moved(part, scene) if name in stay]
        if still:
            said.append(
                f"{part.kind} is not searched for: it would move {', '.join(still)}, which "
                f"{'stays as it is' if len(still) == 1 else 'stay as they are'}."
            )
    return tuple(said)


def _moved(control: Control, scene: Scene) -> tuple[str, ...]:
    return controls.find(control.kind).layers_in(scene, control.on) or scene.audible

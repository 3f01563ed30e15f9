"""The part of a loop that a search moves: the layers that its controls reach. All others are sampled once.

Where every control hears layers of its own, the search knows no others: it costs what these cost, and the rest of the
loop stays as it was, to the bit.
"""

from dataclasses import dataclass

from torch import Tensor

from .. import controls
from ..models.protocol import Layers, Model, Scene
from ..request import LoopRequest


@dataclass(frozen=True, slots=True)
class Part:
    """The scene of the layers that a search moves, and their places among all; `places` is None for the whole loop."""

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
    """Return what the controls of `request` reach of `scene`."""
    names = reached(request, scene)
    if names == scene.layers or not isinstance(model, Layers):
        return Part(scene)
    return Part(model.only(scene, names), tuple(scene.layers.index(name) for name in names))


def reached(request: LoopRequest, scene: Scene) -> tuple[str, ...]:
    """Return the layers that controls move: a control of the sum moves all that are audible."""
    heard = [controls.find(part.kind).layers_in(scene, part.on) or scene.audible for part in request.controls]
    moved = {name for names in heard for name in names}
    return tuple(name for name in scene.layers if name in moved) or scene.layers

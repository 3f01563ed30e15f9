"""The part of a loop that a search moves: the layers that controls reach, and the rest to the bit."""

from types import SimpleNamespace
from typing import Any, cast

import torch
from asking import Asking

from engine.models.protocol import Model, Scene
from engine.search.part import Part, part_of, reached

LAYERS = ("drums", "bass", "lead")


def scene(**fields: Any) -> Scene:
    return cast(Scene, SimpleNamespace(**({"layers": LAYERS, "muted": (), "audible": LAYERS} | fields)))


def test_a_control_reaches_the_layers_that_it_names(ask: Asking) -> None:
    """Its own, else those of its row, else all that are audible; several reach the union, in the loop's order."""
    assert reached(ask.request(ask.melody()), scene()) == ("lead",)
    assert reached(ask.request(ask.melody(), ask.intensity(on=("drums",))), scene()) == ("drums", "lead")
    assert reached(ask.request(ask.intensity()), scene(audible=("drums", "bass"))) == ("drums", "bass")
    assert reached(ask.request(), scene()) == LAYERS


def test_what_is_put_back_changes_only_its_places() -> None:
    """Taking a part and putting it back is the whole; another part leaves the other layers to the bit."""
    part, whole = Part(scene(), (0, 2)), torch.randn(2, 3, 5)
    assert torch.equal(part.put(part.of(whole), whole), whole)
    made = part.put(torch.zeros(2, 2, 5), whole)
    assert torch.equal(made[:, 1], whole[:, 1])
    assert not made[:, [0, 2]].any()


def test_where_all_is_reached_the_whole_is_the_part(tiny: Model, ask: Asking) -> None:
    """A model without layers, and a control of everything, are searched as they are."""
    plain = tiny.scene(ask.request())
    part = part_of(ask.request(ask.melody()), plain, tiny)
    assert part.scene is plain
    noise = torch.randn(1, *plain.noise_shape)
    assert part.of(noise) is noise
    assert part.put(noise, None) is noise

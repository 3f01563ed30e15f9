"""From controls to one objective."""

from dataclasses import replace

import pytest
import torch
from asking import Asking

from engine.errors import BadRequestError
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Control, Words
from engine.search import objective as targets


def test_a_kind_that_comes_twice_has_two_names(tiny: TinyModel, ask: Asking) -> None:
    """Losses are told apart, and each keeps its weight."""
    request = ask.request(ask.intensity(weight=2.0), ask.intensity(), ask.melody())
    objective = targets.build(request, tiny.scene(request), tiny)
    assert [goal.name for goal in objective.goals] == ["intensity", "intensity-2", "melody"]
    assert objective.goals[0].weight == 2 * objective.goals[1].weight


def test_the_total_is_the_weighted_sum(tiny: TinyModel, ask: Asking) -> None:
    """Item by item; sane levels cost no headroom."""
    request = ask.request(ask.intensity(weight=3.0), ask.melody())
    scene = tiny.scene(request)
    objective, latent = targets.build(request, scene, tiny), tiny_noise(tiny, scene, 0, 2)
    spectrum = tiny.listen(latent, scene)
    losses = objective.losses(spectrum, latent)
    torch.testing.assert_close(objective.total(losses, spectrum), 3 * losses["intensity"] + losses["melody"])


def test_what_no_file_can_hold_costs(tiny: TinyModel, ask: Asking) -> None:
    """A spectrum of 0 dBFS RMS is too hot, one at -20 is not."""
    scene = tiny.scene(ask.request())
    spectrum = tiny.listen(tiny_noise(tiny, scene), scene)
    level = spectrum.power.sum(1).mean()
    hot, sane = (replace(spectrum, power=spectrum.power / level * gain) for gain in (1.0, 0.001))
    assert float(targets.headroom(hot)) > 10
    assert float(targets.headroom(sane)) == 0


@pytest.mark.parametrize(
    ("control", "sentence"),
    [
        (Control(kind="wobble", target=Words(text="x")), "There is no control 'wobble'; there are .*intensity"),
        (Control(kind="melody", target=Words(text="x")), "melody control takes notes, not words"),
    ],
)
def test_what_cannot_be_followed_is_said(tiny: TinyModel, ask: Asking, control: Control, sentence: str) -> None:
    """A kind that does not exist, or a target of another type."""
    request = ask.request(control)
    with pytest.raises(BadRequestError, match=sentence):
        targets.build(request, tiny.scene(request), tiny)


def test_models_that_know_no_circle_get_the_loop_unasked(ask: Asking) -> None:
    """Once, and only for loops."""
    model = TinyModel(circular=False)
    for loop, names in ((True, ["intensity", "loop"]), (False, ["intensity"])):
        request = ask.request(ask.intensity(), loop=loop)
        objective = targets.build(request, model.scene(request), model)
        assert [goal.name for goal in objective.goals] == names

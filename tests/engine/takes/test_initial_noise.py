"""Where a request begins: the noise of its seeds or of a take, and what is refused or said of either."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.errors import BadInputError, BadRequestError
from engine.models.protocol import Model, Scene
from engine.models.testing import TinyModel
from engine.request import LoopRequest, Start
from engine.sampling import start_noise
from engine.takes.initial_noise import initial_noise
from engine.takes.noise import OpenSeeds, noise_to_bytes
from engine.takes.weights import check_rebuilt


class Layered(TinyModel):
    """The toy with two layers that hear ones; what is known of a layer it hears as it was."""

    def scene(self, request: LoopRequest) -> Scene:
        plain = super().scene(request)
        return replace(plain, layers=("drums", "bass"), noise_shape=(2, *plain.noise_shape), time_axis=1)

    def only(self, scene: Scene, layers: Any) -> Scene:
        raise AssertionError("no search asks here")

    def with_layer_context(self, scene: Scene, heard: Tensor) -> Scene:
        return scene

    def stems(self, latent: Tensor, scene: Scene) -> Tensor:
        raise AssertionError("nothing is decoded here")

    def listen_to(self, latent: Tensor, scene: Scene, layers: Any) -> Any:
        raise AssertionError("nothing is heard here")

    def condition_layers(
        self, scene: Scene, noise: Tensor, beside: Tensor | None = None, known: dict[str, Tensor] | None = None
    ) -> tuple[Scene, Tensor]:
        fresh = torch.ones(noise.shape[2], 2)
        rows = torch.stack([torch.stack([(known or {}).get(name, fresh) for name in scene.layers]) for _ in noise])
        return scene, rows


class WithWeights(TinyModel):
    """The toy with a digest of its weights."""

    def weights_digest(self, scene: Scene) -> str:
        return "now"


def stored(noise: Tensor, *, weights: str = "", **more: Any) -> bytes:
    return noise_to_bytes(noise, model="tiny", seed=5, open_seeds=OpenSeeds(5, 5), weights=weights, **more)


def test_without_a_take_it_is_the_seeds_noise(tiny: TinyModel, ask: Asking) -> None:
    """As many takes as are asked for, each of its own seed."""
    request = ask.request(seed=7, count=3)
    scene = tiny.scene(request)
    assert torch.equal(initial_noise(request, tiny, scene).noise, start_noise(scene, 7, 3))


def test_a_take_begins_at_its_noise_and_a_variation_moves_it(tiny: TinyModel, ask: Asking) -> None:
    """Exactly there without a variation; with one it is as loud as noise, and another for each seed."""
    scene = tiny.scene(ask.request())
    noise = torch.randn(*scene.noise_shape)
    same = initial_noise(ask.request(start=Start(noise=stored(noise))), tiny, scene).noise
    assert torch.equal(same[0], noise)
    moved = [
        initial_noise(ask.request(seed=seed, start=Start(noise=stored(noise), variation=0.5)), tiny, scene).noise[0]
        for seed in (1, 2)
    ]
    assert not torch.equal(*moved)
    assert moved[0].std() == pytest.approx(1, abs=0.1)


def test_a_take_of_another_length_is_refused(tiny: TinyModel, ask: Asking) -> None:
    """One sentence that says why, and what to start from."""
    request = ask.request(start=Start(noise=stored(torch.randn(3, 2))))
    with pytest.raises(BadInputError, match="another length") as refused:
        initial_noise(request, tiny, tiny.scene(request))
    assert refused.value.remedy


@pytest.mark.parametrize("asked", [{"layers": ("drums",)}, {"chords": "Am F"}, {"mute": ("bass",)}, {"stems": True}])
def test_a_model_without_layers_refuses_what_needs_them(tiny: TinyModel, ask: Asking, asked: dict[str, Any]) -> None:
    """The sentence names the field; the one full mix is allowed everywhere."""
    request = ask.request(**asked)
    with pytest.raises(BadRequestError, match=next(iter(asked))):
        initial_noise(request, tiny, tiny.scene(request))
    plain = ask.request(layers=("mix",))
    assert initial_noise(plain, tiny, tiny.scene(plain)).noise.shape[0] == 1


def test_layers_that_stay_keep_noise_and_what_they_heard(ask: Asking) -> None:
    """Of two layers the one that is made again gets the seed's noise; the other is the same to the bit."""
    model: Model = Layered()
    scene = model.scene(ask.request())
    noise, heard = torch.randn(*scene.noise_shape), torch.randn(2, scene.frames, 2)
    kept = stored(noise, layers=("drums", "bass"), heard=heard)
    request = ask.request(seed=9, start=Start(noise=kept), again=("bass",))
    found = initial_noise(request, model, scene)
    assert torch.equal(found.noise[0, 0], noise[0])
    assert torch.equal(found.noise[0, 1], start_noise(scene, 9)[0, 1])
    assert found.heard is not None
    assert torch.equal(found.heard[0, 0], heard[0])
    assert torch.equal(found.heard[0, 1], torch.ones(scene.frames, 2))


def test_other_weights_are_said_and_not_rebuilt(ask: Asking) -> None:
    """A take of other weights may begin a search, with a note, and is never replayed as if it were the same."""
    model = WithWeights()
    request = ask.request()
    scene = model.scene(request)
    noise = torch.randn(*scene.noise_shape)
    old, own = stored(noise, weights="before"), stored(noise, weights="now")
    assert "before" in initial_noise(ask.request(start=Start(noise=old)), model, scene).scene.notes[-1]
    assert initial_noise(ask.request(start=Start(noise=own)), model, scene).scene.notes == scene.notes
    check_rebuilt(own, model, scene)
    with pytest.raises(BadInputError, match="before"):
        check_rebuilt(old, model, scene)


def test_a_beat_is_exact_in_what_is_asked(ask: Asking) -> None:
    """A request of seven eighths has the same noise however its tempo is written."""
    one, other = (ask.request(tempo_bpm=tempo, seed=3) for tempo in (Fraction(267, 2), "133.5"))
    tiny = TinyModel()
    assert torch.equal(
        initial_noise(one, tiny, tiny.scene(one)).noise, initial_noise(other, tiny, tiny.scene(other)).noise
    )

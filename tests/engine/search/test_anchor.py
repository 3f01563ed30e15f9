"""A proximal pull to the uncontrolled loop: the control wins, and the music stays."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from asking import Asking
from hypothesis import given
from hypothesis import strategies as st

from engine.models import catalogue
from engine.models.protocol import Sampler
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Audio, Budget, Control, Onsets, Quality, Words
from engine.sampling import start_noise
from engine.search import methods
from engine.search import objective as targets
from engine.search.anchor import anchor_of, character_pull, nearest_frames, with_proximal_pull
from engine.search.minimize import minimize
from engine.search.surrogate import Chain, latent_of
from engine.settings import Settings
from midi.grooves.rhythm import Onset


@given(seed=st.integers(0, 99), size=st.floats(1e-6, 1e6), hold=st.floats(0, 2))
def test_a_weak_control_pulls_as_hard_as_a_strong_one(seed: int, size: float, hold: float) -> None:
    """The controls' pull is 1 long whatever the loss's scale; at the anchor nothing pulls back."""
    pull, latent, anchor = torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(seed))
    alone = with_proximal_pull(size * pull, anchor, anchor, hold)
    torch.testing.assert_close(alone.flatten(1).norm(dim=1), torch.ones(2), rtol=1e-4, atol=0)
    back = with_proximal_pull(size * pull, latent, anchor, hold) - alone
    off = (latent - anchor).square().mean((1, 2)).sqrt()
    torch.testing.assert_close(back.flatten(1).norm(dim=1), hold * off, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_a_held_loop_stays_nearer_to_what_it_was(ask: Asking) -> None:
    """By the embedding distance, which no search optimises; and both searches reach the curve."""
    model = catalogue.load("pocket", Settings())
    request = ask.request(ask.intensity(), prompt="house drums and bass", bars=2, layers=("mix",))
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    plan = methods.plan(request, model, objective)
    away, noise = {}, start_noise(scene, 3)
    for anchored in (True, False):
        chosen = replace(plan, anchor=plan.anchor if anchored else None)
        last = list(minimize(chosen, objective, model, scene, noise))[-1]
        assert last.reached
        latent = latent_of(model, scene, last.best_noise, plan.decode, checkpoint=False)
        away[anchored] = model.embedding_distance(latent, noise, scene)
    assert away[True] < 0.8 * away[False]


def test_an_anchor_is_the_loop_as_a_fader_would_have_it(ask: Asking) -> None:
    """`pocket`'s latent, faded, follows the curve at once and has the same balance of bands in each frame."""
    model = catalogue.load("pocket", Settings())
    request = ask.request(ask.intensity(low=-36.0, high=-16.0), prompt="house", bars=2, layers=("mix",))
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    latent = 0.7 * torch.randn(1, *scene.noise_shape, generator=torch.Generator().manual_seed(0))
    before = model.listen(latent, scene)
    anchor = anchor_of(model, objective, latent, before)
    after = model.listen(anchor, scene)
    assert float(objective.distances(after, anchor)["intensity"]) < 0.2 * float(
        objective.distances(before, latent)["intensity"]
    )
    sounding = before.power.amin((0, 2)) > 1e-12
    gain_db = 10 * torch.log10(after.power / before.power)[:, sounding]
    assert float(gain_db.std(1).mean()) < 0.2 * float(gain_db.std())


def test_what_asks_for_no_level_is_held_to_the_loop_itself(tiny: TinyModel, ask: Asking) -> None:
    """And so is every loop of a model whose latent cannot be faded."""
    for parts in ([ask.melody()], [ask.intensity()]):
        scene = tiny.scene(ask.request(*parts))
        objective = targets.build(ask.request(*parts), scene, tiny)
        latent = tiny_noise(tiny, scene)
        assert anchor_of(tiny, objective, latent, tiny.listen(latent, scene)) is latent


def test_what_is_kept_of_a_recording_is_in_the_anchor(ask: Asking) -> None:
    """The pull leads free bars to the uncontrolled loop, and no kept bar away from its recording."""
    model = catalogue.load("pocket", Settings())
    sound = np.random.default_rng(0).standard_normal((88_200, 2)).astype("<f4")
    kept = Audio(samples=sound.tobytes(), sample_rate=44_100, keep=((Fraction(0), Fraction(2)),))
    request = ask.request(Control(kind="inpaint", target=kept), prompt="house", bars=2, layers=("mix",))
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    latent = torch.randn(1, *scene.noise_shape, generator=torch.Generator().manual_seed(0))
    anchor = anchor_of(model, objective, latent, model.listen(latent, scene))
    inside = round(scene.frames * 2 / float(scene.beats)) - 1
    distance = objective.distances(model.listen(anchor, scene), anchor)["inpaint"]
    assert objective.proximal_weight > 0
    assert float(distance) <= 1 < float(objective.distances(model.listen(latent, scene), latent)["inpaint"])
    assert torch.equal(anchor[:, inside + 2 :], latent[:, inside + 2 :])


@given(data=st.data(), frames=st.integers(2, 12), time_axis=st.integers(0, 1))
def test_what_may_come_at_any_time_is_held_to_its_sounds_alone(data: Any, frames: int, time_axis: int) -> None:
    """A loop whose frames are put in another order is where it should be; what is near a frame of it is drawn there."""
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    loop = torch.randn(2, frames, 3, generator=generator)
    order = torch.tensor(data.draw(st.permutations(range(frames))))
    turned = (lambda latent: latent) if time_axis == 0 else (lambda latent: latent.transpose(1, 2))
    moved = loop[:, order]
    assert torch.equal(nearest_frames(turned(moved), turned(loop), time_axis), turned(moved))
    near = moved + 0.4 * torch.cdist(loop, loop).add(9 * torch.eye(frames)).amin() * torch.nn.functional.normalize(
        torch.randn(moved.shape, generator=generator), dim=2
    )
    assert torch.equal(nearest_frames(turned(near), turned(loop), time_axis), turned(moved))


def test_a_loop_is_led_back_to_its_character(ask: Asking) -> None:
    """To how the whole sounds, by ears that are not the judge's: a loop turned in time has kept it."""
    model = catalogue.load("pocket", Settings())
    scene = model.scene(ask.request(prompt="house drums and bass", bars=2, layers=("mix",)))
    chain = Chain(steps=1, sampler=Sampler.TRAJECTORY)
    with torch.no_grad():
        was, other = (latent_of(model, scene, start_noise(scene, seed), chain) for seed in (3, 4))

    def away(latent: torch.Tensor) -> float:
        return float((model.character(latent) - model.character(was)).norm())

    assert float(character_pull(model, was, was).abs().max()) == 0
    assert away(was.roll(16, 1)) < 1e-3
    pull = character_pull(model, other, was)
    assert away(other - 20 * pull / pull.norm()) < 0.9 * away(other)


def test_without_ears_for_it_no_character_is_joined(tiny: TinyModel, ask: Asking) -> None:
    """A model that cannot tell is held by its latent alone."""
    latent, anchor = (tiny_noise(tiny, tiny.scene(ask.request()), seed) for seed in (0, 1))
    assert not character_pull(tiny, latent, anchor).any()


def test_one_control_that_needs_to_move_lets_the_loop_go(ask: Asking, tiny: TinyModel) -> None:
    """Notes and a level hold loosely, together as the firmer, a groove to its sounds; round the wrap nothing does."""

    def hold(*parts: Any) -> float:
        request = ask.request(*parts)
        return targets.build(request, tiny.scene(request), tiny).proximal_weight

    assert 0 < hold(ask.melody()) < hold(ask.intensity()) == hold(ask.intensity(), ask.melody())
    groove = Control(kind="rhythm", target=Onsets(onsets=(Onset(Fraction(0), 1.0),)))
    assert 0 < hold(ask.melody()) < hold(groove) == hold(groove, ask.melody())
    assert hold(ask.melody(), Control(kind="loop", target=Words(text=""))) == 0


@pytest.mark.parametrize("quality", Quality)
def test_the_proximal_weight_decays_alike_however_long_a_search_may_be(
    quality: str, ask: Asking, tiny: TinyModel
) -> None:
    """A short search ends with the same share of the weight; a budget of steps replays the same path."""
    request = msgspec.structs.replace(ask.request(ask.melody()), quality=quality)
    objective = targets.build(request, tiny.scene(request), tiny)
    plan = methods.plan(request, tiny, objective)
    assert plan.anchor.decay**plan.steps == pytest.approx(methods.LAST_PROXIMAL_WEIGHT)
    counted = msgspec.structs.replace(request, budget=Budget(steps=7))
    assert methods.plan(counted, tiny, objective).anchor == plan.anchor

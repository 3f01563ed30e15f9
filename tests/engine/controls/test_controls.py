"""Every control: its loss falls, its gradient is right, its own measure improves, and odd targets are harmless."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import controls, metrics
from engine.audio import finish as loop
from engine.controls.melody import FLOOR_SHARE, margin_loss
from engine.controls.rhythm import onset_strength, pooled
from engine.controls.structure import letter_matrix
from engine.errors import BadRequestError, DittoError, ModelError
from engine.metrics import structure as structure_metric
from engine.models import decode
from engine.models.protocol import Sampler
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Audio, Control, LoopRequest, Notes, Onsets, Words
from engine.search import objective as targets
from engine.search.balance import Balance
from engine.search.methods import Plan
from engine.search.minimize import minimize
from engine.search.shell import Shell
from engine.search.step import Easing, Padam, StepSize
from engine.search.surrogate import Chain, latent_of
from engine.spectrum import Spectrum
from midi.grooves.rhythm import Onset

CHAIN = Chain(steps=3, sampler=Sampler.DDIM)


def every(ask: Any) -> dict[str, Control]:
    """Return one control of each kind that needs nothing special of a model."""
    model = TinyModel()
    scene = model.scene(ask.request())
    sound = model.decode(tiny_noise(model, scene, 5) * 0.7, scene)[0].numpy()
    audio = ask.audio(sound, 16_000)
    kept = ask.audio(sound, 16_000, keep=((Fraction(0), Fraction(4)),))
    onsets = tuple(Onset(Fraction(beat), 1.0) for beat in (0, 1, 3, 4, 6))
    slow = ask.curve((0, -31.0), (4, -23.0), (8, -31.0))
    targets_of: dict[str, Any] = {
        "intensity": slow,
        "intensity-paper": slow,
        "intensity-corr": slow,
        "melody": ask.notes(72, 76, 79, 74),
        "melody-octave": ask.notes(72, 76, 79, 74),
        "melody-paper": ask.notes(72, 76, 79, 74),
        "rhythm": Onsets(onsets=onsets),
        "structure": Words(text="AABA"),
        "brightness": ask.curve((0, 500.0), (4, 1500.0), (8, 500.0), unit="hz"),
        "harmony": Words(text="Am F | C G"),
        "timbre": audio,
        "inpaint": kept,
        "outpaint": audio,
    }
    return {kind: Control(kind=kind, target=target) for kind, target in targets_of.items()}


KINDS = (
    "intensity",
    "intensity-paper",
    "intensity-corr",
    "melody",
    "melody-octave",
    "melody-paper",
    "rhythm",
    "structure",
    "brightness",
    "harmony",
    "timbre",
    "inpaint",
    "outpaint",
)


def losses_of(model: TinyModel, request: LoopRequest, latent: torch.Tensor) -> torch.Tensor:
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    return next(iter(objective.losses(model.listen(latent, scene), latent).values()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_finite_difference(kind: str, ask: Any) -> None:
    """In float64, in random directions, for each item of a batch by itself."""
    model = TinyModel(dtype=torch.float64)
    request = ask.request(every(ask)[kind])
    scene = model.scene(request)
    objective = targets.build(request, scene, model)

    def loss(latent: torch.Tensor) -> torch.Tensor:
        return objective.losses(model.listen(latent, scene), latent)[kind]

    latent = tiny_noise(model, scene, 1, 2).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(latent).sum(), latent)
    assert loss(latent).shape == (2,)
    way = torch.randn(latent.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        slopes = (loss(latent + 1e-6 * way) - loss(latent - 1e-6 * way)) / 2e-6
    torch.testing.assert_close((gradient * way).sum((1, 2)), slopes, rtol=2e-4, atol=1e-7)


def optimised(model: TinyModel, request: LoopRequest, steps: int) -> tuple[list[Any], Any]:
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    plan = Plan(
        chain=CHAIN,
        decode=CHAIN,
        steps=steps,
        step_size=StepSize(learning_rate=0.07, easing=Easing()),
        step_rule=Padam(),
        trust_region=None,
        balance=Balance(),
        anchor=None,
        shell=Shell(),
        verification=None,
        until_tolerance=False,
    )
    taken = list(minimize(plan, objective, model, scene, tiny_noise(model, scene)))
    with torch.no_grad():
        latent = latent_of(model, scene, taken[-1].best_noise, CHAIN)
    return taken, loop.finish(decode.to_audio(model, scene, latent)[0], scene, request)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls(kind: str, tiny: TinyModel, ask: Any) -> None:
    """By a third within 25 steps through the chain; where every band of every frame has a target, by a tenth."""
    taken, _ = optimised(tiny, ask.request(every(ask)[kind]), 25)
    assert taken[-1].best_total.item() < (0.93 if "paint" in kind else 0.67) * taken[0].total.item()
    assert min(step.distances[kind] for step in taken) < taken[0].distances[kind]


SCORES = {
    "intensity": "intensity_mse_gain_free",
    "melody": "melody_accuracy",
    "rhythm": "rhythm_f1_tight",
    "structure": "structure_mse",
    "brightness": "brightness_error_octaves",
    "harmony": "chords_recognised",
}


@pytest.mark.parametrize("kind", SCORES)
def test_the_reported_measure_improves(kind: str, tiny: TinyModel, ask: Any) -> None:
    """Read from the finished loop by code that was written apart from the loss."""
    request = ask.request(every(ask)[kind], sample_rate=16_000)
    finished = [optimised(tiny, request, steps)[1].audio for steps in (0, 40)]
    scores = [metrics.score(audio, 16_000, request, controls.metrics()) for audio in finished]
    before, after = (found[SCORES[kind]] or 0.0 for found in scores)
    if kind in ("melody", "rhythm", "harmony"):
        assert after > before + 0.1
    else:
        assert after < 0.75 * before


@pytest.mark.parametrize("control", ["flat", "one point", "silence", "rests", "no hits", "one letter"])
def test_odd_targets_are_harmless(control: str, tiny: TinyModel, ask: Any) -> None:
    """Flat curves, one breakpoint, minus infinity, a melody of rests: finite losses and gradients."""
    odd: dict[str, Control] = {
        "flat": Control(kind="intensity", target=ask.curve((0, -24.0), (8, -24.0))),
        "one point": Control(kind="intensity", target=ask.curve((5, -20.0))),
        "silence": Control(kind="intensity", target=ask.curve((0, -math.inf), (4, -math.inf), (4, -20.0))),
        "rests": Control(kind="melody", target=Notes(notes=())),
        "no hits": Control(kind="rhythm", target=Onsets(onsets=())),
        "one letter": Control(kind="structure", target=Words(text="AA")),
    }
    request = ask.request(odd[control])
    latent = tiny_noise(tiny, tiny.scene(request)).requires_grad_()
    loss = losses_of(tiny, request, latent)
    (gradient,) = torch.autograd.grad(loss.sum(), latent, allow_unused=True)
    assert torch.isfinite(loss).all()
    assert gradient is None or torch.isfinite(gradient).all()


def test_silence_itself_has_a_finite_loss(tiny: TinyModel, ask: Any) -> None:
    """A latent of silence can be pulled out of it by every control."""
    for kind, control in every(ask).items():
        request = ask.request(control)
        scene = tiny.scene(request)
        latent = torch.full((1, *scene.noise_shape), -40.0, requires_grad=True)
        loss = losses_of(tiny, request, latent)
        (gradient,) = torch.autograd.grad(loss.sum(), latent)
        assert torch.isfinite(loss).all(), kind
        assert torch.isfinite(gradient).all(), kind


@pytest.mark.parametrize("kind", ["intensity", "melody", "brightness", "inpaint"])
def test_within_its_beats_only(kind: str, tiny: TinyModel, ask: Any) -> None:
    """What changes in the beats outside the range, and away from it, does not change the loss."""
    control = every(ask)[kind]
    request = ask.request(Control(kind=kind, target=control.target, within=(Fraction(0), Fraction(3))))
    scene = tiny.scene(request)
    latent = tiny_noise(tiny, scene)
    other = latent.clone()
    other[:, 108:112] += 1.0  # beats 5.4 to 5.6 of 8, over a second away from the range
    torch.testing.assert_close(losses_of(tiny, request, latent), losses_of(tiny, request, other), rtol=1e-4, atol=1e-5)
    inside = latent.clone()
    inside[:, 20:24] += 1.0
    assert not torch.allclose(losses_of(tiny, request, latent), losses_of(tiny, request, inside), rtol=1e-3)


def test_a_loss_is_zero_where_the_target_is_the_sound(tiny: TinyModel, ask: Any) -> None:
    """Reference audio that is the loop itself is kept, and has its own timbre."""
    scene = tiny.scene(ask.request())
    latent = tiny_noise(tiny, scene) * 0.5
    own = tiny.decode(latent, scene)
    heard = tiny.encode(own, scene)
    audio = ask.audio(own[0].numpy(), 16_000, keep=((Fraction(0), Fraction(8)),))
    for kind in ("inpaint", "timbre"):
        request = ask.request(Control(kind=kind, target=audio))
        objective = targets.build(request, scene, tiny)
        exact = objective.losses(tiny.hear(own, scene), heard)[kind]
        other = losses_of(tiny, request, tiny_noise(tiny, scene, 7))
        assert float(exact) < 1e-4 < 1e-2 < float(other)


@pytest.mark.parametrize(
    ("kind", "target", "sentence"),
    [
        ("structure", Words(text="A"), "2 to 32 letters"),
        ("structure", Words(text="A2B"), "letters like AABA"),
        ("inpaint", Audio(samples=b"\0" * 64, sample_rate=8_000), "beats to keep"),
        ("inpaint", Audio(samples=b"\0" * 64, sample_rate=8_000, keep=((Fraction(4), Fraction(99)),)), "within 0 to 8"),
        ("timbre", Audio(samples=np.full(16, np.nan, "<f4").tobytes(), sample_rate=8_000), "not numbers"),
    ],
)
def test_targets_that_mean_nothing_are_refused(
    kind: str, target: Any, sentence: str, tiny: TinyModel, ask: Any
) -> None:
    """In one sentence that says what is allowed."""
    request = ask.request(Control(kind=kind, target=target))
    with pytest.raises(BadRequestError, match=sentence):
        targets.build(request, tiny.scene(request), tiny)


def test_melodies_without_a_voice_are_refused(tiny: TinyModel, ask: Any) -> None:
    """Notes that are all muted, and pitches that melody-octave cannot tell."""
    muted = Notes(notes=tuple(replace(note, muted=True) for note in ask.notes(60, 62).notes))
    for kind, target in (("melody", muted), ("melody-octave", ask.notes(30, 72))):
        request = ask.request(Control(kind=kind, target=target))
        with pytest.raises(DittoError):
            targets.build(request, tiny.scene(request), tiny)


class Reads(TinyModel):
    """A model with towers: the brighter, the more it sounds like anything."""

    def text_similarity(self, latent: torch.Tensor, scene: Any, text: str) -> torch.Tensor:
        self.asked = text
        return torch.tanh(latent[..., 36:].mean((1, 2)))


def test_text_follows_the_towers(ask: Any) -> None:
    """The similarity rises; an empty text means the prompt, and a model without towers says so."""
    model = Reads()
    request = ask.request(Control(kind="text", target=Words(text="")))
    taken, _ = optimised(model, request, 15)
    assert taken[-1].losses["text"] < taken[0].losses["text"] - 0.05
    assert model.asked == "toy"
    with pytest.raises(ModelError, match="towers"):
        targets.build(request, TinyModel().scene(request), TinyModel())


def test_the_loop_control_closes_an_open_end(ask: Any) -> None:
    """A latent with a step at the wrap costs, a closed one does not, and the gradient points at the ends."""
    model = TinyModel(circular=False)
    request = ask.request(Control(kind="loop", target=Words(text="")))
    scene = model.scene(request)
    turn = 2 * math.pi * torch.arange(scene.frames) / scene.frames
    closed = torch.sin(turn)[None, :, None].expand(1, -1, 72)
    opened = (closed + torch.linspace(0, 3, scene.frames)[None, :, None]).requires_grad_()
    losses = [losses_of(model, request, latent) for latent in (closed, opened)]
    assert float(losses[0]) < 0.5 < 5 < float(losses[1].detach())
    (gradient,) = torch.autograd.grad(losses[1].sum(), opened)
    assert gradient[0, 1:-1].abs().max() < 1e-3 * gradient[0, 0].abs().max()


def test_letters_have_the_matrix_of_the_metric() -> None:
    """Loss and metric were written apart, and agree on what AABA means."""
    for form in ("AABA", "ABAC", "ABCD", "AABB"):
        blocks = np.kron(letter_matrix(form), np.ones((4, 4)))
        np.testing.assert_allclose(structure_metric.smoothed(blocks), structure_metric.target_matrix(form), atol=1e-9)


@given(st.integers(0, 11), st.floats(0.05, 0.9), st.floats(1.01, 2.0))
def test_a_note_lacks_less_the_more_it_leads(note: int, share: float, more: float) -> None:
    """What is missing falls with the note's own share, and next to nothing is left of a clear lead."""
    rest = (1 - share) / 11
    heard = torch.full((1, 12, 1), rest)
    heard[0, note] = share
    louder = heard.clone()
    louder[0, note] = min(share * more, 0.99)
    wanted = torch.tensor([note])
    assert margin_loss(louder, wanted) < margin_loss(heard, wanted)
    alone = torch.full((1, 12, 1), FLOOR_SHARE)
    alone[0, note] = 1 - 11 * FLOOR_SHARE
    assert margin_loss(alone, wanted) < 1e-6


def test_a_soft_hit_is_heard_beside_a_loud_one() -> None:
    """A hit of a hundredth of the power still counts for a good part of a loud one's strength: nobody may hide it."""
    power = torch.full((1, 16, 64), 1e-7)
    power[:, :, 16:24] = 1e-2
    power[:, :, 48:56] = 1e-4
    frequencies = torch.logspace(math.log10(50), math.log10(15_000), 16)
    spectrum = Spectrum(power=power, frequencies_hz=frequencies, bins=torch.ones(16), frame_rate_hz=86.0, circular=True)
    strength = onset_strength(spectrum, pooled(spectrum, 40, 16_000), torch.ones(1))[0]
    assert strength[48] > 0.6 * strength[16]
    assert strength[:16].abs().max() < 1e-6

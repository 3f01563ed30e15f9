"""`pocket` in layers: a sum of sounds that are each their own, and that hear each other."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from engine import pipeline
from engine.audio.finish import finish
from engine.controls import Term
from engine.errors import BadInputError, BadRequestError, ModelError
from engine.events import Take
from engine.metrics.peak import true_peak_db
from engine.models.protocol import Layers, Model, Sampler, Scene
from engine.pocket.bands import FLOOR, band_power, log_bands
from engine.pocket.layered import LayeredPocket
from engine.pocket.layers import CHORD_CHANNELS, CONTEXT_CHANNELS, HEARD_CHANNELS, Layer
from engine.request import Audio, Budget, Control, Curve, LoopRequest, Onsets, Point, Start
from engine.sampling import sample, start_noise
from engine.search.methods import plan
from engine.search.minimize import minimize
from engine.search.objective import Goal, Objective
from engine.search.report import Step
from engine.settings import Settings
from engine.spectrum import Spectrum
from engine.takes.noise import OpenSeeds, layered_from_bytes, noise_from_bytes, noise_to_bytes
from midi.chords.text import parse_chords
from midi.grooves.rhythm import Onset

SOME = (Layer.DRUMS, Layer.BASS, Layer.CHORDS)


def request(**changes: object) -> LoopRequest:
    return LoopRequest(prompt="house", bars=1, tempo_bpm=Fraction(150), **changes)  # type: ignore[arg-type]


def scene_of(layered: LayeredPocket, layers: tuple[Layer, ...] = SOME, **changes: object) -> Scene:
    asked = request(**({"layers": layers} | changes))
    return layered.scene(asked, layered.arrange(asked, layers))


def made(layered: LayeredPocket, scene: Scene, noise: Tensor) -> Tensor:
    with torch.no_grad():
        return sample(layered, scene, noise, layered.schedule(2, scene), Sampler.TRAJECTORY, checkpoint=False)


def test_it_is_a_model_of_layers(layered: LayeredPocket) -> None:
    """It has everything that the protocols name, and its scene names its layers."""
    assert isinstance(layered, Model)
    assert isinstance(layered, Layers)
    scene = scene_of(layered)
    assert scene.layers == ("drums", "bass", "chords")
    assert scene.noise_shape == (3, scene.frames, 12)


def test_a_layer_has_its_own_noise(layered: LayeredPocket) -> None:
    """The same seed gives a layer the same noise whichever layers there are beside it, and each another."""
    whole = start_noise(scene_of(layered), 7, 2)
    some = start_noise(scene_of(layered, (Layer.BASS,)), 7, 2)
    assert torch.equal(whole[:, 1:2], some)
    assert not torch.equal(whole[:, 0], whole[:, 1])


def test_the_loop_is_the_sum_of_its_stems(layered: LayeredPocket) -> None:
    """Stems add up to what is delivered, to the bit, with a limiter and without."""
    for controls in ((), (Control(kind="intensity", target=Curve(points=(Point(beat=Fraction(0), value=-9.0),))),)):
        scene = scene_of(layered, controls=controls)
        latent = made(layered, scene, start_noise(scene, 1))
        stems = layered.stems(latent, scene)
        assert stems.shape == (1, 3, 2, scene.model_samples)
        assert torch.equal(stems.sum(1), layered.decode(latent, scene))


def test_what_is_heard_is_the_power_of_all(layered: LayeredPocket) -> None:
    """Powers of layers add, and some of them can be listened to alone; the gradient reaches no other."""
    scene = scene_of(layered)
    latent = made(layered, scene, start_noise(scene, 1)).requires_grad_()
    alone = [layered.listen_to(latent, scene, (name,)).power for name in scene.layers]
    assert torch.allclose(layered.listen(latent, scene).power, torch.stack(alone).sum(0), rtol=1e-3, atol=1e-7)
    (slope,) = torch.autograd.grad(alone[1].sum(), latent)
    assert slope[:, 1].any()
    assert not slope[:, [0, 2]].any()
    with pytest.raises(BadRequestError, match="no layer lead"):
        layered.listen_to(latent, scene, ("lead",))


def test_layers_hear_those_before_them(layered: LayeredPocket) -> None:
    """What a layer is told of the others is what they sound like, the first hears silence, and a take keeps it."""
    scene = scene_of(layered)
    noise = start_noise(scene, 3, 2)
    told, rows = layered.condition_layers(scene, noise)
    assert rows.shape == (2, 3, scene.frames, HEARD_CHANNELS)
    assert torch.equal(rows[0, 0], rows[1, 0])
    assert not torch.equal(rows[0, 1], rows[1, 1])
    both, again = made(layered, told, noise), made(layered, layered.with_layer_context(scene, rows[1:]), noise[1:])
    assert torch.allclose(both[1:], again, atol=1e-5)
    alone = layered.with_layer_context(scene, rows[:1])
    assert torch.equal(made(layered, told, noise[:1]), made(layered, alone, noise[:1]))
    assert not torch.allclose(both, made(layered, scene, noise))


def test_conditioned_layers_are_not_sampled_again(layered: LayeredPocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delivered chain is the one that conditioned the layers, answer by answer: the network is not asked twice."""
    scene = scene_of(layered)
    noise = start_noise(scene, 11)
    told, _ = layered.condition_layers(scene, noise)
    asked = []
    network = layered.network.forward
    monkeypatch.setattr(layered.network, "forward", lambda *given: asked.append(1) or network(*given))
    steps = layered.schedule(layered.card.decode_steps, told)
    with torch.no_grad():
        sample(layered, told, noise, steps, layered.card.sampler, checkpoint=False)
    assert not asked


def test_side_by_side_layers_are_what_they_are_one_by_one(layered: LayeredPocket) -> None:
    """With a gradient all layers of all takes go in one batch, and come out as they do alone."""
    scene = scene_of(layered)
    noise = start_noise(scene, 12, 2)
    told, _ = layered.condition_layers(scene, noise)
    time, until = torch.tensor(1.0), torch.tensor(0.5)
    alone = layered.denoise(noise, time, told, until=until)
    together = layered.denoise(noise.requires_grad_(), time, told, until=until)
    assert torch.allclose(alone, together, atol=1e-5)


def test_layers_hear_a_recording_beside_them(layered: LayeredPocket) -> None:
    """A recording is heard by every layer, the first too, and is no part of the loop."""
    scene = scene_of(layered)
    noise = start_noise(scene, 3)
    torch.manual_seed(0)
    beside = torch.randn(2, scene.model_samples)  # louder than what it may take from a frame of the layers before
    alone, rows = layered.condition_layers(scene, noise)
    told, louder = layered.condition_layers(scene, noise, beside)
    assert (louder[..., :16] > rows[..., :16]).all()
    assert layered.stems(made(layered, told, noise), told).shape[1] == 3
    assert not torch.allclose(made(layered, alone, noise), made(layered, told, noise))


def test_one_layer_anew_leaves_the_others(layered: LayeredPocket) -> None:
    """Another noise for the bass changes the bass alone: the others are told what they were told before."""
    scene = scene_of(layered)
    noise = start_noise(scene, 3)
    told, _ = layered.condition_layers(scene, noise)
    other = noise.clone()
    other[:, 1] = start_noise(scene, 4)[:, 1]
    before, after = made(layered, told, noise), made(layered, told, other)
    assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
    assert not torch.allclose(before[:, 1], after[:, 1])


def test_chords_are_told_where_they_sound(layered: LayeredPocket) -> None:
    """A chord stands in the frames of its beats, the same for all layers, and the scene says which there are."""
    asked = request()
    spans = parse_chords("Am N.C. F/C G").spans(1, Fraction(4))
    scene = layered.scene(asked, layered.arrange(asked, SOME, spans))
    chords = scene.inputs.context[..., :CHORD_CHANNELS]
    quarter = scene.frames // 4
    assert torch.equal(chords[0], chords[2])
    assert chords[0, quarter // 2, :12].argmax() == 9
    assert chords[0, quarter // 2, 12:24].nonzero()[:, 0].tolist() == [0, 4, 9]
    assert chords[0, 3 * quarter // 2].nonzero()[:, 0].tolist() == [36]
    assert chords[0, 5 * quarter // 2, 24:36].argmax() == 0
    assert any("Am N.C. F/C G" in note for note in scene.notes)


def test_a_long_loop_is_told_piece_by_piece(layered: LayeredPocket) -> None:
    """In a loop of several pieces a change of chords changes the half that it is in most."""
    asked = LoopRequest(prompt="house", bars=12, tempo_bpm=Fraction(80))
    one, other = (
        layered.scene(asked, layered.arrange(asked, SOME, parse_chords(text).spans(12, Fraction(4))))
        for text in ("Am " * 12, "Am " * 9 + "F# " * 3)
    )
    assert one.inputs.pieces > 1
    noise = start_noise(one, 1)
    off = (made(layered, one, noise) - made(layered, other, noise)).square().mean((0, 1, 3))
    assert off[-one.frames // 5 :].mean() > 3 * off[one.frames // 4 : one.frames // 2].mean()


class _Louder:
    """A goal that one layer be louder; the others are not heard."""

    def __init__(self, layered: LayeredPocket, scene: Scene) -> None:
        self.layered, self.scene = layered, scene

    def __call__(self, spectrum: Spectrum, latent: Tensor) -> Tensor:
        level_db = self.layered.listen_to(latent, self.scene, ("bass",)).level_db
        return (level_db + 10).square().mean(1)


def steps(layered: LayeredPocket, scene: Scene, noise: Tensor) -> Iterator[Step]:
    louder = _Louder(layered, scene)
    goal = Goal(name="bass", kind="bass", weight=1.0, tolerance=0.1, term=Term(louder, louder, proximal_weight=1.0))
    asked, objective = request(budget=Budget(steps=3)), Objective((goal,))
    return minimize(plan(asked, layered, objective), objective, layered, scene, noise)


def test_a_layer_that_no_control_reaches_stays_to_the_bit(layered: LayeredPocket) -> None:
    """A search for a louder bass moves the bass, and neither the drums nor the chords."""
    scene = scene_of(layered)
    noise = start_noise(scene, 5)
    told, _ = layered.condition_layers(scene, noise)
    *_, last = steps(layered, told, noise)
    found = last.state.noise
    assert torch.equal(found[:, [0, 2]], noise[:, [0, 2]])
    assert not torch.allclose(found[:, 1], noise[:, 1])
    assert found[:, 1].std() == pytest.approx(1, abs=1e-3)


def test_a_rhythm_is_the_drums(layered: LayeredPocket) -> None:
    """Where a loop has layers a rhythm is asked of its drums, which are there for it; nothing else moves."""
    hits = Onsets(onsets=tuple(Onset(beat=Fraction(beat), strength=1.0) for beat in range(4)))
    asked = msgspec.structs.replace(
        request(controls=(Control(kind="rhythm", target=hits),), budget=Budget(steps=12)), prompt="piano, strings"
    )
    scene = layered.scene(asked)
    assert "drums" in scene.layers
    assert len(scene.layers) > 1
    take = takes(layered, asked)[0]
    found, before = noise_from_bytes(take.noise, scene.noise_shape), start_noise(scene, asked.seed)[0]
    same = [torch.equal(one, other) for one, other in zip(found, before, strict=True)]
    drums = [name in ("drums", "percussion") for name in scene.layers]
    assert all(stays for stays, beaten in zip(same, drums, strict=True) if not beaten)
    assert not same[scene.layers.index("drums")]


def test_recordings_have_no_layers(layered: LayeredPocket) -> None:
    """What needs a recording's own layers is refused in a sentence, and what only listens to one is not."""
    sound = Audio(samples=b"\0" * 8 * 44_100, sample_rate=44_100, keep=((Fraction(0), Fraction(1)),))
    kept = (Control(kind="inpaint", target=sound),)
    assert layered.scene(request(controls=kept)).layers == ()
    assert any("full mix plays" in note for note in layered.scene(request(controls=kept, layers=("bass",))).notes)
    with pytest.raises(BadRequestError, match="inpaint is one sound without layers, so that stems cannot be used"):
        layered.scene(request(controls=kept, stems=True))
    scene = scene_of(layered)
    audio = torch.randn(2, scene.model_samples) * 0.1
    with pytest.raises(ModelError, match="taken apart"):
        layered.encode(audio[None], scene)
    assert layered.hear(audio[None], scene).power.shape[-1] == 2 * scene.frames


def test_without_layers_nothing_is_told(layered: LayeredPocket) -> None:
    """A layered network that is told no layer and an empty context answers as if it had neither."""
    plain = layered.pocket.scene(request())
    noise = start_noise(plain, 1)
    told = replace(
        plain,
        inputs=replace(plain.inputs, layer=torch.zeros(1, 6), context=torch.zeros(1, plain.frames, CONTEXT_CHANNELS)),
    )
    ways = [
        sample(layered.pocket, one, noise, layered.schedule(2, one), Sampler.TRAJECTORY, checkpoint=False)
        for one in (plain, told)
    ]
    assert torch.equal(*ways)


def test_the_picture_of_a_sum_is_that_of_summed_powers(layered: LayeredPocket) -> None:
    """Noises of two layers are heard as loud as their sum: within a decibel in the mean."""
    torch.manual_seed(1)
    sounds = torch.randn(2, 2, 44_100) * 0.1
    bands = log_bands(sounds, 176)
    summed = torch.log(band_power(bands).sum(0) + FLOOR)
    off = (summed - log_bands(sounds.sum(0), 176)).mean() * 10 / torch.tensor(10.0).log()
    assert abs(float(off)) < 1


def takes(layered: LayeredPocket, asked: LoopRequest) -> list[Take]:
    return [event for event in pipeline.make_loop(asked, layered, Settings()) if isinstance(event, Take)]


def test_a_take_in_layers_is_made_rebuilt_and_begun_from(layered: LayeredPocket) -> None:
    """Through the whole flow: a stored take sounds the same again, and so does one that begins from it."""
    asked = request(count=2, sample_rate=44_100)
    for take in takes(layered, asked):
        sound = np.frombuffer(take.sound.samples, "<f4").reshape(-1, 2).T
        assert np.array_equal(pipeline.rebuild(asked, layered, take.noise), sound)
        assert take.record["layers"] == list(layered.scene(asked).layers)
        assert take.record["key"]
        assert take.record["chords"]
        same = takes(layered, request(start=Start(noise=take.noise)))[0]
        assert same.sound.samples == take.sound.samples


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_delivered_stems_add_up_to_the_mix(layered: LayeredPocket, sample_rate: int) -> None:
    """Resampled and levelled alike, to -90 dBFS; where a stem alone would clip, all are quieter."""
    asked = request(sample_rate=sample_rate)
    scene = scene_of(layered)
    stems = layered.stems(made(layered, scene, start_noise(scene, 1)), scene)[0]
    found = finish(stems.sum(0), scene, asked, stems=stems)
    assert found.stems is not None
    assert np.abs(found.stems.sum(0) - found.audio).max() < 10 ** (-90 / 20)
    plain = finish(stems.sum(0), scene, asked)
    both = torch.stack([3 * stems[0], stems.sum(0) - 3 * stems[0]])  # which cancel each other
    hot = finish(both.sum(0), scene, asked, stems=both)
    assert hot.stems is not None
    assert max(true_peak_db(stem, circular=True) for stem in hot.stems) <= 0.01
    assert hot.gain_db <= plain.gain_db


def test_what_a_take_heard_is_stored_with_it() -> None:
    """It reads back to the bit; a plain take heard nothing, and rows of other layers are no take's."""
    noise, heard = torch.randn(2, 8, 12), torch.rand(2, 8, HEARD_CHANNELS)
    seeds = OpenSeeds(1, 1)
    data = noise_to_bytes(noise, model="pocket", seed=1, open_seeds=seeds, layers=("drums", "bass"), heard=heard)
    found = layered_from_bytes(data)
    assert found is not None
    assert found.layers == ("drums", "bass")
    assert torch.equal(found.noise, noise)
    assert torch.equal(found.heard, heard)
    assert layered_from_bytes(noise_to_bytes(noise, model="pocket", seed=1, open_seeds=seeds)) is None
    for layers, rows in (
        (("drums",), heard), (("drums", "drums"), heard), (("drums", "tuba"), heard), (("drums", "bass"), heard[:, :4]),
        (("drums", "bass"), heard / 0),
    ):  # fmt: skip
        with pytest.raises(BadInputError):
            layered_from_bytes(noise_to_bytes(noise, model="p", seed=1, open_seeds=seeds, layers=layers, heard=rows))

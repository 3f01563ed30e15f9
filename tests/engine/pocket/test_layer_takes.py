"""Takes in layers through the whole flow: again, mute, beside, stems, chords, controls on layers, other weights."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_takes import TUNE, Audios, audio, events, request, with_stems

from engine import pipeline
from engine.audio.finish import STEM_CEILING_DBTP, finish
from engine.errors import BadInputError, BadRequestError
from engine.events import Accepted, Checkpoint, Preview, Stems, Take
from engine.metrics.peak import true_peak_db
from engine.models.protocol import Scene
from engine.models.testing import TinyModel
from engine.pocket.layered import LayeredPocket
from engine.request import LAYERS, Audio, Budget, Control, Curve, LoopRequest, Method, Notes, Point, Start
from engine.settings import Settings
from engine.takes.noise import CONDITIONING, LayeredNoise, layered_from_bytes, noise_to_bytes, open_seeds, stored_facts

LOUD = Curve(points=(Point(beat=Fraction(0), value=-20.0),))


def takes(model: LayeredPocket, asked: LoopRequest) -> list[Take]:
    return [event for event in events(model, asked) if isinstance(event, Take)]


def noises(take: Take) -> LayeredNoise:
    found = layered_from_bytes(take.noise)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def first(layered: LayeredPocket) -> tuple[Take, Audios]:
    """Return a take of three layers, and its stems."""
    return with_stems(layered, request())


def test_the_full_mix_is_what_it_was(layered: LayeredPocket) -> None:
    """Asked for as one sound, the model plays as the one that knows no layers, to the bit; the record has none."""
    mix, plain = (takes(model, request("mix"))[0] for model in (layered, layered.pocket))  # type: ignore[arg-type]
    assert mix.sound.samples == plain.sound.samples
    assert mix.record["layers"] == []
    assert mix.record["weights"] == "a" * 12


def test_the_record_says_what_plays(first: tuple[Take, Audios]) -> None:
    """Layers, chords, what is muted and the weights stand in the record, and the weights with the noise."""
    record = first[0].record
    assert record["layers"] == ["drums", "bass", "lead"]
    assert record["muted"] == []
    assert record["weights"] == "b" * 12
    assert "|" in str(record["chords"])


def test_one_layer_is_made_again_beside_the_others(layered: LayeredPocket, first: tuple[Take, Audios]) -> None:
    """Another bass leaves noise, what was heard, and the sound of all others as they were, to the bit."""
    take, stems = first
    asked = msgspec.structs.replace(request("", again=("bass",), start=Start(noise=take.noise)), seed=99)
    after, others = with_stems(layered, asked)
    was, now = noises(take), noises(after)
    assert now.layers == was.layers
    kept = [0, 2]
    assert torch.equal(now.noise[kept], was.noise[kept])
    assert torch.equal(now.heard[kept], was.heard[kept])
    assert not torch.allclose(now.noise[1], was.noise[1])
    assert not torch.equal(now.heard[1], was.heard[1])  # it hears the lead, too, which was there before it
    for name in ("drums", "lead"):
        assert np.allclose(others[name], stems[name], atol=1e-6)
    assert not np.allclose(others["bass"], stems["bass"], atol=1e-3)


@pytest.mark.parametrize("had_level", [False, True])
def test_a_level_that_is_not_searched_for_leaves_the_others_as_they_sound(
    had_level: bool, layered: LayeredPocket
) -> None:
    """Beside another bass drums and lead have one gain, whether or not their take was limited; and so when rebuilt."""
    level = Control(kind="intensity", target=Curve(points=(Point(Fraction(0), -6.0), Point(Fraction(2), -3.0))))
    take, stems = with_stems(layered, request(controls=(level,) if had_level else (), budget=Budget(steps=1)))
    again = msgspec.structs.replace(
        request("", controls=(level,), again=("bass",), start=Start(noise=take.noise)), seed=99
    )
    after, others = with_stems(layered, again)
    told = (json.loads(stored_facts(one.noise)[CONDITIONING])["is_limited"] for one in (take, after))
    assert tuple(told) == (had_level, had_level)
    if not had_level:
        for name in ("drums", "lead"):
            assert np.allclose(others[name], stems[name], atol=1e-6)
    assert np.array_equal(pipeline.rebuild(again, layered, after.noise), audio(after.sound.samples))


@pytest.mark.parametrize(("again", "is_limited"), [("drums,bass,lead", True), ("bass", False)])
def test_a_level_that_is_searched_for_is_limited(
    again: str, is_limited: bool, layered: LayeredPocket, first: tuple[Take, Audios]
) -> None:
    """Where all layers are made again nothing stays, and so the level is searched for and the mix limited."""
    level = Control(kind="intensity", target=LOUD)
    asked = request("", controls=(level,), again=again, start=Start(noise=first[0].noise), budget=Budget(steps=1))
    (take,) = takes(layered, asked)
    assert json.loads(stored_facts(take.noise)[CONDITIONING])["is_limited"] is is_limited
    assert np.array_equal(pipeline.rebuild(asked, layered, take.noise), audio(take.sound.samples))


def test_a_layer_may_be_varied_or_added(layered: LayeredPocket, first: tuple[Take, Audios]) -> None:
    """A variation moves the layers that are made again and no others; a layer that the take lacks is added to it."""
    was = noises(first[0])
    start = Start(noise=first[0].noise, variation=0.1)
    near = noises(takes(layered, request("", again=("bass",), start=start))[0])
    assert torch.equal(near.noise[[0, 2]], was.noise[[0, 2]])
    assert 0 < (near.noise[1] - was.noise[1]).std() < 0.2
    more = noises(takes(layered, request("drums,chords", start=Start(noise=first[0].noise)))[0])
    assert more.layers == ("drums", "chords")
    assert torch.equal(more.noise[0], was.noise[0])
    assert torch.equal(more.heard[0], was.heard[0])
    varied = noises(takes(layered, request("", start=Start(noise=first[0].noise, variation=0.1)))[0])
    assert not any(torch.equal(one, other) for one, other in zip(varied.noise, was.noise, strict=True))


def test_layers_that_stay_are_told_what_they_were_told(layered: LayeredPocket) -> None:
    """Whatever else is asked of a take, its words, key and chords stay, so that a melody moves the lead alone."""
    take, stems = with_stems(layered, msgspec.structs.replace(request(""), seed=8))
    start, names = Start(noise=take.noise), noises(take).layers
    for layers in ("", ",".join(names), ",".join(names[:2])):
        again, others = with_stems(layered, request(layers, start=start, again=(names[0],)))
        assert again.record["chords"] == take.record["chords"]
        assert all(np.allclose(others[name], stems[name], atol=1e-6) for name in set(others) - {names[0]})
    tune = (Control(kind="melody", target=TUNE, on=(names[0],)),)
    moved, others = with_stems(layered, request("", start=start, controls=tune, budget=Budget(steps=1)))
    assert moved.record["key"] == take.record["key"]
    assert all(np.allclose(others[name], stems[name], atol=1e-6) for name in names[1:])
    encoded = msgspec.structs.replace(request("", start=start), prompt="drum and bass, dark")
    assert layered.scene(encoded).conditioning != layered.scene(request("", start=start)).conditioning


def test_a_muted_layer_is_heard_by_the_others_alone(layered: LayeredPocket, first: tuple[Take, Audios]) -> None:
    """Muting changes what is in the mix, and no layer; its stem is there, and rebuilding makes the same mix."""
    asked = request(mute=("drums",))
    take, stems = with_stems(layered, asked)
    assert take.record["muted"] == ["drums"]
    assert all(np.allclose(stems[name], first[1][name], atol=1e-6) for name in stems)
    gain = 10 ** (float(str(take.record["gain_db"])) / 20)
    mix = gain * (stems["bass"] + stems["lead"])
    assert np.abs(audio(take.sound.samples) - mix).max() < 10 ** (-90 / 20)
    assert np.array_equal(pipeline.rebuild(asked, layered, take.noise), audio(take.sound.samples))


@pytest.mark.parametrize(("mute", "said"), [((), False), (("drums",), False), (("lead",), True)])
def test_a_verdict_on_a_muted_layer_says_so(mute: tuple[str, ...], said: bool, layered: LayeredPocket) -> None:
    """A tune in a muted lead is followed where nobody hears it."""
    asked = request(controls=(Control(kind="melody", target=TUNE),), mute=mute, budget=Budget(steps=1))
    (take,) = takes(layered, asked)
    assert any(note.startswith("melody: what is said of it is of lead, which is muted") for note in take.notes) is said


def test_a_recording_beside_is_heard_and_not_delivered(layered: LayeredPocket, first: tuple[Take, Audios]) -> None:
    """Layers sound otherwise beside a recording, which is in no stem; a short one is heard again and again."""
    hum = np.sin(np.arange(17_640) * 0.05).astype("<f4")  # one beat
    asked = request(beside=Audio(samples=hum.tobytes(), sample_rate=44_100, channels=1))
    told = events(layered, msgspec.structs.replace(asked, stems=True))
    accepted = next(event for event in told if isinstance(event, Accepted))
    assert any("1 of 4 beats long, and is heard again" in note for note in accepted.notes)
    take = next(event for event in told if isinstance(event, Take))
    stems = next(event for event in told if isinstance(event, Stems))
    whole = sum(audio(sound.samples) for sound in stems.sounds.values())
    assert np.abs(whole - audio(take.sound.samples)).max() < 10 ** (-90 / 20)
    assert not torch.equal(noises(take).heard[0], noises(first[0]).heard[0])
    assert torch.equal(noises(take).noise, noises(first[0]).noise)
    assert np.array_equal(pipeline.rebuild(asked, layered, take.noise), audio(take.sound.samples))


def test_stems_follow_each_take_where_they_are_asked_for(layered: LayeredPocket) -> None:
    """Each of two takes is followed by its own stems; without asking there are none, and the mix is the same."""
    told = [event for event in events(layered, request(count=2, stems=True)) if isinstance(event, Take | Stems)]
    assert [type(event) for event in told] == [Take, Stems, Take, Stems]
    assert [event.take for event in told[::2]] == [event.take for event in told[1::2]]
    plain = events(layered, request(count=2))
    assert not any(isinstance(event, Stems) for event in plain)
    sounds = [[event.sound for event in each if isinstance(event, Take)] for each in (told, plain)]
    assert sounds[0] == sounds[1]


@settings(max_examples=40)
@given(
    st.integers(2, 6), st.sets(st.integers(0, 5), max_size=5), st.sampled_from([8_000, 44_100, 48_000, 96_000]),
    st.floats(0.01, 30.0), st.booleans(), st.integers(0, 2**31),
)  # fmt: skip
def test_stems_add_up_to_the_mix(
    plain: Scene, count: int, muted: set[int], sample_rate: int, level: float, cancels: bool, seed: int
) -> None:
    """To -90 dBFS whatever is muted, at any rate; no stem that is delivered is above 0 dBTP."""
    names = tuple(str(name) for name in LAYERS[:count])
    silent = tuple(name for index, name in enumerate(names) if index in muted)
    if len(silent) == len(names):
        silent = ()
    scene = replace(plain, layers=names, muted=silent)
    stems = torch.randn(count, 2, scene.model_samples, generator=torch.Generator().manual_seed(seed)) * 0.1
    if cancels:
        stems[1] = -stems[0]
    stems[0] *= level
    audible = [name not in silent for name in names]
    asked = msgspec.structs.replace(request(), sample_rate=sample_rate, stems=True)
    found = finish(stems[audible].sum(0), scene, asked, stems=stems)
    assert found.stems is not None
    assert found.stems.shape == (count, 2, asked.samples)
    assert np.abs(found.stems[audible].sum(0) - found.audio).max() < 10 ** (-90 / 20)
    assert max(true_peak_db(stem, circular=True) for stem in found.stems) <= STEM_CEILING_DBTP + 0.01


@pytest.fixture(scope="module")
def plain(layered: LayeredPocket) -> Scene:
    """Return the scene of a short full mix."""
    return layered.scene(request("mix"))


@pytest.mark.parametrize(("kind", "target", "on", "moved"), [
    ("melody", TUNE, (), ["lead"]),
    ("melody", TUNE, ("bass",), ["bass"]),
    ("intensity", LOUD, ("drums", "bass"), ["drums", "bass"]),
    ("brightness", Curve(points=(Point(beat=Fraction(0), value=900.0),), unit="hz"), (), ["drums", "bass", "lead"]),
])  # fmt: skip
def test_a_control_moves_its_own_layers(
    layered: LayeredPocket, kind: str, target: Curve | Notes, on: tuple[str, ...], moved: list[str]
) -> None:
    """A search leaves noise and sound of all other layers as they were to the bit, and rebuilds to the same take."""
    controls = (Control(kind=kind, target=target, on=on),)
    asked = request(controls=controls, budget=Budget(steps=12, until_tolerance=False))
    take, stems = with_stems(layered, asked)
    free, before = with_stems(layered, msgspec.structs.replace(asked, method=Method.NONE))
    now, was = noises(take), noises(free)
    same = [name for name, one, other in zip(now.layers, now.noise, was.noise, strict=True) if torch.equal(one, other)]
    assert same == [name for name in now.layers if name not in moved]
    assert torch.equal(now.heard, was.heard)
    if kind != "intensity":  # whose limiter turns all layers down with their sum
        assert all(np.allclose(stems[name], before[name], atol=1e-6) for name in same)
    assert np.array_equal(pipeline.rebuild(asked, layered, take.noise), audio(take.sound.samples))


def test_controls_of_the_loop_and_of_a_layer_stand_beside_each_other(layered: LayeredPocket) -> None:
    """A curve for all and a tune for the lead move all layers; a muted layer that no control names stays."""
    controls = (Control(kind="intensity", target=LOUD), Control(kind="melody", target=TUNE))
    asked = request(controls=controls, mute=("drums",), budget=Budget(steps=2, until_tolerance=False))
    free = msgspec.structs.replace(asked, method=Method.NONE)
    now, was = (noises(takes(layered, each)[0]) for each in (asked, free))
    assert [torch.equal(one, other) for one, other in zip(now.noise, was.noise, strict=True)] == [True, False, False]


def test_a_search_in_layers_is_resumed_to_the_same_end(layered: LayeredPocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a checkpoint on the same take follows; previews are of the whole loop."""
    monkeypatch.setattr(pipeline, "SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(pipeline, "PREVIEW_EVERY_SECONDS", 0.0)
    asked = request(
        controls=(Control(kind="melody", target=TUNE),), budget=Budget(steps=3, until_tolerance=False), count=2
    )
    told = events(layered, asked)
    early = next(event for event in told if isinstance(event, Preview))
    assert len(early.sound.samples) == 8 * asked.samples
    state = next(event for event in told if isinstance(event, Checkpoint)).state
    again = pipeline.make_loop(asked, layered, Settings(), resume=state)
    resumed = [event for event in again if isinstance(event, Take)]
    assert [take.sound for take in resumed] == [take.sound for take in told if isinstance(take, Take)]


def test_guidance_steers_layers_too(layered: LayeredPocket) -> None:
    """Guidance moves the layers of its controls, and its take is rebuilt to the bit."""
    asked = request(controls=(Control(kind="melody", target=TUNE),), method=Method.GUIDANCE)
    take = takes(layered, asked)[0]
    assert np.array_equal(pipeline.rebuild(asked, layered, take.noise), audio(take.sound.samples))


def test_chords_are_asked_for_and_judged(layered: LayeredPocket) -> None:
    """Letters and degrees reach the record as they were asked; a sentence says how many are recognised."""
    take = takes(layered, request("bass,chords", chords="Am . F/C C", key="A minor"))[0]
    assert take.record["chords"] == "Am . F/C C |"
    assert any(note.startswith("chords: ") and note.endswith("% of its chords are recognised.") for note in take.notes)
    assert take.scores["chords_recognised"] is not None
    degrees = layered.scene(request("bass,chords", chords="i VI", key="A minor"))
    assert degrees.record["chords"] == "Am F |"
    with pytest.raises(BadRequestError, match="degree of a key"):
        layered.scene(request("bass,chords", chords="i VI"))


def test_the_prompt_may_name_the_key_of_degrees(layered: LayeredPocket) -> None:
    """Degrees are of the key that the prompt names."""
    asked = LoopRequest(prompt="house in D minor", bars=1, chords="i", layers=("chords",))
    assert layered.scene(asked).record["chords"] == "Dm |"


def test_a_take_of_other_weights_says_so(layered: LayeredPocket, first: tuple[Take, Audios]) -> None:
    """It may be begun from with a sentence; what promises the same sound is refused, and so it is for older takes."""
    was = noises(first[0])

    def stored(weights: str) -> bytes:
        seeds = open_seeds(request())
        return noise_to_bytes(
            was.noise, model="pocket", seed=3, open_seeds=seeds, layers=was.layers, heard=was.heard, weights=weights
        )

    other, unknown = stored("c" * 12), stored("")
    assert any("it will sound different" in note for note in _accepted(layered, request("", start=Start(noise=other))))
    assert any("may sound different" in note for note in _accepted(layered, request("", start=Start(noise=unknown))))
    assert not any("different" in note for note in _accepted(layered, request("", start=Start(noise=first[0].noise))))
    with pytest.raises(BadRequestError, match="would not stay as they are"):
        takes(layered, request("", start=Start(noise=other), again=("bass",)))
    with pytest.raises(BadInputError, match="cannot be made again"):
        pipeline.rebuild(request(), layered, other)


def _accepted(model: LayeredPocket, asked: LoopRequest) -> tuple[str, ...]:
    made = pipeline.make_loop(asked, model, Settings())
    told = next(event for event in made if isinstance(event, Accepted))
    made.close()
    return told.notes


def test_a_take_that_is_one_sound_goes_on_as_one(layered: LayeredPocket, first: tuple[Take, Audios]) -> None:
    """A full mix begins from its own takes and, with a sentence, from those in layers; layers only from their own."""
    mix = takes(layered, request("mix"))[0]
    same = takes(layered, request("", start=Start(noise=mix.noise)))[0]
    assert same.sound.samples == mix.sound.samples
    assert any("full mix plays, without layers" in note for note in _accepted(
        layered, request("drums", start=Start(noise=mix.noise))))  # fmt: skip
    with pytest.raises(BadRequestError, match="so that again cannot be used"):
        takes(layered, request("", start=Start(noise=mix.noise), again=("bass",)))
    notes = _accepted(layered, request("mix", start=Start(noise=first[0].noise)))
    assert any("was made in layers" in note for note in notes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"layers": "", "again": ("texture",)}, "again names texture, and this loop has drums, bass, lead."),
        (
            {"layers": "", "controls": (Control(kind="melody", target=TUNE, on=("texture",)),)},
            "The control melody names",
        ),
        ({"layers": "", "mute": ("drums", "bass", "lead")}, "All layers are muted"),
    ],
)
def test_layers_that_a_take_lacks_are_named(
    layered: LayeredPocket, first: tuple[Take, Audios], changes: dict[str, object], sentence: str
) -> None:
    """What names a layer that the take does not have is refused with those that it has."""
    with pytest.raises(BadRequestError) as error:
        takes(layered, request(start=Start(noise=first[0].noise), **changes))  # type: ignore[arg-type]
    assert error.value.sentence.startswith(sentence)


@pytest.mark.parametrize("field", ["layers", "chords", "mute", "stems", "on"])
def test_a_model_without_layers_refuses_them_in_a_sentence(tiny: TinyModel, field: str) -> None:
    """Each field of layers is named; the full mix is allowed everywhere."""
    given = {"layers": ("drums",), "chords": "Am", "mute": ("bass",), "stems": True}.get(field)
    melody = Control(kind="intensity", target=LOUD, on=("bass",))
    asked = LoopRequest(bars=1, **({"controls": (melody,)} if field == "on" else {field: given}))  # type: ignore[arg-type]
    named = "layers of its own" if field == "on" else field
    asked = msgspec.structs.replace(asked, model="pocket-told")
    with pytest.raises(BadRequestError, match=f"^pocket-told makes one sound without layers, so that {named}"):
        list(pipeline.make_loop(asked, tiny, Settings()))
    made: Iterator[object] = pipeline.make_loop(LoopRequest(bars=1, layers=("mix",)), tiny, Settings())
    assert any(isinstance(event, Take) for event in made)


@pytest.mark.parametrize(
    ("changes", "in_layers"),
    [
        ({}, False),
        ({"layers": ("drums", "bass")}, True),
        ({"chords": "Am | F"}, True),
        ({"stems": True}, True),
        ({"mute": ("lead",)}, True),
    ],
)
def test_a_curve_over_the_whole_loop_is_followed_by_one_sound_unless_layers_are_asked_for(
    layered: LayeredPocket, changes: dict[str, Any], in_layers: bool
) -> None:
    """A search that moves every layer takes longest: it is made where something asks for layers, and this is said."""
    curve = Control(kind="intensity", target=Curve([(0, -30), (4, -20)]))
    scene = layered.scene(LoopRequest(prompt="house", bars=2, controls=(curve,), **changes))
    assert bool(scene.layers) is in_layers
    assert any("full mix" in note for note in scene.notes) is not in_layers
    assert layered.scene(LoopRequest(prompt="house", bars=2)).layers

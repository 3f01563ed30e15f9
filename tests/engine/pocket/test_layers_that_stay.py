"""Layers that a request does not make anew: they stay as they were, or a sentence says why not."""

from dataclasses import replace
from fractions import Fraction

import msgspec
import numpy as np
import pytest
import torch
from layer_takes import TUNE, Audios, audio, events, request, with_stems

from engine import pipeline
from engine.audio.finish import CEILING_DBTP, Finished
from engine.events import Accepted, Stems, Take
from engine.metrics.peak import true_peak_db
from engine.models.protocol import Scene
from engine.pocket.layered import LayeredPocket
from engine.request import Budget, Control, Curve, LoopRequest, Method, Point, Start
from engine.settings import Settings
from engine.takes.finished import faint
from engine.takes.prepared import prepare

LAYERS = ("drums", "bass", "lead")
SWELL = Curve(points=(Point(Fraction(0), -30.0), Point(Fraction(2), -16.0)))


def delivered(model: LayeredPocket, asked: LoopRequest) -> tuple[Take, Audios]:
    """Return the first take and its stems at the level of their files."""
    told = events(model, msgspec.structs.replace(asked, stems=True))
    take, stems = (next(event for event in told if isinstance(event, kind)) for kind in (Take, Stems))
    return take, {name: audio(sound.samples) for name, sound in stems.sounds.items()}


def accepted(model: LayeredPocket, asked: LoopRequest) -> tuple[str, ...]:
    """Return the sentences said before anything is searched for."""
    made = pipeline.make_loop(asked, model, Settings())
    told = next(event for event in made if isinstance(event, Accepted))
    made.close()
    return told.notes


@pytest.mark.parametrize(
    ("layers", "changes", "variation"),
    [
        ("drums,bass,lead,texture", {}, 0.0),
        ("drums,lead", {}, 0.0),
        ("", {"prompt": "acid techno, dark"}, 0.0),
        ("", {}, 0.9),
    ],
)
def test_chords_and_words_of_layers_that_stay_are_the_takes(
    layered: LayeredPocket, layers: str, changes: dict[str, str], variation: float
) -> None:
    """With chords that were given, a layer more or fewer, and other words for another bass, the others stay."""
    chords = {"chords": "Am F |", "key": "A minor"}
    take, stems = with_stems(layered, request(**chords))
    start, again = Start(noise=take.noise, variation=variation), () if "lead" in layers else ("bass",)
    asked = msgspec.structs.replace(request(layers, start=start, again=again, **chords), seed=99, **changes)
    after, others = with_stems(layered, asked)
    assert all(np.allclose(others[name], stems[name], atol=1e-6) for name in {"drums", "lead"} & set(others))
    assert np.array_equal(pipeline.rebuild(asked, layered, after.noise), audio(after.sound.samples))
    assert not any("sound different" in note for note in after.notes)
    moved = msgspec.structs.replace(request("", start=start, again=("bass",)), chords="Dm G |")
    assert any("the layers that stay sound different, too" in note for note in layered.scene(moved).notes)


def test_no_search_moves_layers_that_stay(layered: LayeredPocket) -> None:
    """Beside a bass made again a melody leaves its lead to the last bit, and a sentence says so; a lead is searched."""
    controls = (Control(kind="melody", target=TUNE), Control(kind="intensity", target=SWELL))
    take, stems = with_stems(layered, request(controls=controls[:1], budget=Budget(steps=2)))
    start, budget = Start(noise=take.noise), Budget(steps=1)
    asked = msgspec.structs.replace(
        request("", again=("bass",), start=start, controls=controls[:1], budget=budget), seed=9
    )
    after, others = with_stems(layered, asked)
    assert all(np.allclose(others[name], stems[name], atol=1e-6) for name in ("drums", "lead"))
    assert not np.allclose(others["bass"], stems["bass"], atol=1e-3)
    assert after.scores["melody_accuracy"] == pytest.approx(take.scores["melody_accuracy"])
    told = accepted(layered, asked)
    assert "melody is not searched for: it would move lead, which stays as it is." in told
    both = accepted(layered, msgspec.structs.replace(asked, controls=controls))
    assert "intensity is not searched for: it would move drums, lead, which stay as they are." in both
    for again, steps, said in ((("bass",), 0, False), (("lead",), 1, False), ((), 1, False)):
        budget = Budget(steps=steps)
        asked = request("", again=again, start=start, controls=controls[:1], budget=budget)
        assert any("is not searched for" in note for note in accepted(layered, asked)) is said


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({"again": ("bass",)}, ("drums", "lead")), ({"mute": ("bass",), "budget": Budget(steps=0)}, LAYERS)],
)
def test_layers_that_stay_are_delivered_at_the_level_of_their_take(
    changes: dict[str, object], kept: tuple[str, ...], layered: LayeredPocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quieter bass, or none, makes no other stem's file louder; with a bass that clips, all are softer, and told."""
    own, bass_gain = layered.stems, 1.0

    def bassy(latent: torch.Tensor, scene: Scene) -> torch.Tensor:
        stems = own(latent, scene)
        stems[:, scene.layers.index("bass")] *= bass_gain
        return stems

    monkeypatch.setattr(layered, "stems", bassy)
    usual = layered.scene
    monkeypatch.setattr(layered, "scene", lambda asked: replace(usual(asked), loudness_lufs=-30.0))
    take, stems = delivered(layered, request())
    bass_gain = 0.1 if "again" in changes else 1.0
    asked = msgspec.structs.replace(request("", start=Start(noise=take.noise), **changes), seed=99)
    after, others = delivered(layered, asked)
    assert all(np.array_equal(others[name], stems[name]) for name in kept)
    assert not any("so that the loop's peaks do not clip" in note for note in after.notes)
    assert np.array_equal(pipeline.rebuild(asked, layered, after.noise), audio(after.sound.samples))
    bass_gain = 1_000.0
    loud, others = delivered(layered, asked if "again" in changes else msgspec.structs.replace(asked, mute=("lead",)))
    gain_db = float(str(take.record["gain_db"])) - float(str(loud.record["gain_db"]))
    assert gain_db > 0.05
    assert (
        f"All layers are {gain_db:.1f} dB softer than in the take, so that the loop's peaks do not clip." in loud.notes
    )
    assert np.allclose(others["drums"], stems["drums"] * 10 ** (-gain_db / 20), atol=1e-6)
    assert true_peak_db(audio(loud.sound.samples), circular=True) <= CEILING_DBTP


def test_a_layer_that_stays_is_raised_as_in_its_take(layered: LayeredPocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a softer bass a lead with a melody is as loud as it was, with a search and without one."""
    own, bass_gain = layered.stems, 1.0

    def uneven(latent: torch.Tensor, scene: Scene) -> torch.Tensor:
        gains = [{"lead": 1e-3, "bass": bass_gain}.get(name, 1.0) for name in scene.layers]
        return own(latent, scene) * torch.tensor(gains)[:, None, None]

    monkeypatch.setattr(layered, "stems", uneven)
    melody = (Control(kind="melody", target=TUNE),)
    take, stems = delivered(layered, request(controls=melody, budget=Budget(steps=1)))
    assert any("The lead was soft" in note for note in take.notes)
    bass_gain = 0.2
    for method in (Method.DITTO2, Method.NONE):
        asked = request("", again=("bass",), start=Start(noise=take.noise), controls=melody, method=method)
        _, others = delivered(layered, msgspec.structs.replace(asked, seed=99, budget=Budget(steps=1)))
        assert np.array_equal(others["lead"], stems["lead"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"layers": ("drums",), "chords": "C G"}, "No layer is chords: the chords are played by nobody."),
        ({"layers": ("drums", "bass"), "chords": "C G"}, "No layer is chords: the chords are played by bass."),
        ({"prompt": "house, no bass", "layers": ("drums", "bass")}, "The words leave out bass, but the layers that"),
        ({"layers": ("drums",), "controls": (Control(kind="melody", target=TUNE),)}, "No layer is lead: all layers"),
    ],
)
def test_wishes_that_contradict_each_other_are_told(
    layered: LayeredPocket, changes: dict[str, object], sentence: str
) -> None:
    """One of two wishes cannot be met; a sentence says which, and none is said where both can."""
    asked = msgspec.structs.replace(request(), **changes)  # type: ignore[arg-type]
    assert sum(note.startswith(sentence) for note in layered.scene(asked).notes) == 1
    whole = msgspec.structs.replace(asked, prompt="house", layers=("drums", "bass", "chords", "lead"))
    assert not any(note.startswith(("No layer is", "The words leave out")) for note in layered.scene(whole).notes)


def test_a_layer_that_is_hardly_heard_is_named(layered: LayeredPocket) -> None:
    """Whoever asked for a lead and got 60 dB less of it than of the rest reads that; nobody else does."""
    ready = prepare(request(), layered)
    stems = np.random.default_rng(0).standard_normal((3, 2, 4_000)).astype(np.float32)
    loud = Finished(audio=stems.sum(0), gain_db=0.0, stems=stems)
    assert faint(ready, loud) == ()
    stems = stems * np.array([1, 1, 1e-3], np.float32)[:, None, None]
    (sentence,) = faint(ready, Finished(audio=stems.sum(0), gain_db=0.0, stems=stems))
    assert sentence.startswith("Hardly heard: lead;")


@pytest.mark.parametrize(("bars", "tempo_bpm"), [(2, 300), (4, 600), (3, 450)])
@pytest.mark.parametrize("again", [(), ("lead",)])
def test_a_take_at_another_tempo_of_the_same_length_keeps_its_chords_in_time(
    layered: LayeredPocket, bars: int, tempo_bpm: int, again: tuple[str, ...]
) -> None:
    """Twice the tempo and twice the bars last as long: its chords were looked for behind their end, which ended all."""
    take, _ = with_stems(layered, request())
    start = Start(noise=take.noise)
    asked = msgspec.structs.replace(request(start=start, again=again), bars=bars, tempo_bpm=Fraction(tempo_bpm), seed=9)
    scene = layered.scene(asked)
    first = layered.scene(request(start=start)).chords
    ratio = Fraction(tempo_bpm, 150)
    assert first
    assert [(span.beat / ratio, span.chord) for span in scene.chords] == [(span.beat, span.chord) for span in first]
    assert not any("sound different" in note for note in scene.notes)

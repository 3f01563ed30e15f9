"""Layers that a request does not make anew: they stay as they were, or a sentence says why not."""

from fractions import Fraction

import msgspec
import numpy as np
import pytest
from layer_takes import TUNE, audio, request, with_stems

from engine import pipeline
from engine.audio.finish import Finished
from engine.events import Accepted
from engine.pocket.layered import LayeredPocket
from engine.request import Budget, Control, Curve, LoopRequest, Point, Start
from engine.settings import Settings
from engine.takes.finished import faint
from engine.takes.prepared import prepare

SWELL = Curve(points=(Point(Fraction(0), -30.0), Point(Fraction(2), -16.0)))


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

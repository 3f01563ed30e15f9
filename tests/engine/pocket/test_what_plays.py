"""Which layers a prompt gets, and that what is said of key and chords is true of what plays."""

from fractions import Fraction

import pytest

from engine import pipeline
from engine.events import Take
from engine.pocket.layered import LayeredPocket
from engine.request import LoopRequest, Start
from engine.settings import Settings

LOOSE = ("lofi chill beat with rain", "hip hop beat", "a simple groove", "Beat, entspannt", "ritmo tranquilo", "ビート")
NAMED = ("808 kick only", "just hats and clap")


def scene_of(layered: LayeredPocket, prompt: str, seed: int, **changes: object):  # type: ignore[no-untyped-def]
    return layered.scene(LoopRequest(prompt=prompt, bars=1, seed=seed, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", LOOSE)
def test_a_beat_has_bass_and_chords_whatever_the_seed(layered: LayeredPocket, prompt: str) -> None:
    """Newcomer B2's kind: who says beat, groove or rhythm means a loop, in every language, and never drums alone."""
    for seed in range(12):
        assert {"drums", "bass", "chords"} <= set(scene_of(layered, prompt, seed).layers)


def test_a_beat_leaves_out_what_is_refused(layered: LayeredPocket) -> None:
    """A whole loop it is, without what the prompt does not want."""
    for seed in range(12):
        assert "bass" not in scene_of(layered, "hip hop beat, no bass", seed).layers
        assert "chords" not in scene_of(layered, "chill beat without chords", seed).layers


def test_chords_that_are_given_are_played(layered: LayeredPocket) -> None:
    """Whatever the seed draws beside them, unless the layers are named or the prompt refuses them."""
    for seed in range(12):
        assert "chords" in scene_of(layered, "techno", seed, chords="Am F").layers
        assert scene_of(layered, "techno", seed, chords="Am F", layers=("bass",)).layers == ("bass",)


@pytest.mark.parametrize("prompt", NAMED)
def test_drums_alone_are_in_no_key(layered: LayeredPocket, prompt: str) -> None:
    """Neither chords nor a key is said of a loop in which nothing has a pitch, and none is scored."""
    asked = LoopRequest(prompt=prompt, bars=1, tempo_bpm=Fraction(150), seed=4, layers=("drums",), key="F minor")
    events = list(pipeline.make_loop(asked, layered, Settings()))
    said = " ".join(note for event in events for note in getattr(event, "notes", ()))
    assert "Chords" not in said
    assert "key" not in said
    take = next(event for event in events if isinstance(event, Take))
    assert take.scores["chords_recognised"] is None
    assert not any("chords" in str(one) for one in take.record["verdicts"])  # type: ignore[attr-defined]


def test_a_muted_layer_of_chords_is_not_scored(layered: LayeredPocket) -> None:
    """What nobody hears is not said to be followed."""
    asked = LoopRequest(prompt="house", bars=1, tempo_bpm=Fraction(150), seed=4, layers=("drums", "bass", "chords"),
                        chords="Am F", mute=("chords",))  # fmt: skip
    take = next(event for event in pipeline.make_loop(asked, layered, Settings()) if isinstance(event, Take))
    assert take.scores["chords_recognised"] is None


def test_the_key_of_a_take_is_said_to_be_the_takes(layered: LayeredPocket) -> None:
    """Newcomer A2: no seed is named beside another one that was chosen for what begins from the take."""
    asked = LoopRequest(prompt="house", bars=1, tempo_bpm=Fraction(150), seed=4, layers=("bass", "chords"))
    first = next(event for event in pipeline.make_loop(asked, layered, Settings()) if isinstance(event, Take))
    again = scene_of(layered, "house", 99, tempo_bpm=Fraction(150), start=Start(noise=first.noise), again=("bass",))
    said = [note for note in again.notes if "No key was given" in note]
    assert said == [f"No key was given: the take is in {first.record['key']}."]


def test_a_quiet_last_beat_is_no_ending(layered: LayeredPocket) -> None:
    """A model whose time is a circle knows no ending, so none is suspected of a short loop of drums."""
    for seed in range(4):
        asked = LoopRequest(prompt="kick only", bars=1, tempo_bpm=Fraction(150), seed=seed, layers=("drums",))
        for event in pipeline.make_loop(asked, layered, Settings()):
            assert not any("end of a piece" in note for note in getattr(event, "notes", ()))


REFUSED = (
    ("no lead", "lead"), ("house ohne Melodie", "lead"), ("ambient, no texture", "texture"), ("less lead", "lead"),
    ("drums, no percussion", "percussion"), ("techno sans batterie", "drums"), ("lofi, no chords", "chords"),
)  # fmt: skip


@pytest.mark.parametrize(("prompt", "layer"), REFUSED)
def test_a_layer_that_is_refused_by_name_is_not_there(layered: LayeredPocket, prompt: str, layer: str) -> None:
    """Whatever the seed draws: a third of the loops of "no lead" had one, below the words that it is kept away."""
    assert not [seed for seed in range(24) if layer in scene_of(layered, prompt, seed).layers]


def test_a_negative_prompt_refuses_layers(layered: LayeredPocket) -> None:
    """As the prompt does; what the prompt asks for by name stays."""
    for seed in range(12):
        assert "texture" not in scene_of(layered, "ambient", seed, negative_prompt="texture").layers
        assert "drums" in scene_of(layered, "house, drums", seed, negative_prompt="drums").layers


@pytest.mark.parametrize("prompt", ["percussion, no drums", "house, no drums, congas", "no drums but percussion"])
def test_percussion_may_play_without_drums(layered: LayeredPocket, prompt: str) -> None:
    """What is heard is played: congas beside no drums were heard, and no layer had them."""
    for seed in range(12):
        layers = scene_of(layered, prompt, seed).layers
        assert "percussion" in layers
        assert "drums" not in layers


@pytest.mark.parametrize(("prompt", "layers"), [("only piano", {"chords"}), ("nur Klavier", {"chords"})])
def test_only_adds_no_layer(layered: LayeredPocket, prompt: str, layers: set[str]) -> None:
    """A piano alone has neither a lead nor a texture beside it."""
    for seed in range(12):
        assert set(scene_of(layered, prompt, seed).layers) == layers


def test_an_instrument_whose_layer_is_refused_plays_in_another(layered: LayeredPocket) -> None:
    """A piano without chords plays a tune."""
    for seed in range(12):
        assert "lead" in scene_of(layered, "solo piano, no chords", seed).layers

"""A take starts another: what it hands on, and that without a change it is the same loop."""

from collections.abc import Generator
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest

from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from bridge.takes import delivery
from bridge.takes.delivery import samples_of
from engine.errors import BadInputError, BadRequestError
from engine.events import Event, Take
from engine.models.testing import TinyModel
from engine.pipeline import make_loop
from engine.request import Audio, LoopRequest
from engine.settings import Settings

MELODY = str(Path(__file__).parents[3] / "docs" / "examples" / "melody.mid")
WORDS = {
    "prompt": "synthwave, lead", "negative_prompt": "choir", "tempo_bpm": "150", "time_signature": "3/4", "bars": "2",
    "sample_rate": "8000", "seed": "5",
}  # fmt: skip
FOLLOWED: dict[str, dict[str, str]] = {
    "nothing": {"method": "none"},
    "a melody in its own key": {"melody": MELODY, "steps": "2"},
    "a curve": {"intensity": "0:-30 3:-12", "steps": "3", "method": "ditto"},
    "guidance": {"intensity": "0:-30 3:-12", "method": "guidance"},
    "the paper": {"intensity": "0:-30 3:-12", "method": "ditto-paper", "steps": "1"},
    "several takes": {"brightness": "0:400", "steps": "2", "count": "3"},
    "open ends": {"intensity": "0:-30", "loop": "0", "steps": "1", "method": "ditto"},
}


@pytest.fixture(scope="module")
def model() -> TinyModel:
    """Return the toy model, the same for all."""
    return TinyModel(sample_rate=8_000)


def made(request: LoopRequest, model: TinyModel) -> list[Take]:
    """Return the takes of a request."""
    events = cast(Generator[Event, None, None], make_loop(request, model, Settings()))
    return [event for event in events if isinstance(event, Take)]


KEPT = Path(__file__).parent / "kept"  # written by version 0.1.0 before requests had one reader


def kept(folder: Path, request: LoopRequest, take: Take) -> str:
    """Put a take into the folder and return its id."""
    return delivery.write_take(folder, request, take).take_id


def child(folder: Path, name: str, **settings: str) -> Reading:
    """Return the request that starts from a take."""
    return read_request({"from_take": name, **settings}, takes=folder, frontend=Frontend.COMMAND_LINE)


@pytest.mark.parametrize("what", FOLLOWED)
def test_without_a_change_it_is_the_same_loop(what: str, tmp_path: Path, model: TinyModel) -> None:
    """Words, tempo, key, length, targets and method are the take's, and so are all samples; it is said."""
    request = read_request(WORDS | FOLLOWED[what], takes=tmp_path).request
    for take in made(request, model):
        reading = child(tmp_path, kept(tmp_path, request, take))
        (again,) = made(reading.request, model)
        assert np.abs(samples_of(again.sound) - samples_of(take.sound)).max() <= 1e-6
        assert reading.request.key == request.key
        assert "Nothing is changed" in reading.remarks[-1]


@pytest.mark.parametrize("settings", [{}, {"mute": "bass"}])
def test_nothing_is_said_of_a_sound_that_other_weights_may_make(settings: dict[str, str], tmp_path: Path) -> None:
    """A request is compared with its take; whether the sound is the same, the engine says, which has the weights."""
    before = msgspec.json.decode((KEPT / "bare.json").read_bytes()) | {"weights": "0" * 12, "layers": ["drums", "bass"]}
    (tmp_path / "old.json").write_bytes(msgspec.json.encode(before))
    for suffix in (".wav", ".safetensors"):
        (tmp_path / "old").with_suffix(suffix).write_bytes(b"")
    reading = child(tmp_path, str(tmp_path / "old.wav"), **settings)
    assert reading.request.budget.steps == 0
    assert "changed" in reading.remarks[-1]
    for claim in ("same loop", "as they were", "sound"):
        assert not any(claim in remark for remark in reading.remarks)


def test_what_is_handed_on_is_listed(tmp_path: Path, model: TinyModel) -> None:
    """One sentence names all of it, and nothing that was given anew."""
    request = read_request(WORDS | {"melody": MELODY, "steps": "1"}, takes=tmp_path).request
    name = kept(tmp_path, request, made(request, model)[0])
    whole = child(tmp_path, name).remarks[0]
    for part in (name, "“synthwave, lead”", "not “choir”", "150 BPM", "3/4", "2 bars", "E minor", "8,000 Hz", "melody"):
        assert part in whole
    other = child(tmp_path, name, prompt="house", variation="0.3")
    assert "synthwave" not in other.remarks[1]
    assert (other.request.prompt, other.request.key, other.request.tempo_bpm) == ("house", "E minor", 150)
    assert [control.kind for control in other.request.controls] == ["melody"]
    assert other.request.seed != request.seed
    assert other.request.budget.steps is None


def test_a_new_target_takes_the_place_of_the_old_ones(tmp_path: Path, model: TinyModel) -> None:
    """Who names what to follow follows that alone, searched for as usual, in the take's key."""
    request = read_request(WORDS | {"melody": MELODY, "method": "guidance"}, takes=tmp_path).request
    name = kept(tmp_path, request, made(request, model)[0])
    other = child(tmp_path, name, intensity="0:-20").request
    assert [control.kind for control in other.controls] == ["intensity"]
    assert (other.method, other.key, other.budget.steps) == ("ditto2", "E minor", None)
    none = child(tmp_path, name, intensity_source="none").request
    assert none.controls == ()
    weighted = child(tmp_path, name, **{"melody.weight": "2"}).request
    assert (weighted.controls[0].weight, weighted.method) == (2, "guidance")
    assert child(tmp_path, name, steps="9").request.budget.steps == 9


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bars": "4"}, "lasts 2.4 s (2 bars of 3/4 at 150 BPM); this loop would last 4.8 s (4 bars"),
        ({"prompt": "house at 90 bpm"}, "this loop would last 4 s"),
        ({"tempo_bpm": "140"}, "at 150 BPM); this loop would last 2.57 s (2 bars of 3/4 at 140 BPM)"),
        ({"model": "other"}, "was made by pocket"),
    ],
)
def test_a_take_of_another_length_or_model_is_refused_before_any_work(
    settings: dict[str, str], words: str, tmp_path: Path, model: TinyModel
) -> None:
    """In bars and tempi, not in the shapes of tensors."""
    request = read_request(WORDS | {"method": "none"}, takes=tmp_path).request
    name = kept(tmp_path, request, made(request, model)[0])
    with pytest.raises(BadRequestError) as fault:
        child(tmp_path, name, **settings)
    assert words in fault.value.sentence


def test_a_file_is_a_take_too_and_noise_alone_is_a_start(tmp_path: Path, model: TinyModel) -> None:
    """A WAV with its noise beside it starts a loop; without a sidecar that is said, and nothing is handed on."""
    request = read_request(WORDS | {"method": "none"}, takes=tmp_path).request
    delivery.write_files(tmp_path / "mine.wav", request, made(request, model)[0])
    by_file = child(tmp_path, str(tmp_path / "mine.wav"))
    assert by_file.request.prompt == "synthwave, lead"
    (tmp_path / "mine.json").unlink()
    bare = child(tmp_path, str(tmp_path / "mine.wav"))
    assert bare.request.prompt == ""
    assert any("but its noise" in remark for remark in bare.remarks)
    (tmp_path / "mine.safetensors").unlink()
    with pytest.raises(BadInputError, match=r"mine\.safetensors cannot be read"):
        child(tmp_path, str(tmp_path / "mine.wav"))


def test_a_wav_without_its_json_tells_its_length_and_its_noise_the_layers(tmp_path: Path, model: TinyModel) -> None:
    """A take that was moved without its .json starts a loop of its own length, and `again` names layers of it."""
    request = read_request(WORDS | {"method": "none", "tempo_bpm": "93.7", "time_signature": "7/8"}).request
    (take,) = made(request, model)
    delivery.write_files(tmp_path / "renamed.wav", request, take)
    (tmp_path / "renamed.json").unlink()
    reading = child(tmp_path, str(tmp_path / "renamed.wav"))
    assert (reading.request.tempo_bpm, reading.request.meter, reading.request.bars) == (
        request.tempo_bpm,
        request.meter,
        request.bars,
    )
    assert any("but its noise, 93.7 BPM, 7/8, 2 bars: its .json" in remark for remark in reading.remarks)
    assert len(made(reading.request, model)) == 1
    header = msgspec.json.encode({"__metadata__": {"layers": "drums,bass"}})
    (tmp_path / "renamed.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    again = child(tmp_path, str(tmp_path / "renamed.wav"), again="bass")
    assert again.request.layers == ("drums", "bass")
    assert any("2 bars, layers drums, bass: its .json" in remark for remark in again.remarks)
    with pytest.raises(BadRequestError, match="the layers of take renamed are drums, bass"):
        child(tmp_path, str(tmp_path / "renamed.wav"), again="lead")
    assert child(tmp_path, str(tmp_path / "renamed.wav"), layers="mix").request.layers == ("mix",)


def test_a_wav_that_tells_no_length_needs_it_given(tmp_path: Path) -> None:
    """The sentence says which settings; a damaged noise is left to the engine."""
    for suffix in (".wav", ".safetensors"):
        (tmp_path / "bare").with_suffix(suffix).write_bytes(b"RIFF nothing")
    remarks = child(tmp_path, str(tmp_path / "bare.wav"), bars="2").remarks
    assert any(remark.endswith("Give its tempo, time signature and bars.") for remark in remarks)


def test_kept_audio_is_handed_on(tmp_path: Path, model: TinyModel) -> None:
    """An inpainting starts the next one without its file."""
    loop = read_request(WORDS | {"method": "none"}, takes=tmp_path).request
    delivery.write_files(tmp_path / "loop.wav", loop, made(loop, model)[0])
    painted = {"inpaint": str(tmp_path / "loop.wav"), "keep": "0:3", "steps": "1"}
    request = read_request(WORDS | painted, takes=tmp_path).request
    name = kept(tmp_path, request, made(request, model)[0])
    (tmp_path / "loop.wav").unlink()
    target = child(tmp_path, name, variation="0.2").request.controls[0].target
    assert isinstance(target, Audio)
    assert target.keep == ((0, 3),)


@pytest.mark.parametrize("name", ["all-controls", "bare"])
def test_a_take_of_an_earlier_version_is_a_parent_too(name: str, tmp_path: Path, model: TinyModel) -> None:
    """Its sidecar is read whole, and the request that starts from it can be made."""
    before = delivery.read_sidecar(KEPT / f"{name}.json")
    request = child(tmp_path, str(KEPT / f"{name}.json")).request
    assert (request.prompt, request.key, request.tempo_bpm) == (
        before.request.prompt,
        before.request.key,
        before.request.tempo_bpm,
    )
    assert request.controls == before.request.controls
    assert [type(control.target).__name__ for control in request.controls] == (
        ["Curve", "Notes", "Onsets", "Words", "Audio", "Audio"] if name == "all-controls" else []
    )
    assert len(made(request, model)) == 1


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"prompt": "techno"}, "G dorian"),
        ({"negative_prompt": "drums"}, "G dorian"),
        ({"melody": MELODY}, "G dorian"),
        ({"intensity": "0:-20"}, "G dorian"),
        ({"prompt": "techno in D minor"}, "D minor"),
        ({"melody": MELODY, "key": "Am"}, "Am"),
        ({"variation": "0.4"}, None),
        ({"seed": "8"}, None),
        ({}, None),
    ],
)
def test_the_key_that_a_seed_chose_is_the_takes(
    settings: dict[str, str], key: str | None, tmp_path: Path, model: TinyModel
) -> None:
    """Newcomer A2's kind: other words or another tune keep the key that sounds, and list it; else its seed keeps it."""
    request = read_request({name: text for name, text in WORDS.items() if name != "negative_prompt"}).request
    take = made(request, model)[0]
    name = kept(tmp_path, request, msgspec.structs.replace(take, record={**take.record, "key": "G dorian"}))
    reading = child(tmp_path, name, **settings)
    assert reading.request.key == key
    assert any("G dorian" in remark for remark in reading.remarks) == (key == "G dorian")


def test_controls_that_lie_at_other_beats_are_said_to_be_left_out(tmp_path: Path, model: TinyModel) -> None:
    """The same seconds at double tempo have twice as many beats: the melody of the take means none of them."""
    request = read_request(WORDS | {"melody": MELODY, "method": "guidance"}, takes=tmp_path).request
    name = kept(tmp_path, request, made(request, model)[0])
    reading = child(tmp_path, name, tempo_bpm="300", bars="4")
    assert reading.request.controls == ()
    said = "Left out of the take: melody, at beats of its 6; this loop has 12 in the same time."
    assert said in reading.remarks
    assert not any(
        "Left out" in one for one in child(tmp_path, name, tempo_bpm="300", bars="4", intensity="0:-20").remarks
    )


@pytest.mark.parametrize(("settings", "alike"), [({}, True), ({"variation": "0.3"}, False), ({"steps": "2"}, True)])
def test_several_takes_of_one_noise_are_said_to_be_alike(
    tmp_path: Path, model: TinyModel, settings: dict[str, str], alike: bool
) -> None:
    """What is said is true of what is made."""
    request = read_request(WORDS | FOLLOWED["a curve"], takes=tmp_path).request
    name = kept(tmp_path, request, made(request, model)[0])
    reading = child(tmp_path, name, count="2", **settings)
    assert any("All 2 takes" in remark for remark in reading.remarks) is alike
    first, second = (samples_of(take.sound) for take in made(reading.request, model))
    assert np.array_equal(first, second) is alike

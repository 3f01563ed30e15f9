"""Stems go where their take goes: written before it, told after it, overwritten, tidied and in use with it."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli import output
from bridge.cli.commands.play import Watch
from bridge.cli.follow import Outcome
from bridge.cli.output import TakeWriter, take_writer
from bridge.cli.summary import as_json, in_words
from bridge.takes import delivery
from bridge.takes import library as takes
from bridge.takes.companions import stem_of
from bridge.takes.parts import TakeParts, WholeTake
from engine.audio.wav import read_audio
from engine.errors import BadInputError
from engine.events import Done, Sound, Stems, Take
from engine.request import LoopRequest
from engine.settings import Settings

REQUEST = LoopRequest(prompt="dub", bars=1, tempo_bpm=240, sample_rate=8_000, stems=True, seed=1)  # type: ignore[arg-type]
SAMPLES = REQUEST.samples


def take(number: int = 0, *, layers: tuple[str, ...] = ("drums", "bass")) -> Take:
    """Return a take of a steady level; each layer is a tenth of full scale."""
    level = np.full((SAMPLES, 2), 0.1 * len(layers), "<f4").tobytes()
    record: dict[str, object] = {"layers": list(layers), "chords": "Am | F", "muted": []}
    sound = Sound(samples=level, sample_rate=8_000)
    return Take(request_id="r", take=number, sound=sound, scores={}, noise=b"noise", record=record)


def stems(number: int = 0, *, layers: tuple[str, ...] = ("drums", "bass")) -> Stems:
    """Return the stems of such a take."""
    samples = np.full((len(layers), SAMPLES, 2), 0.1, "<f4").tobytes()
    return Stems(request_id="r", take=number, layers=layers, samples=samples, sample_rate=8_000)


def names(folder: Path) -> list[str]:
    """Return all files of a folder by name."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def kept(out: Path, *, layers: tuple[str, ...] = ("drums", "bass"), **given: object) -> TakeWriter:
    """Keep one take with its stems."""
    made = take_writer(out, REQUEST, Settings(), **given)  # type: ignore[arg-type]
    made.keep(take(layers=layers), stems(layers=layers))
    return made


def test_stems_lie_beside_their_take_and_add_up_to_it(tmp_path: Path) -> None:
    """Each layer is a WAV with the layer at the end of its name; the sidecar names them."""
    kept(tmp_path / "loop.wav")
    assert names(tmp_path) == ["loop-bass.wav", "loop-drums.wav", "loop.json", "loop.safetensors", "loop.wav"]
    parts = [read_audio(tmp_path / f"loop-{layer}.wav")[0] for layer in ("drums", "bass")]
    assert np.abs(sum(parts) - read_audio(tmp_path / "loop.wav")[0]).max() < 10 ** (-90 / 20)
    sidecar = delivery.read_sidecar(tmp_path / "loop.json")
    assert sidecar.stems == {"drums": "loop-drums.wav", "bass": "loop-bass.wav"}
    assert (sidecar.layers, sidecar.chords) == (("drums", "bass"), "Am | F")


@pytest.mark.parametrize("there", ["loop-lead.wav", "loop-drums.wav", "loop.mid"])
def test_a_name_that_is_taken_by_any_companion_gives_way(tmp_path: Path, there: str) -> None:
    """A file of one's own where a stem or the MIDI would lie moves the whole take to the next name."""
    (tmp_path / there).write_bytes(b"mine")
    made = kept(tmp_path / "loop.wav")
    assert [file.name for file in made.kept[0].files.values()] == ["loop-2-drums.wav", "loop-2-bass.wav"]
    assert (tmp_path / there).read_bytes() == b"mine"


def test_overwriting_replaces_the_stems_and_leaves_no_old_one(tmp_path: Path) -> None:
    """Stems of the take before go with it; one that is no take's, or an input, is refused before any work."""
    kept(tmp_path / "loop.wav", layers=("drums", "bass", "lead"))
    kept(tmp_path / "loop.wav", layers=("drums", "texture"), overwrite=True)
    assert names(tmp_path) == ["loop-drums.wav", "loop-texture.wav", "loop.json", "loop.safetensors", "loop.wav"]
    with pytest.raises(BadInputError, match=r"loop-drums\.wav is what the loop is made from"):
        kept(tmp_path / "loop.wav", overwrite=True, inputs=(tmp_path / "loop-drums.wav",))
    (tmp_path / "loop-bass.wav").write_bytes(b"mine")
    with pytest.raises(BadInputError, match=r"loop-bass\.wav would be overwritten, and it belongs to no take"):
        kept(tmp_path / "loop.wav", overwrite=True)
    assert (tmp_path / "loop-bass.wav").read_bytes() == b"mine"


def test_a_take_that_cannot_be_written_leaves_no_stem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The WAV is last: where it fails, stems and sidecar go, too."""
    write = delivery.write_wav

    def fail(path: Path, *rest: object) -> None:
        if path.name == "loop.wav":
            raise BadInputError("The disk is full.")
        write(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(delivery, "write_wav", fail)
    with pytest.raises(BadInputError, match="full"):
        kept(tmp_path / "loop.wav")
    assert names(tmp_path) == []


def test_what_was_written_is_said_last(tmp_path: Path) -> None:
    """The lines are the take and its stems; the JSON names each, with layers and chords."""
    made = kept(tmp_path / "loop.wav")
    lines = in_words(made, Outcome(), 1.0, None).splitlines()
    assert [Path(line).name for line in lines] == ["loop.wav", "loop-drums.wav", "loop-bass.wav"]
    (told,) = json.loads(as_json(made, Outcome(), 1.0, None))["takes"]
    assert told["stems"] == {layer: str(tmp_path / f"loop-{layer}.wav") for layer in ("drums", "bass")}
    assert (told["layers"], told["chords"], told["midi"]) == (["drums", "bass"], "Am | F", None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a takes folder with one take and its stems."""
    delivery.write_take(tmp_path / "takes", REQUEST, take(), stems())
    return tmp_path / "takes"


def test_the_takes_folder_knows_stems(folder: Path) -> None:
    """They are no takes of their own, count in its size, and go with it; what is written twice is found again."""
    (one,) = takes.stored_takes(folder)
    assert [file.suffix for file in one.files] == [".wav", ".json", ".safetensors", ".wav", ".wav"]
    assert one.size_bytes == sum(file.stat().st_size for file in one.files)
    assert (one.layers, one.chords) == (("drums", "bass"), "Am | F")
    again = delivery.write_take(folder, REQUEST, take(), stems(), may_exist=True)
    assert [layer for layer, _ in again.stems] == ["drums", "bass"]
    (found,) = delivery.find_delivered(folder, REQUEST.request_id)
    assert found.stems == again.stems


def test_trash_takes_stems_along(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stem stays behind of a take that is moved to the trash."""
    monkeypatch.setattr("send2trash.send2trash", lambda path: Path(path).unlink())
    assert takes.to_trash(takes.stored_takes(folder)) == 1
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("by", ["take", "stem", "renamed"])
def test_a_set_that_names_a_stem_uses_the_take(folder: Path, tmp_path: Path, by: str) -> None:
    """A stem on a track keeps its take from being called unused, under its id or a name of one's own."""
    (one,) = takes.stored_takes(folder)
    if by == "renamed":
        for file in one.files:
            file.rename(file.with_name(file.name.replace(one.wav.stem, "Best beat")))
        (one,) = takes.stored_takes(folder)
    name = (one.wav if by == "take" else stem_of(one.wav, "bass")).name
    sets = tmp_path / "sets"
    sets.mkdir()
    (sets / "Song.als").write_bytes(gzip.compress(f'<Ableton><Path Value="/m/{name}" /></Ableton>'.encode()))
    assert takes.unused(takes.stored_takes(folder), sets) == []


def test_playing_the_newest_take_plays_no_stem(folder: Path) -> None:
    """A stem that is written after its take is not what comes in at the next bar."""
    (one,) = takes.stored_takes(folder)
    watch = Watch(one.wav, Settings(takes=folder))
    stem_of(one.wav, "bass").write_bytes(one.wav.read_bytes())
    assert watch.newer() is None


@given(
    st.lists(st.sampled_from(["take 0", "take 1", "stems 0", "stems 1"]), max_size=8),
    st.booleans(),
)
def test_no_take_is_lost_whatever_comes_of_its_stems(events: list[str], asks: bool) -> None:
    """Each take comes out once it is whole, at the latest at the end; with the stems of that very take, or none."""
    parts, found = TakeParts(asks_stems=asks), list[WholeTake]()
    for event in events:
        kind, number = event.split()
        found += parts.of(take(int(number)) if kind == "take" else stems(int(number)))
    found += parts.of(Done(request_id="r1", takes=0))
    assert list(parts.of(Done(request_id="r1", takes=0))) == []
    assert {one.take.take for one in found} == {int(event[-1]) for event in events if event.startswith("take")}
    assert all(one.stems is None or (asks and one.stems.take == one.take.take) for one in found)


def test_a_take_waits_for_its_stems() -> None:
    """It is written once, with them; without the wish for stems it never waits."""
    parts = TakeParts(asks_stems=True)
    assert list(parts.of(take())) == []
    (whole,) = parts.of(stems())
    assert whole.stems is not None
    assert [one.stems for one in TakeParts(asks_stems=False).of(take())] == [None]


def test_the_heard_midi_is_a_companion(tmp_path: Path) -> None:
    """With --midi a file of the take's name lies beside it and is named in the sidecar; a tune of one's own stays."""
    made = kept(tmp_path / "loop.wav", midi=True)
    assert made.kept[0].midi == tmp_path / "loop.mid"
    assert delivery.read_sidecar(tmp_path / "loop.json").midi == "loop.mid"
    kept(tmp_path / "loop.wav", overwrite=True)
    assert not (tmp_path / "loop.mid").exists()
    (tmp_path / "loop.mid").write_bytes(b"mine")
    with pytest.raises(BadInputError, match=r"loop\.mid would be overwritten"):
        kept(tmp_path / "loop.wav", overwrite=True, midi=True)
    assert output.taken(tmp_path / "loop.wav")

"""`--out` overwrites nothing unasked: a taken name gives way, and what is no take's is never replaced."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from bridge.cli import output
from bridge.cli.main import run
from bridge.cli.output import TakeWriter, named_files, take_writer
from bridge.requests.reader import read_request
from engine.errors import BadInputError
from engine.events import Sound, Take
from engine.request import LoopRequest
from engine.settings import Settings


def take(number: int = 0, level: float = 0.25, noise: bytes = b"noise") -> Take:
    """Return a take of a few samples."""
    samples = np.full((100, 2), level, "<f4").tobytes()
    sound = Sound(samples=samples, sample_rate=44_100, channels=2)
    return Take(request_id="a", take=number, sound=sound, scores={}, noise=noise, record={}, notes=())


def kept(out: Path, *, count: int = 1, settings: Settings | None = None, **given: object) -> TakeWriter:
    """Keep the takes of one request."""
    request = LoopRequest(prompt="dub", count=count)
    takes = take_writer(out, request, settings or Settings(), **given)  # type: ignore[arg-type]
    for number in range(count):
        takes.keep(take(number))
    return takes


def names(folder: Path) -> list[str]:
    """Return all files of a folder by name."""
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_file_that_is_there_gives_the_take_the_next_name(tmp_path: Path) -> None:
    """Trial 42: a WAV that a set uses is as it was; the take is loop-2.wav with its companions, and that is said."""
    (tmp_path / "loop.wav").write_bytes(b"in use")
    takes = kept(tmp_path / "loop.wav")
    assert names(tmp_path) == ["loop-2.json", "loop-2.safetensors", "loop-2.wav", "loop.wav"]
    assert (tmp_path / "loop.wav").read_bytes() == b"in use"
    assert takes.remark == "loop.wav exists and was not changed; loop-2.wav is new. --overwrite replaces it."
    assert kept(tmp_path / "loop.wav").kept[0].path.name == "loop-3.wav"


@pytest.mark.parametrize(
    "there", ["loop.json", "loop.safetensors", "loop.mid", "loop.png", "loop-drums.wav", "loop-2.wav"]
)
def test_what_lies_beside_a_name_is_not_overwritten_either(tmp_path: Path, there: str) -> None:
    """Review A6: a curve, weights, MIDI, a page or a stem of the name makes the whole take go elsewhere."""
    (tmp_path / there).write_bytes(b"mine")
    takes = kept(tmp_path / "loop.wav")
    assert (tmp_path / there).read_bytes() == b"mine"
    assert takes.kept[0].path.name == ("loop.wav" if there == "loop-2.wav" else "loop-2.wav")
    assert takes.remark.startswith(f"{there} exists and was not changed") == (there != "loop-2.wav")
    stem = takes.kept[0].path.stem
    assert {f"{stem}.wav", f"{stem}.json", f"{stem}.safetensors"} <= set(names(tmp_path))


def test_four_takes_go_together(tmp_path: Path) -> None:
    """Trial 42's relative: where one of loop-1 to loop-4 is taken, none of them is touched."""
    (tmp_path / "loop-3.wav").write_bytes(b"mine")
    first = kept(tmp_path / "loop.wav", count=4)
    assert (tmp_path / "loop-3.wav").read_bytes() == b"mine"
    paths = [one.path.name for one in first.kept]
    assert len(set(paths)) == 4
    assert "loop-3.wav" not in paths
    again = kept(tmp_path / "loop.wav", count=4)
    assert not set(paths) & {one.path.name for one in again.kept}


def test_overwrite_replaces_a_take_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    """Trial 42: asked for, the same name is written again, and nothing is said."""
    kept(tmp_path / "loop.wav")
    before = (tmp_path / "loop.wav").read_bytes()
    takes = take_writer(tmp_path / "loop.wav", LoopRequest(prompt="dub"), Settings(), overwrite=True)
    takes.keep(take(level=0.5))
    assert names(tmp_path) == ["loop.json", "loop.safetensors", "loop.wav"]
    assert (tmp_path / "loop.wav").read_bytes() != before
    assert takes.remark == ""


@pytest.mark.parametrize("there", ["song.json", "song.safetensors"])
def test_overwrite_never_replaces_what_is_no_takes(tmp_path: Path, there: str) -> None:
    """Review A6: a producer's own curve or weights beside the name are refused before any work, and stay."""
    (tmp_path / there).write_text("[[0, -30]]", encoding="utf-8")
    with pytest.raises(BadInputError, match="belongs to no take"):
        kept(tmp_path / "song.wav", overwrite=True)
    assert names(tmp_path) == [there]


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    """Review A6: the reference, the curve or the take that the loop is made from is refused as --out, by any name."""
    kept(tmp_path / "ref.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "ref.wav")
    inputs = (tmp_path / "ref.wav",)
    for out in ("ref.wav", "link.wav"):
        with pytest.raises(BadInputError, match="is made from"):
            kept(tmp_path / out, inputs=inputs, overwrite=True)
    assert kept(tmp_path / "ref.wav", inputs=inputs).kept[0].path.name == "ref-2.wav"


def test_the_inputs_are_all_files_that_settings_name(tmp_path: Path) -> None:
    """Review A6's relative: with or without a part behind a #, whatever the setting is called."""
    for name in ("a.mid", "curve.json", "My #1.als"):
        (tmp_path / name).touch()
    settings = {
        "melody": f"{tmp_path}/a.mid#Lead",
        "intensity": f"{tmp_path}/curve.json",
        "brightness": f"{tmp_path}/My #1.als#Lead/Mixer/Volume",
        "prompt": "dub",
        "tempo_bpm": "120",
    }
    assert {path.name for path in named_files(settings)} == {"a.mid", "curve.json", "My #1.als"}


def test_many_at_once_never_share_a_name(tmp_path: Path) -> None:
    """Trial 42's relative: programs that write to one name at the same time all keep their takes, each whole."""
    writers = [take_writer(tmp_path / "loop.wav", LoopRequest(prompt=f"dub {n}"), Settings()) for n in range(6)]
    threads = [
        threading.Thread(target=one.keep, args=(take(level=0.1 * n, noise=b"%d" % n),)) for n, one in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = {one.kept[0].path for one in writers}
    assert len(paths) == 6
    for number, one in enumerate(writers):
        path = one.kept[0].path
        assert json.loads(path.with_suffix(".json").read_bytes())["request"]["prompt"] == f"dub {number}"
        assert path.with_suffix(".safetensors").read_bytes() == b"%d" % number
    assert len(names(tmp_path)) == 18


def test_a_failed_take_leaves_nothing_and_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trial 42's relative: where the WAV cannot be written, what was there is there, and no half take is left."""
    (tmp_path / "loop.wav").write_bytes(b"mine")

    def full(*_: object, **__: object) -> None:
        raise BadInputError("No space is left.")

    monkeypatch.setattr("bridge.takes.delivery.write_wav", full)
    with pytest.raises(BadInputError, match="No space"):
        kept(tmp_path / "loop.wav")
    assert names(tmp_path) == ["loop.wav"]


def test_a_report_has_the_number_of_its_take(tmp_path: Path) -> None:
    """Trial 42: the page about loop-2.wav is loop-2.png; one that is there alone gives way, too."""
    (tmp_path / "loop.wav").touch()
    takes = kept(tmp_path / "loop.wav")
    assert takes.beside(tmp_path / "loop.png").name == "loop-2.png"
    (tmp_path / "page.png").touch()
    free = kept(tmp_path / "new.wav")
    assert free.beside(tmp_path / "page.png").name == "page-2.png"
    assert free.beside(tmp_path / "other.png").name == "other.png"


def test_a_device_is_no_file_to_write(tmp_path: Path) -> None:
    """Review C's kind: `--out /dev/full` writes no neighbours into /dev."""
    with pytest.raises(BadInputError, match=r"is no file|is not a \.wav|cannot be written"):
        output.check_writable(Path("/dev/full"), "--out")
    with pytest.raises(BadInputError, match=r"is no file|cannot be written"):
        take_writer(Path("/dev/full"), LoopRequest(), Settings(takes=tmp_path))


def test_the_sentence_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trial 42: `render --out` onto a file that exists says on its last line where the take is instead."""
    from bridge.cli.commands import render
    from engine.models.testing import TinyModel

    (tmp_path / "loop.wav").write_bytes(b"in use")
    monkeypatch.setattr("engine.models.catalogue.load", lambda *_: TinyModel(sample_rate=8_000))
    assert render.command is not None
    command = ["render", "--prompt", "x", "--bars", "1", "--method", "none", "--sample-rate", "8000"]
    assert run([*command, "--out", str(tmp_path / "loop.wav")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(str(tmp_path / "loop-2.wav"))
    assert said.err.strip().splitlines()[-1].startswith("loop.wav exists and was not changed")
    assert (tmp_path / "loop.wav").read_bytes() == b"in use"
    assert (
        run([*command, "--timbre", str(tmp_path / "loop-2.wav"), "--out", str(tmp_path / "loop-2.wav"), "--overwrite"])
        == 2
    )
    assert "made from" in capsys.readouterr().err


def test_a_key_that_is_only_the_nearest_is_said() -> None:
    """Trial 20: every way in tells which key a scale of Live 12 became, and a key as people say it is no remark."""
    assert any("C lydian" in remark or "nearest" in remark for remark in read_request({"key": "C Whole Tone"}).remarks)
    assert not any("nearest" in remark for remark in read_request({"key": "H-Moll"}).remarks)


def test_a_folder_with_a_dot_in_its_name_is_a_folder(tmp_path: Path) -> None:
    """`Vol.2` is no file of the kind `.2`."""
    (tmp_path / "Vol.2").mkdir()
    found = take_writer(tmp_path / "Vol.2", LoopRequest(), Settings(takes=tmp_path))
    assert found.out == tmp_path / "Vol.2" / "loop.wav"


def test_standard_output_is_no_wav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A take is several files; a file called `-.wav` is what nobody means."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="standard output"):
        take_writer(Path("-"), LoopRequest(), Settings(takes=tmp_path))


@pytest.mark.parametrize("out", ["loop.wav", None])
@pytest.mark.parametrize(("count", "stems", "sounds"), [(1, False, 1), (3, False, 3), (2, True, 6)])
def test_a_disk_without_room_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str | None, count: int, stems: bool, sounds: int
) -> None:
    """A search of minutes would end in a file that does not fit; what is known beforehand is said beforehand."""
    request = LoopRequest(count=count, stems=stems, layers=("drums", "bass") if stems else (), bars=1)
    needed = sounds * request.samples * 6
    place, settings = (None if out is None else tmp_path / out), Settings(takes=tmp_path)
    monkeypatch.setattr(output, "disk_free_bytes", lambda _: needed)
    take_writer(place, request, settings)
    monkeypatch.setattr(output, "disk_free_bytes", lambda _: needed - 1)
    with pytest.raises(BadInputError, match="has room for"):
        take_writer(place, request, settings)


@pytest.mark.parametrize("is_out", [True, False])
def test_a_take_that_fails_names_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_out: bool
) -> None:
    """Of three takes the second does not fit: the first is not lost, and is not looked for in vain."""
    request = LoopRequest(prompt="dub", count=3)
    takes = take_writer(tmp_path / "loop.wav" if is_out else None, request, Settings(takes=tmp_path))
    takes.keep(take(0))

    def full(*_: object, **__: object) -> None:
        raise BadInputError("There is no space.", remedy="Make room.")

    monkeypatch.setattr(output.delivery, "write_files", full)
    monkeypatch.setattr(output.delivery, "write_take", full)
    with pytest.raises(BadInputError, match=r"There is no space\.") as failed:
        takes.keep(take(1))
    assert failed.value.remedy == f"Make room. What was made before is there: {takes.kept[0].path}."

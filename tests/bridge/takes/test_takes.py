"""The takes folder as an index: found, searched, marked, tidied, and nothing lost by accident."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from bridge.cli.main import run
from bridge.requests.reader import read_request
from bridge.session.effects import Favourite
from bridge.session.session import Session
from bridge.takes import library as takes
from bridge.takes.delivery import write_take
from bridge.takes.file_work import FileWork
from bridge.testing import TOY
from engine.errors import BadInputError, MissingPackageError
from engine.events import Take
from engine.request import LoopRequest
from engine.service.workers.toy import ToyJobs
from engine.settings import Settings


def _make(folder: Path, prompt: str, **fields: object) -> takes.StoredTake:
    request = LoopRequest(prompt=prompt, **fields)  # type: ignore[arg-type]
    (made,) = (e for e in ToyJobs(None).run(request, None, lambda: False, lambda *_: None) if isinstance(e, Take))  # type: ignore[arg-type]
    return takes.find(folder, write_take(folder, request, made).take_id)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Return a folder with three takes."""
    for prompt, key in (("dusty boom bap", "F minor"), ("deep house", "A minor"), ("ambient rain", None)):
        _make(tmp_path, prompt, key=key, bars=1)
    return tmp_path


def test_all_are_listed_with_what_matters(three: Path) -> None:
    """Prompt, key, licence, size: all from the sidecars."""
    listed = list(takes.stored_takes(three))
    assert {take.prompt for take in listed} == {"dusty boom bap", "deep house", "ambient rain"}
    assert all(take.licence == "MIT" and take.size_bytes > 10_000 for take in listed)


@pytest.mark.parametrize(("words", "count"), [("", 3), ("minor", 2), ("BOOM dusty", 1), ("techno", 0)])
def test_search_looks_for_all_words(three: Path, words: str, count: int) -> None:
    """Words may stand in prompt or key, in any order and case."""
    assert len(list(takes.search(takes.stored_takes(three), words))) == count


def test_an_id_may_be_shortened_while_it_is_clear(three: Path) -> None:
    """The start of an id is enough; what is not unique or not there is said."""
    take = next(takes.stored_takes(three))
    assert takes.find(three, take.take_id[:6]).wav == take.wav
    assert takes.find(three, "latest").wav.exists()
    for name in ("", "zzz"):
        with pytest.raises(BadInputError):
            takes.find(three, name)


def test_marking_keeps_everything_else(three: Path) -> None:
    """A favourite is the same take, with the same request and the same time."""
    take = takes.find(three, "latest")
    before, time_before = takes.sidecar(take), os.stat(take.wav.with_suffix(".json")).st_mtime_ns
    takes.set_favourite(take.wav, True)
    assert takes.find(three, take.take_id).favourite
    assert takes.sidecar(take).request == before.request
    assert os.stat(take.wav.with_suffix(".json")).st_mtime_ns == time_before
    takes.set_favourite(take.wav, False)
    assert not takes.find(three, take.take_id).favourite


def test_a_take_of_an_earlier_build_has_its_scores_under_their_names_of_now(three: Path) -> None:
    """What was called `held_out` is the embedding distance; the sidecar itself stays as it was written."""
    path = next(takes.stored_takes(three)).wav.with_suffix(".json")
    kept = json.loads(path.read_text()) | {"scores": {"held_out": 0.21, "seam_ratio": 0.5}}
    path.write_text(json.dumps(kept))
    assert takes.find(three, kept["take_id"]).scores == {"embedding_distance": 0.21, "seam_ratio": 0.5}
    assert "held_out" in path.read_text()


def test_forgetting_removes_the_words_and_keeps_the_sound(three: Path) -> None:
    """After --forget no file of the take holds the prompt; the WAV is as it was."""
    take = next(takes.search(takes.stored_takes(three), "rain"))
    sidecar = take.wav.with_suffix(".json")
    said = {"heard": {"words": ["ambient"], "unknown": {"zzambientzz": ""}}, "title": "my ambient"}
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | said), encoding="utf-8")
    sound = take.wav.read_bytes()
    takes.forget(take)
    assert b"ambient" not in sidecar.read_bytes()
    assert take.wav.read_bytes() == sound


def test_what_a_live_set_names_is_used(three: Path) -> None:
    """Takes named in any set below the folder, packed or plain, and favourites, are not unused."""
    first, second, third = takes.stored_takes(three)
    sets = three / "sets" / "My Project"
    sets.mkdir(parents=True)
    filler = "<x/>" * 400_000  # the name lies across two pieces of reading
    (sets / "a.als").write_bytes(gzip.compress(f'{filler}<Path Value="/m/{first.wav.name}" />'.encode()))
    (sets / "b.als").write_text(f'<RelativePath Value="../{second.wav.name}" />', encoding="utf-8")
    assert [take.wav for take in takes.unused(takes.stored_takes(three), three / "sets")] == [third.wav]
    takes.set_favourite(third.wav, True)
    assert takes.unused(takes.stored_takes(three), three / "sets") == []


def test_a_broken_set_stops_the_tidying(three: Path) -> None:
    """If it cannot be known what a set uses, nothing is called unused."""
    (three / "broken.als").write_bytes(b"\x1f\x8bnot gzip")
    with pytest.raises(BadInputError, match="nobody knows which takes"):
        takes.unused(takes.stored_takes(three), three)


def test_the_trash_is_the_systems(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trashed takes lie in the trash with all their files and can be put back."""
    pytest.importorskip("send2trash")
    monkeypatch.setenv("XDG_DATA_HOME", str(three / "data"))
    try:
        takes.to_trash([next(takes.stored_takes(three))])
    except (OSError, MissingPackageError) as error:
        pytest.skip(f"this system has no trash here: {error}")
    assert len(list(takes.stored_takes(three))) == 2


def test_the_command_lists_shows_and_marks(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`ditto-live takes` in its forms."""
    assert run(["takes", "--takes", str(three), "--search", "house"]) == 0
    assert "deep house" in capsys.readouterr().out
    assert run(["takes", "favourite", "latest", "--takes", str(three)]) == 0
    assert "is a favourite now" in capsys.readouterr().out
    assert run(["takes", "--takes", str(three), "--favourites", "--json"]) == 0
    assert capsys.readouterr().out.count('"take_id"') == 1
    assert run(["takes", "show", "latest", "--takes", str(three), "--json"]) == 0
    assert '"prompt"' in capsys.readouterr().out
    assert run(["takes", "show", "nothing", "--takes", str(three)]) == 2


def test_a_take_is_shown_in_words(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Newcomer C: without --json there are lines for a person: where it lies, what was asked, the key that sounds."""
    take = next(takes.search(takes.stored_takes(three), "rain"))
    sidecar = take.wav.with_suffix(".json")
    whole = json.loads(sidecar.read_text()) | {"key": "G dorian", "notes": ["Heard: ambient.", "\x1b[2Jloud."]}
    sidecar.write_text(json.dumps(whole), encoding="utf-8")
    assert run(["takes", "show", str(take.wav), "--takes", str(three)]) == 0
    said = capsys.readouterr().out
    assert all(part in said for part in (take.take_id, str(take.wav), take.prompt, "G dorian", "Heard: ambient."))
    assert "{" not in said
    assert "\x1b" not in said
    assert takes.find(three, take.take_id).key == "G dorian"


@pytest.mark.parametrize("command", ["show", "favourite", "replay"])
def test_a_take_is_named_by_its_file_too(
    three: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `render --out loop.wav` wrote is a take like any other: by WAV, sidecar or noise, wherever it lies."""
    take = next(takes.stored_takes(three))
    for file in take.files:
        shutil.copy(file, tmp_path / f"loop{file.suffix}")
    jobs = ["--jobs", TOY] if command == "replay" else []
    for ending in (".wav", ".json", ".safetensors"):
        assert run(["takes", command, str(tmp_path / f"loop{ending}"), *jobs]) == 0
    capsys.readouterr()
    (tmp_path / "bare.wav").write_bytes(take.wav.read_bytes())
    assert run(["takes", command, str(tmp_path / "bare.wav"), *jobs]) == 2
    assert "bare.wav is no take: there is no bare.json" in capsys.readouterr().err
    assert run(["takes", command, str(tmp_path / "no.wav"), *jobs]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_one_is_one(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number and its noun agree in every line of the list."""
    assert run(["takes", "--takes", str(three), "--search", "house"]) == 0
    said = capsys.readouterr().out
    assert "1 take," in said
    assert "1 takes" not in said
    assert "1 bars" not in said


def test_a_replay_has_the_same_samples(three: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A take made again from its request and noise equals its file, and a changed file is noticed."""
    command = ["takes", "replay", "latest", "--takes", str(three), "--jobs", TOY]
    out = tmp_path / "again.wav"
    assert run([*command, "--out", str(out)]) == 0
    take = takes.find(three, "latest")
    assert out.read_bytes() == take.wav.read_bytes()
    damaged = bytearray(take.wav.read_bytes())
    damaged[-1] ^= 0x40
    take.wav.write_bytes(damaged)
    assert run(command) == 1
    assert "Not the same" in capsys.readouterr().out


def test_a_replay_without_noise_runs_the_request(three: Path) -> None:
    """When the noise is gone the whole request is made again."""
    takes.find(three, "latest").wav.with_suffix(".safetensors").unlink()
    assert run(["takes", "replay", "latest", "--takes", str(three), "--jobs", TOY]) == 0


def test_a_start_needs_the_noise(three: Path) -> None:
    """A take whose noise is gone cannot be varied, and that is said."""
    take = takes.find(three, "latest")
    take.wav.with_suffix(".safetensors").unlink()
    with pytest.raises(BadInputError, match="noise"):
        takes.start_at(take.wav, take.take_id)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes as files")
def test_noise_that_never_ends_is_refused(three: Path) -> None:
    """Review A4's relative: a pipe in place of a take's noise is said, and stops nothing."""
    take = takes.find(three, "latest")
    noise = take.wav.with_suffix(".safetensors")
    noise.unlink()
    os.mkfifo(noise)
    with pytest.raises(BadInputError, match="not a file"):
        takes.start_at(take.wav, take.take_id)


def test_what_is_no_take_is_passed_over(three: Path) -> None:
    """A stray JSON file, or one without its WAV, spoils no list."""
    day = next(three.glob("*/"))
    (day / "stray.json").write_text("{")
    (day / "lonely.json").write_text('{"request": {}}')
    assert len(list(takes.stored_takes(three))) == 3


def _dated(take: takes.StoredTake, created: str) -> takes.StoredTake:
    path = take.wav.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"created": created}))
    return take


def _moved(take: takes.StoredTake, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in take.files:
        shutil.move(file, folder)


@pytest.mark.parametrize("where", ["keepers", "keepers/2027/best", ".", "a link"])
def test_takes_that_are_sorted_by_hand_are_listed_by_when_they_were_made(tmp_path: Path, where: str) -> None:
    """Wherever below the folder they lie; the latest is the last one made, not what lies in a folder of a late name."""
    home = tmp_path / "takes"
    first = _dated(_make(home, "first", bars=1), "2026-01-01T00:00:00+00:00")
    last = _dated(_make(home, "last", bars=1), "2026-01-02T00:00:00+00:00")
    if where == "a link":
        (tmp_path / "disk").mkdir()
        (home / where).symlink_to(tmp_path / "disk", target_is_directory=True)
    _moved(first, home / where)
    assert [take.prompt for take in takes.stored_takes(home)] == ["last", "first"]
    assert takes.find(home, "latest").take_id == last.take_id
    assert takes.find(home, first.take_id).wav.parent == home / where


def test_a_take_is_found_by_its_id_without_reading_all_records(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page asks for every take so, and a folder may hold thousands; the sizes are asked of what is shown."""
    take = takes.find(three, "latest")
    read: list[Path] = []
    whole = takes._sidecar_bytes
    monkeypatch.setattr(takes, "_sidecar_bytes", lambda path: (read.append(path), whole(path))[1])
    assert takes.find(three, take.take_id) == take
    assert read == [take.wav.with_suffix(".json")]
    assert takes.find(three, take.take_id[:6]) == take  # the start of an id may mean several


def test_a_copy_of_a_take_keeps_nobody_from_it(three: Path) -> None:
    """Whoever sorts takes by copying them has one sound twice: either file is meant, and none is refused."""
    take = takes.find(three, "latest")
    (three / "best of").mkdir()
    (three / "deeper" / "folder").mkdir(parents=True)
    for file in take.files:
        shutil.copy2(file, three / "best of")
        shutil.move(file, three / "deeper" / "folder" / f"renamed{file.suffix}")
    assert takes.find(three, take.take_id).wav.parent == three / "best of"  # its name still ends with the id
    for file in list((three / "best of").iterdir()):
        file.rename(file.with_stem("also renamed"))
    assert takes.find(three, take.take_id).take_id == take.take_id


def test_the_device_marks_a_take_wherever_it_was_sorted(three: Path) -> None:
    """As the command line and the page do; of one that is gone it is told so."""
    take = takes.find(three, "latest")
    _moved(take, three / "keepers" / "2027" / "best")
    work = FileWork(Settings(takes=three), Session("bridge", ""))
    assert list(work.do(Favourite(take.take_id, True))) == []
    assert takes.find(three, take.take_id).favourite
    with pytest.raises(BadInputError, match="There is no take none") as refused:
        work.do(Favourite("none", True))
    assert "DITTO_TAKES" in refused.value.remedy


@pytest.mark.parametrize("way", ["id", "start of id", "json"])
def test_a_take_whose_sound_was_deleted_is_said_to_be_made_again(three: Path, way: str) -> None:
    """Its record and its noise are there: "there is no take" would be untrue, and what helps is one command."""
    take = takes.find(three, "latest")
    take.wav.unlink()
    record = take.wav.with_suffix(".json")
    names = {"id": take.take_id, "start of id": take.take_id[:5], "json": str(record)}
    with pytest.raises(BadInputError, match=rf"Take {take.take_id} has lost its sound") as refused:
        takes.find(three, names[way])
    assert f'--from-take "{record}"' in refused.value.remedy
    assert take.take_id not in {one.take_id for one in takes.stored_takes(three)}


@pytest.mark.parametrize(
    "data", [b"", b'{"request": {', b'{"request": {"bars": 1, "swing": 1}, "scores": {"x": "good"}}']
)
def test_a_record_that_cannot_be_read_is_not_said_to_be_missing(three: Path, data: bytes) -> None:
    """It lies there, half written or of a newer version; the noise beside it begins a loop, as the remedy says."""
    take = takes.find(three, "latest")
    record = take.wav.with_suffix(".json")
    record.write_bytes(data)
    for use in (lambda: takes.find(three, str(take.wav)), lambda: read_request({"from_take": str(take.wav)})):
        with pytest.raises(BadInputError) as refused:
            use()
        assert str(record) in refused.value.sentence
        assert "cannot be read" in refused.value.sentence
        assert "--from-take" in refused.value.remedy
    record.unlink()
    assert read_request({"from_take": str(take.wav)}).request.start is not None


def test_latest_of_an_empty_folder_tells_how_other_takes_are_named(tmp_path: Path) -> None:
    """Who has just written one with --out means that one."""
    with pytest.raises(BadInputError, match="no take 'latest'") as refused:
        takes.find(tmp_path, "latest")
    assert "--out" in refused.value.remedy


@pytest.mark.parametrize("created", ["2026-11-30T11:25:00-10:00", "no date", "0001-01-01T00:00:00"])
def test_takes_of_several_time_zones_are_in_the_order_of_time(tmp_path: Path, created: str) -> None:
    """A player who has travelled west has his latest take first; where a record tells no time, its file does."""
    _dated(_make(tmp_path, "east", bars=1), "2026-12-01T11:20:00+14:00")
    last = _dated(_make(tmp_path, "west", bars=1), created)
    listed = [take.prompt for take in takes.stored_takes(tmp_path)]
    assert sorted(listed) == ["east", "west"]
    if created != "0001-01-01T00:00:00":
        assert takes.find(tmp_path, "latest").take_id == last.take_id

"""Takes on disk: whole or not there, never overwritten, never outside the folder, whatever the prompt."""

import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.takes import delivery
from bridge.takes.library import set_favourite
from engine.audio.wav import read_audio, read_loop_info
from engine.errors import BadInputError
from engine.events import Preview, Sound, Take
from engine.request import LoopRequest

SOUND = Sound(samples=bytes(8 * 441), sample_rate=44_100)


def _take(number: int = 0, noise: bytes = b"noise") -> Take:
    return Take(
        request_id="r1",
        take=number,
        sound=SOUND,
        scores={"seam_ratio": 0.5, "intensity_rho": None},
        noise=noise,
        record={"licence": "MIT", "gain_db": -1.5},
        notes=("A note.",),
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
@example("../../../etc/passwd")
@example("/absolute/path")
@example("C:\\Windows\\system32")
@example("CON")
@example("nul.wav")
@example("com1")
@example("a\0b")
@example("\u202egnp.exe")
@example("日本の夜、静かな雨" * 20)
@example("." * 100)
@example(" trailing dot. ")
def test_no_prompt_leaves_the_folder(tmp_path: Path, prompt: str) -> None:
    """Any prompt makes a plain name that every file system takes, inside the day's folder."""
    name = delivery.slug(prompt)
    assert name
    assert len(name) <= 40
    assert all(c.isalnum() or c == "-" or unicodedata.category(c) in ("Mn", "Mc", "Lo", "Lm") for c in name), name
    made = delivery.write_take(tmp_path, LoopRequest(prompt=prompt[:2_000], request_id="r1"), _take())
    path = Path(made.path)
    assert path.parent.parent == tmp_path.absolute()
    assert path.stem.endswith(f"-{made.take_id}")
    assert path.exists()


def test_a_take_that_is_written_twice_at_once_is_there_once_and_whole(tmp_path: Path) -> None:
    """A write that was given up comes back beside the next one of its take: both are told of it as it lies there."""
    request = LoopRequest(prompt="dub", request_id="r1")
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: delivery.write_take(tmp_path, request, _take()), range(8)))
    assert len({one.path for one in made}) == 1
    assert sorted(path.suffix for path in Path(made[0].path).parent.iterdir()) == [".json", ".safetensors", ".wav"]


def test_a_take_is_whole(tmp_path: Path) -> None:
    """WAV, sidecar and noise lie together; the sidecar has request, scores, record, licence."""
    request = LoopRequest(prompt="dusty boom bap", tempo_bpm=Fraction(1337, 10), request_id="r1")
    made = delivery.write_take(tmp_path, request, _take())
    path = Path(made.path)
    kept = delivery.read_sidecar(path.with_suffix(".json"))
    assert kept.request == request
    assert kept.scores == {"seam_ratio": 0.5, "intensity_rho": None}
    assert b'"licence":"MIT"' in path.with_suffix(".json").read_bytes()
    assert path.with_suffix(".safetensors").read_bytes() == b"noise"
    info = read_loop_info(path)
    assert info is not None
    assert info.tempo_bpm == pytest.approx(133.7, rel=1e-6)
    assert read_audio(path)[0].shape == (2, 441)
    assert made.tempo_bpm == "133.7"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes; the user's folders are private there")
def test_the_words_of_a_take_are_for_its_user_only(tmp_path: Path) -> None:
    """Review C: a sidecar holds the prompt, so no other user of the computer can read it, changed or new."""
    before = os.umask(0o022)
    try:
        made = delivery.write_take(tmp_path, LoopRequest(prompt="for nobody else", request_id="r1"), _take())
        wav = Path(made.path)
        wav.with_suffix(".json").chmod(0o644)  # as an earlier version left it
        set_favourite(wav, on=True)
    finally:
        os.umask(before)
    modes = {path.suffix: path.stat().st_mode & 0o777 for path in wav.parent.iterdir()}
    assert modes == {".wav": 0o644, ".json": 0o600, ".safetensors": 0o600}


def test_the_same_take_again_is_the_same_file(tmp_path: Path) -> None:
    """A take that is sent twice, as after a crash, is not written twice and not changed."""
    request = LoopRequest(request_id="r1")
    first = delivery.write_take(tmp_path, request, _take())
    before = os.stat(first.path).st_mtime_ns
    old_day = Path(first.path).parent.rename(tmp_path / "2001-01-01")
    again = delivery.write_take(tmp_path, request, _take(), may_exist=True)
    assert Path(again.path).parent == old_day.absolute()
    assert os.stat(again.path).st_mtime_ns == before
    assert again.take_id == first.take_id


def test_takes_of_one_request_have_different_ids(tmp_path: Path) -> None:
    """Eight takes are eight files."""
    made = [delivery.write_take(tmp_path, LoopRequest(request_id="r1", count=8), _take(n)) for n in range(8)]
    assert len({one.take_id for one in made}) == 8


def test_leftovers_of_a_crash_are_no_hindrance(tmp_path: Path) -> None:
    """A sidecar without its WAV, as a kill between the two leaves it, is written anew."""
    request = LoopRequest(request_id="r1")
    made = Path(delivery.write_take(tmp_path, request, _take()).path)
    made.unlink()
    assert Path(delivery.write_take(tmp_path, request, _take()).path).exists()


def test_takes_of_a_request_are_found_by_its_id(tmp_path: Path) -> None:
    """After a restart the bridge finds what it had delivered."""
    request = LoopRequest(request_id="r1", count=2)
    made = [delivery.write_take(tmp_path, request, _take(n)) for n in range(2)]
    delivery.write_take(tmp_path, LoopRequest(request_id="r12"), _take())
    found = delivery.find_delivered(tmp_path, "r1")
    assert {one.take_id for one in found} == {one.take_id for one in made}


def test_previews_come_and_go(tmp_path: Path) -> None:
    """Early listens of a request are deleted together, those of others stay."""
    for request_id in ("r1", "r2"):
        preview = Preview(request_id=request_id, take=0, step=3, sound=SOUND)
        delivery.write_preview(tmp_path, LoopRequest(request_id=request_id), preview)
    delivery.drop_previews(tmp_path, "r1")
    assert [path.name for path in tmp_path.iterdir()] == ["r2-0-3.wav"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A takes folder that is a file gets a sentence and a remedy."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="cannot be made"):
        delivery.write_take(tmp_path / "file", LoopRequest(), _take())


def test_audio_that_is_not_whole_frames_is_refused(tmp_path: Path) -> None:
    """Nothing half a sample long is ever written."""
    broken = Take(
        request_id="r1", take=0, sound=Sound(samples=b"abc", sample_rate=44_100), scores={}, noise=b"", record={}
    )
    with pytest.raises(BadInputError, match="whole frames"):
        delivery.write_take(tmp_path, LoopRequest(), broken)
    assert not list(tmp_path.rglob("*.wav"))


def test_remarks_on_a_request_stand_behind_the_takes_own_notes(tmp_path: Path) -> None:
    """Each once; a device is told the take's own, and whoever reads the sidecar all."""
    remarks = ("Seed 3 was chosen.", "A note.", "Seed 3 was chosen.")
    made = delivery.write_take(tmp_path, LoopRequest(request_id="r1"), _take(), remarks=remarks)
    assert made.notes == ("A note.",)
    sidecar = delivery.read_sidecar(Path(made.path).with_suffix(".json"))
    assert sidecar.notes == ("A note.", "Seed 3 was chosen.")

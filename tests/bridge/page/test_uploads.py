"""Files dropped on the page: read once, named by a handle, and never by a path."""

import asyncio
import math
import os
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.client import Peer
from bridge.page import songs
from bridge.page.cards import form_of
from bridge.page.downloads import packed
from bridge.page.server import Page
from bridge.page.uploads import KEPT_SECONDS, OUTLINE_COLUMNS, Uploads
from bridge.requests.live_lane import LOUDEST_DB
from bridge.requests.reader import read_request
from engine.errors import BadInputError, DittoError
from engine.request import LoopRequest
from engine.service.access import Keys
from engine.settings import Settings
from midi.bars import BarPosition
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, midi_clip_xml, set_xml, track_xml
from midi.notes import Note
from midi.smf.read import Score, ScoreTrack, score_of_notes, write_midi
from midi.tempo import Meter, MeterChange, TempoChange


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads")


def tune() -> bytes:
    notes = [Note(60 + i, Fraction(i), Fraction(1)) for i in range(4)]
    return write_midi(score_of_notes(notes, tempo_bpm=Fraction(120), meter=Meter(4, 4)))


def test_the_same_file_twice_is_one_file(uploads: Uploads) -> None:
    """What it holds names it, whatever its name is; another is another."""
    first, again = uploads.keep("a.mid", tune()), uploads.keep("B.MID", tune())
    assert first["handle"] == again["handle"]
    assert [track["notes"] for track in first["tracks"]] == [4]
    assert len(list(uploads.folder.iterdir())) == 1


def test_what_nobody_has_used_for_a_day_goes(uploads: Uploads) -> None:
    """Dropped or used again, an upload stays another day; what else lies there is none."""
    kept = [uploads.keep(name, tune() + bytes(count)) for count, name in enumerate(("a.mid", "b.mid", "c.mid"))]
    picture, earlier = uploads.folder / "0123456789.png", uploads.folder / f"{'0' * 32}.wav"
    for file in (picture, earlier):
        file.touch()
    now = time.time()
    for file in (*uploads.folder.rglob("*"), *uploads.folder.iterdir()):
        os.utime(file, (now - 2 * KEPT_SECONDS,) * 2)
    uploads.path(f"{kept[0]['handle']}#Lead")
    uploads.keep("b.mid", tune() + bytes(1))
    uploads.remove_old(now)
    assert sorted(file.name for file in uploads.folder.rglob("*.*")) == ["0123456789.png", "a.mid", "b.mid"]
    with pytest.raises(BadInputError, match="no longer here"):
        uploads.path(kept[2]["handle"])
    uploads.remove_old(now + 2 * KEPT_SECONDS)
    assert [file.name for file in uploads.folder.iterdir()] == ["0123456789.png"]
    Uploads(uploads.folder / "none").remove_old(now)


def test_old_uploads_are_gone_when_the_page_has_started(tmp_path: Path) -> None:
    """Nobody has to empty the folder."""
    settings = Settings(home=tmp_path, takes=tmp_path / "takes", page_port=0)
    uploads = Uploads(tmp_path / "page-uploads")
    old = Path(uploads.path(uploads.keep("a.mid", tune())["handle"]))
    for place in (old, old.parent):
        os.utime(place, (0, 0))

    async def story() -> None:
        serving = asyncio.create_task(Page(settings, Peer(keys=Keys(tmp_path / "keys"))).serve())
        async with asyncio.timeout(30):
            while old.parent.exists():
                await asyncio.sleep(0.01)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(story())


def test_what_cannot_be_read_is_refused_and_not_kept(uploads: Uploads) -> None:
    """Another kind of file, and one that is not what its name says, cost a sentence and no byte."""
    for name, data in (("a.exe", b"MZ"), ("a.mid", b"not midi"), ("a.wav", b"not sound"), ("a", b"")):
        with pytest.raises(DittoError) as refused:
            uploads.keep(name, data)
        assert refused.value.sentence
    assert not uploads.folder.exists() or not list(uploads.folder.iterdir())


@pytest.mark.parametrize("handle", ["upload:../../etc/passwd", "/etc/passwd", "upload:", "upload:" + "0" * 32 + ".mid"])
def test_a_handle_cannot_name_anything_else(uploads: Uploads, handle: str) -> None:
    """Paths, and digests of nothing, are no longer here; the part behind # is kept of a true one."""
    with pytest.raises(BadInputError, match="no longer here"):
        uploads.path(handle)
    kept = uploads.keep("a.mid", tune())["handle"]
    assert uploads.path(f"{kept}#Lead").endswith(".mid#Lead")


def test_a_sound_is_outlined_by_its_peaks(uploads: Uploads, tmp_path: Path) -> None:
    """So many columns, each as high as its loudest sample."""
    samples = np.zeros((2, 44_100), np.float32)
    samples[0, 44_100 // 2] = -0.5
    path = tmp_path / "x.wav"
    soundfile.write(path, samples.T, 44_100)
    found = uploads.keep("x.wav", path.read_bytes())
    assert found["seconds"] == 1
    assert len(found["outline"]) == OUTLINE_COLUMNS
    assert found["outline"][OUTLINE_COLUMNS // 2] == pytest.approx(0.5, abs=0.01)


def test_a_set_shows_its_lanes_and_clips(uploads: Uploads) -> None:
    """A lane's points and a clip's notes come by name and by place; what is not there is refused in a sentence."""
    lane = envelope_xml(100, [(BEFORE_THE_SONG, 0.5), (0, 0.5), (4, 1.0)])
    clip = midi_clip_xml([(60, 0, 1, 100), (64, 2, 1, 90)], name="Lead")
    found = uploads.keep("a.als", set_xml(track_xml("Keys", lanes=lane, session=clip)))
    assert [(one["track"], one["name"], one["notes"]) for one in found["clips"]] == [("Keys", "Lead", 2)]
    assert [note[:2] for note in songs.clip(Path(uploads.path(found["handle"])), 0, Fraction(8))["notes"]] == [
        [60, 0], [64, 2], [60, 4], [64, 6],
    ]  # fmt: skip
    bare = midi_clip_xml([(60, 0, 1, 100)]), midi_clip_xml([(60, 0, 1, 100)], time=128)
    found_bare = uploads.keep("b.als", set_xml(track_xml("Keys", session=bare[0], arrangement=bare[1])))
    assert [one["name"] for one in found_bare["clips"]] == ["slot 1", "bar 33"]
    with pytest.raises(BadInputError, match="1 clips"):
        songs.clip(Path(uploads.path(found["handle"])), 1, Fraction(8))
    (shown,) = [one for one in found["lanes"] if "Keys" in one["path"]]
    lanes = songs.lane(Path(uploads.path(found["handle"])), shown["path"], Fraction(0), Fraction(4))
    assert lanes["levels"][0] == [0.0, pytest.approx(LOUDEST_DB - 6.02, abs=0.01)], "a fader, in dB as everywhere"
    assert lanes["levels"][-1] == [4.0, pytest.approx(LOUDEST_DB, abs=0.01)]
    assert [beat for beat, _share in lanes["shares"]] == [0.0, 4.0]
    assert [share for _beat, share in lanes["shares"]] == pytest.approx([0.25, 0.5], abs=0.01)
    with pytest.raises(BadInputError, match="no lane"):
        songs.lane(Path(uploads.path(found["handle"])), "Keys/none", Fraction(0), Fraction(4))


def test_a_lane_of_many_points_keeps_its_end(uploads: Uploads) -> None:
    """Thousands of points become those that matter; none of the lane is cut off."""
    wave = [(beat / 400, 0.5 + 0.4 * math.sin(beat / 40)) for beat in range(6_400)]
    lane = envelope_xml(101, [(BEFORE_THE_SONG, 0.5), *wave, (16.0, 0.25)])
    found = uploads.keep("a.als", set_xml(track_xml("Keys", lanes=lane)))
    (path,) = [one["path"] for one in found["lanes"] if "Keys" in one["path"]]
    lanes = songs.lane(Path(uploads.path(found["handle"])), path, None, Fraction(16))
    assert lanes["shares"][-1] == [16.0, 0.25]
    assert lanes["levels"][-1] == [16.0, pytest.approx(-36 + 0.25 * 22)]
    assert len(lanes["shares"]) <= 2_000


def test_a_dropped_file_is_the_melody_that_it_is_everywhere(uploads: Uploads) -> None:
    """Repeated as Live would play it, without the drums, from the first track that has a tune."""
    kick = tuple(Note(36, Fraction(beat), Fraction(1, 4), channel=9) for beat in range(4))
    riff = tuple(Note(60 + beat, Fraction(beat), Fraction(1)) for beat in range(4))
    score = Score((ScoreTrack("Kit", kick, Fraction(4)), ScoreTrack("Riff", riff, Fraction(4))))
    handle = uploads.keep("riff.mid", write_midi(score))["handle"]
    found = songs.tune(Path(uploads.path(handle)), Fraction(8), Meter(4, 4))
    assert [(pitch, start) for pitch, start, *_ in found["notes"]] == [(60 + n % 4, n) for n in range(8)]
    assert found["track"] == "Riff"
    assert found["remarks"] == ["riff.mid lasts 4 beats and is played 2 times."]
    numbered = uploads.keep("n.mid", write_midi(Score((ScoreTrack("2", kick), ScoreTrack("1", riff)))))["handle"]
    assert songs.tune(Path(uploads.path(numbered)), Fraction(4), Meter(4, 4))["track"] == "1", (
        "names that are numbers confuse nothing"
    )
    assert [note[0] for note in songs.tune(Path(uploads.path(numbered)), Fraction(4), Meter(4, 4))["notes"]] == [
        60,
        61,
        62,
        63,
    ]
    drums = uploads.keep("kit.mid", write_midi(Score((ScoreTrack("Kit", kick),))))["handle"]
    with pytest.raises(BadInputError, match=r"kit\.mid holds no notes but drums"):
        songs.tune(Path(uploads.path(drums)), Fraction(8), Meter(4, 4))


def test_a_passage_of_a_dropped_song_is_read_as_everywhere(uploads: Uploads) -> None:
    """Any of its tracks from any bar; a place that is none has a sentence."""
    tracks = tuple(
        ScoreTrack(name, tuple(Note(low + beat, Fraction(beat), Fraction(1)) for beat in range(40)))
        for name, low in (("Riff", 20), ("", 70))
    )
    kept = uploads.keep("song.mid", write_midi(Score(tracks)))
    handle = kept["handle"]
    assert [track["notes"] for track in kept["tracks"]] == [40, 40]
    found = songs.tune(Path(uploads.path(handle)), Fraction(4), Meter(4, 4), BarPosition(3), 1)
    assert [(pitch, start) for pitch, start, *_ in found["notes"]] == [(78 + n, n) for n in range(4)]
    assert (found["place"], found["track"]) == (1, "")
    assert songs.tune(Path(uploads.path(handle)), Fraction(4), Meter(4, 4))["place"] == 0
    named = uploads.keep("named.mid", write_midi(Score((tracks[0], replace(tracks[1], name="Lead synth")))))["handle"]
    assert songs.tune(Path(uploads.path(named)), Fraction(4), Meter(4, 4))["track"] == "Lead synth"
    with pytest.raises(DittoError, match="no notes from bar 99 on"):
        songs.tune(Path(uploads.path(handle)), Fraction(4), Meter(4, 4), BarPosition(99))
    with pytest.raises(BadInputError, match="has 2 tracks"):
        songs.tune(Path(uploads.path(handle)), Fraction(4), Meter(4, 4), None, 2)


def test_a_song_tells_its_tempo_and_signature_at_each_place(uploads: Uploads) -> None:
    """As a request that names the passage has them."""
    riff = ScoreTrack("Riff", tuple(Note(60, Fraction(beat), Fraction(1)) for beat in range(40)))
    score = Score(
        (riff,),
        tempos=(TempoChange(Fraction(0), Fraction(120)), TempoChange(Fraction(8), Fraction(90))),
        meters=(MeterChange(Fraction(0), Meter(4, 4)), MeterChange(Fraction(8), Meter(3, 4))),
    )
    path = Path(uploads.path(uploads.keep("song.mid", write_midi(score))["handle"]))
    assert songs.song(path, BarPosition(2)) == {"tempo_bpm": 120.0, "time_signature": "4/4"}
    assert songs.song(path, BarPosition(3)) == {"tempo_bpm": 90.0, "time_signature": "3/4"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My Song.mid", "My Song.mid"), ("../../etc/a#1.mid", "a_1.mid"), ("C:\\a:b.MID", "a_b.mid"),
        ("CON.mid", "_CON.mid"), ("x" * 500 + ".mid", "x" * 120 + ".mid"), ("\ud83d.mid", "\ufffd.mid"),
        (" .mid", "file.mid"),
    ],
)  # fmt: skip
def test_sentences_say_the_name_that_a_file_had(uploads: Uploads, name: str, said: str) -> None:
    """Not the digest by which it is kept; and no name leads out of the folder."""
    path = Path(uploads.path(uploads.keep(name, tune())["handle"]))
    assert path.name == said
    assert path.parent.parent == uploads.folder
    for broken in ("broken.mid", "broken.wav", "broken.als"):
        with pytest.raises(DittoError) as refused:
            uploads.keep(broken, b"none")
        assert refused.value.sentence.startswith(broken)


def test_files_go_into_one_archive(tmp_path: Path) -> None:
    """The file is open at its beginning, and as long as it says."""
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    whole, size = packed(tmp_path / name for name in ("a.wav", "b.wav"))
    with whole:
        data = whole.read()
    assert len(data) == size
    assert data.startswith(b"PK")
    assert b"a.wav" * 100 in data


def test_a_takes_settings_make_the_same_request_again() -> None:
    """What fills the page's form is read back to the same scalar fields."""
    request = LoopRequest(
        prompt="dub, no drums", tempo_bpm="133.37", meter="7/8", bars=2, key="F minor", seed=2**53 - 1,
        layers=("bass", "lead"), chords="Fm | Bbm", mute=("lead",), stems=True, loop=False,
    )  # fmt: skip
    again = read_request({name: value for name, value in form_of(request).items() if value}).request
    for name in ("prompt", "tempo_bpm", "meter", "bars", "key", "seed", "layers", "chords", "mute", "stems", "loop"):
        assert getattr(again, name) == getattr(request, name)

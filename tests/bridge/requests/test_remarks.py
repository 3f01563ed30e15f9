"""What was understood of a file reaches the producer: every reader's remark is one of the request's."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bridge.requests.reader import read_request
from bridge.requests.sent import Rows, read_rows
from engine.errors import BadRequestError
from engine.request import Audio, Curve, Notes, Onsets
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, midi_clip_xml, set_xml, track_xml
from midi.notes import Note
from midi.smf.read import Score, ScoreTrack, write_midi


def midi_file(path: Path, *notes: Note, name: str = "Lead") -> Path:
    """Write one track."""
    path.write_bytes(write_midi(Score((ScoreTrack(name, notes),))))
    return path


def note(pitch: int, start: float, channel: int = 0, duration: float = 1) -> Note:
    """Return a note."""
    return Note(pitch, Fraction(start), Fraction(duration), channel=channel)


def asked(**settings: str) -> tuple[object, tuple[str, ...]]:
    """Return the target of the one control, and all remarks."""
    reading = read_request({"bars": "4", "tempo_bpm": "120", "seed": "1", **settings})
    return reading.request.controls[0].target, reading.remarks


def test_a_faulty_midi_file_is_a_melody_with_a_remark(tmp_path: Path) -> None:
    """Trials 3 and 8: the sentence about what was mended is told with the request, by every way in."""
    path = midi_file(tmp_path / "a.mid", note(60, 0), note(64, 1))
    data = path.read_bytes().replace(b"MThd\0\0\0\6\0\1\0\1", b"MThd\0\0\0\6\0\1\0\3")
    path.write_bytes(data)
    target, remarks = asked(melody=str(path))
    assert isinstance(target, Notes)
    assert any("3 tracks and has 1" in remark for remark in remarks)
    assert any("is played 4 times" in remark for remark in remarks)


@pytest.mark.parametrize("where", ["#Lead", "#lead/Verse", "#1"])
def test_a_live_set_is_a_melody_and_a_rhythm(tmp_path: Path, where: str) -> None:
    """Trial 22: by settings as by options, `SET.als#Track` is notes for a melody and strokes for a rhythm."""
    clip = midi_clip_xml([(36, 0.0, 0.25, 100), (42, 1.0, 0.25, 90), (38, 2.0, 0.25, 90)], name="Verse")
    (tmp_path / "Song.als").write_bytes(set_xml(track_xml("Lead", session=clip)))
    melody, _ = asked(melody=f"{tmp_path}/Song.als{where}")
    assert isinstance(melody, Notes)
    assert len(melody.notes) == 12
    rhythm, _ = asked(rhythm=f"{tmp_path}/Song.als{where}")
    assert isinstance(rhythm, Onsets)
    assert [stroke.group for stroke in rhythm.onsets][:3] == ["kick", "hat", "snare"]


def test_a_clip_file_is_a_rhythm(tmp_path: Path) -> None:
    """Trial 23: `.alc` for drums as for melodies."""
    clip = midi_clip_xml([(36, 0.0, 0.25, 100), (38, 2.0, 0.25, 90)])
    (tmp_path / "Beat.alc").write_bytes(set_xml(track_xml("Beat", session=clip)))
    target, _ = asked(rhythm=f"{tmp_path}/Beat.alc")
    assert [stroke.group for stroke in target.onsets][:2] == ["kick", "snare"]  # type: ignore[attr-defined]


def test_a_set_with_a_bad_event_is_a_lane_with_a_remark(tmp_path: Path) -> None:
    """Trial 14: the lane that was asked for is followed, and what was left out elsewhere is told."""
    lanes = envelope_xml(100, [(BEFORE_THE_SONG, 1.0), (0, 1.0), (8, 0.5)]) + envelope_xml(101, [(0, 0.5), (4, 1.0)])
    data = set_xml(track_xml("Lead", lanes=lanes)).replace(b'Time="4" Value="1.0"', b'Time="4" Value="nan"')
    (tmp_path / "Song.als").write_bytes(data.replace(b'Value="Lead"', b'Value="Le&#x1;ad"'))
    for path in (f"{tmp_path}/Song.als#Volume", f"{tmp_path}/Song.als#Volume@0"):
        target, remarks = asked(intensity=path)
        assert isinstance(target, Curve)
        assert any("'nan', not a number" in remark for remark in remarks)
        assert any("were replaced" in remark for remark in remarks)


@pytest.mark.parametrize(("name", "text"), [("intensity", "-30dB"), ("intensity", "0: -30"), ("brightness", "2kHz")])
def test_numbers_as_people_write_them_are_curves(name: str, text: str) -> None:
    """Trial 39: a constant, a unit and a blank behind the colon are curves by every way in."""
    target, _ = asked(**{name: text})
    assert isinstance(target, Curve)
    assert target.points[0].value in (-30, 2000)


def test_a_recording_with_many_channels_is_a_reference_with_a_remark(tmp_path: Path) -> None:
    """Trial 38: four channels and a value that is none are told with the request."""
    sound = np.full((44_100, 4), 0.1, np.float32)
    sound[7, 0] = np.nan
    soundfile.write(tmp_path / "a.wav", sound, 44_100, subtype="FLOAT")
    target, remarks = asked(timbre=f"{tmp_path}/a.wav")
    assert isinstance(target, Audio)
    assert sum("a.wav" in remark for remark in remarks) == 2


def test_early_notes_and_drums_that_are_sent_as_rows_are_understood_alike() -> None:
    """Trials 4 and 19: notes from the device have no channel and may begin a hair early; they are heard alike."""
    rows = Rows(((36, -0.02, 0.25, 100), (42, 1.0, 0.25, 100), (38, 2.0, 0.25, 100), (36, 15.98, 0.25, 90)))
    reading = read_request({"bars": "4", "seed": "1"}, {("notes", "rhythm"): rows})
    strokes = reading.request.controls[0].target.onsets  # type: ignore[union-attr]
    assert [(float(stroke.beat), stroke.group) for stroke in strokes] == [(0, "kick"), (1, "hat"), (2, "snare")]


def test_silent_and_early_rows_are_read_as_a_clip_reads_them() -> None:
    """Trial 26: velocity 0 is left out; early notes, strokes and breakpoints are the start's, earlier notes go."""
    notes = Rows(((60, -0.02, 1.0, 100), (62, 1.0, 1.0, 0), (64, 2.0, 1.0, 90), (65, -0.2, 1.0, 90)))
    strokes = Rows(((-0.02, 1.0, "kick"), (2.0, 0.5, "snare"), (-0.2, 1.0, "hat")))
    curve = Rows(((-0.02, -30.0), (4.0, -9.0)), "db")
    parts = {("notes", "melody"): notes, ("onsets", "rhythm"): strokes, ("curve", "intensity"): curve}
    controls = {one.kind: one.target for one in read_request({"bars": "4", "seed": "1"}, parts).request.controls}
    assert [(note.pitch, note.start) for note in controls["melody"].notes] == [(60, 0), (64, 2)]  # type: ignore[union-attr]
    assert [(one.beat, one.group) for one in controls["rhythm"].onsets] == [(0, "kick"), (2, "snare")]  # type: ignore[union-attr]
    assert [(point.beat, point.value) for point in controls["intensity"].points] == [(0, -30), (4, -9)]  # type: ignore[union-attr]
    asked = {"bars": "4", "seed": "1", "intensity_source": "velocities"}
    (_, level) = sorted(
        read_request(asked, {("notes", "melody"): notes}).request.controls, key=lambda c: c.kind == "intensity"
    )
    assert [point.beat for point in level.target.points] == [0, 2, 2]  # type: ignore[union-attr]


_ROW = st.tuples(st.integers(0, 127), st.floats(-0.25, 20, width=32), st.floats(0, 8, width=32), st.integers(0, 127))


@given(st.lists(_ROW, max_size=12))
def test_what_sounds_does_not_hang_on_what_is_silent(rows: list[tuple[int, float, float, int]]) -> None:
    """Rows with and without their notes of velocity 0 are one clip, all of it inside the loop."""
    rows = [(60, 0.0, 1.0, 100), *rows]  # one at least lies in the loop
    whole = read_rows("notes", "text", Rows(tuple(rows)), Fraction(16))
    assert isinstance(whole, Notes)
    assert whole == read_rows("notes", "text", Rows(tuple(row for row in rows if row[3])), Fraction(16))
    assert all(0 <= note.start < note.end <= 16 for note in whole.notes)


@pytest.mark.parametrize(
    ("typed", "read"),
    [("dub\udcff", "dub\ufffd"), ("\ud83e\udd41 beat", "🥁 beat"), ("a\ud83d", "a\ufffd"), ("é", "é")],
)
def test_half_a_letter_in_a_prompt_loses_no_take(typed: str, read: str) -> None:
    """Trial 28's relative: a lone surrogate, as a cut emoji or a byte of another encoding, is replaced, not fatal."""
    from engine.service import wire

    request = read_request({"prompt": typed, "negative_prompt": typed, "seed": "1"}).request
    assert (request.prompt, request.negative_prompt) == (read, read)
    assert wire.encode(request)


@pytest.mark.parametrize(
    ("control", "part", "row"),
    [
        ("melody", "notes", (60, 1.0, 100)), ("rhythm", "notes", (36, 1.0, 100)), ("chords", "notes", (60, 1.0, 100)),
        ("rhythm", "onsets", (1.0, "kick")),
    ],
)  # fmt: skip
def test_what_is_sent_for_behind_the_loop_is_said(control: str, part: str, row: tuple[object, ...]) -> None:
    """Some of it in a remark; all of it is no clip without notes but one at another place."""

    def at(*beats: float) -> dict[tuple[str, str], Rows]:
        rows = tuple((row[0], beat, *row[1:]) if part == "notes" else (beat, *row) for beat in beats)
        return {(part, control): Rows(rows)}

    asked = {"bars": "1", "seed": "1"}
    inside, partly = read_request(asked, at(0, 1)), read_request(asked, at(0, 5, 6))
    assert not [remark for remark in inside.remarks if "behind" in remark]
    assert [remark for remark in partly.remarks if "2 of 3" in remark and "behind the loop's end" in remark]
    with pytest.raises(BadRequestError, match=f"the {control}'s .* is at beat 5; this loop has beats 0 to 4"):
        read_request(asked, at(5, 6))


def test_a_rhythm_without_hits_is_refused() -> None:
    """As a melody without notes is: nothing could follow it."""
    with pytest.raises(BadRequestError, match="The rhythm has no hits"):
        read_request({"seed": "1"}, {("onsets", "rhythm"): Rows(())})


@pytest.mark.parametrize("typed", ["10", "0:-30 4:3", "0:0.5"])
def test_a_level_above_full_scale_is_refused_before_anything_is_searched(typed: str) -> None:
    """A forgotten sign costs a sentence, not a search; 0 dBFS and shares of a range are levels."""
    with pytest.raises(BadRequestError, match="0 dBFS is as loud"):
        read_request({"intensity": typed, "seed": "1"})
    for sent in (Rows(((0.0, 0.0),), "db"), Rows(((0.0, 1.0),), "unit")):
        assert read_request({"seed": "1"}, {("curve", "intensity"): sent}).request.controls

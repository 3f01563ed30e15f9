"""`ditto-live lanes`: the table and the JSON."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from bridge.cli.commands.lanes import BARS, lanes, sparkline
from midi.errors import MidiError
from midi.live.set import find_lane, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, max_device_xml, midi_clip_xml, set_xml, track_xml
from midi.notes import Note
from midi.smf.read import Score, ScoreTrack, write_midi
from midi.tempo import Meter, MeterChange, TempoChange


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Return a saved set with one lane that rises from 0 to 1 over 16 beats."""
    events = [(BEFORE_THE_SONG, 0.0), (0, 0.0), (16, 1.0)]
    device = max_device_xml("Ditto Live.amxd", "[Intensity]", 500, 0, 1)
    path = tmp_path / "song.als"
    path.write_bytes(set_xml(track_xml("AC/DC", lanes=envelope_xml(500, events), devices=device)))
    return path


def test_the_table_shows_each_lane_by_a_name_to_copy(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its path in quotes where needed, brackets and all, its curve, its beats."""
    lanes(song)
    shown = capsys.readouterr().out
    assert '"AC/DC"/Ditto Live/[Intensity]' in shown
    assert "0 to 16" in shown
    assert "song.als: Ableton Live 12.0.15, 120 BPM, 4/4, 2 tracks" in shown


def test_json_is_one_object(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With all that the table shows."""
    lanes(song, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["tempo_bpm"], said["time_signature"]) == (120.0, "4/4")
    lane = next(lane for lane in said["lanes"] if lane["parameter"] == "[Intensity]")
    assert (lane["path"], lane["range"], lane["to_beat"]) == (
        '"AC/DC"/Ditto Live/[Intensity]',
        [0.0, 1.0],
        16.0,
    )
    assert lane["events"] == 3
    assert [track["name"] for track in said["tracks"]] == ["AC/DC", "Main"]


def test_a_curve_in_bars_rises_as_the_lane_does(song: Path) -> None:
    """From the lowest bar to near the highest, never falling."""
    drawn = sparkline(find_lane(read_set(song), "[Intensity]"), 16)
    assert len(drawn) == 16
    assert [BARS.index(bar) for bar in drawn] == sorted(BARS.index(bar) for bar in drawn)
    assert (drawn[0], drawn[-1]) == (BARS[0], BARS[-1])


def test_a_lane_of_one_value_is_a_flat_line(song: Path) -> None:
    """The tempo that never changes, too."""
    assert len(set(sparkline(find_lane(read_set(song), "Tempo")))) == 1


def test_tracks_with_notes_are_listed_by_the_names_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For `--melody FILE#Track/Clip`: unnamed clips by their bars, names with a slash in quotes."""
    clips = midi_clip_xml([(60, 0.0, 1.0, 100)], time=28.0) + midi_clip_xml(
        [(62, 0.0, 1.0, 100)], time=32.0, name="Hook"
    )
    path = tmp_path / "song.als"
    path.write_bytes(set_xml(track_xml("AC/DC", arrangement=clips), meter_events=[(14, 99 * 3 + 6)]))
    lanes(path)
    shown = capsys.readouterr().out
    assert '"AC/DC"' in shown
    assert "bar 9, Hook" in shown  # four bars of 4/4, the last cut off, and four of 7/8


def test_a_midi_file_shows_its_tracks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By number and name, with the bars that they play in, and how tempo and signature change."""
    notes = tuple(Note(60, Fraction(beat), Fraction(1)) for beat in (8, 15))
    slower = tuple(TempoChange(Fraction(20 + step), Fraction(90 - step)) for step in range(9))
    score = Score(
        (ScoreTrack("", ()), ScoreTrack("Lead", notes)),
        tempos=(TempoChange(Fraction(0), Fraction(95)), *slower),
        meters=(MeterChange(Fraction(0), Meter()), MeterChange(Fraction(8), Meter(7, 8))),
    )
    path = tmp_path / "song.mid"
    path.write_bytes(write_midi(score))
    lanes(path)
    shown = " ".join(capsys.readouterr().out.split())
    assert "song.mid: MIDI file, 95 BPM (90 BPM from bar 6.4 on, 89 BPM" in shown
    assert "6 changes more), 4/4 (7/8 from bar 3 on), 1 track with 2 notes" in shown
    assert "2 Lead 2 bar 3 to bar 5" in shown
    lanes(path, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["tempo_bpm"], said["time_signature"], said["tracks"][1]["from_beat"]) == (95.0, "4/4", 8.0)


def test_what_is_no_set_is_said(tmp_path: Path) -> None:
    """The command shows the sentence of the error."""
    with pytest.raises(MidiError, match=r"gone\.als"):
        lanes(tmp_path / "gone.als")

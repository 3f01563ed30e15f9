"""`ditto-live lanes`: the table and the JSON."""

import json
from pathlib import Path

import pytest

from bridge.cli.commands.lanes import BARS, lanes, sparkline
from midi.errors import MidiError
from midi.live.set import find_lane, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, max_device_xml, set_xml, track_xml


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


def test_what_is_no_set_is_said(tmp_path: Path) -> None:
    """The command shows the sentence of the error."""
    with pytest.raises(MidiError, match=r"gone\.als"):
        lanes(tmp_path / "gone.als")

"""Tempo and time signature of the song that a request's files are from."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bridge.requests.reader import Reading, read_request
from midi.live.testing import envelope_xml, midi_clip_xml, set_xml, track_xml
from midi.notes import Note
from midi.smf.read import Score, ScoreTrack, write_midi
from midi.tempo import Meter, MeterChange, TempoChange

BEFORE_THE_SONG = -63_072_000.0
THREE_QUARTERS = 2 * 99 + 2  # as Live stores it


def read(folder: Path, **settings: str) -> Reading:
    """Return the reading of a prompt with these settings."""
    return read_request({"prompt": "piano", "seed": "1", **settings}, takes=folder)


def song(folder: Path, tempi: dict[int, int], meters: dict[int, str]) -> str:
    """Write a MIDI file of 60 beats with these tempi and time signatures, and return its name."""
    notes = tuple(Note(60 + beat % 12, Fraction(beat), Fraction(1)) for beat in range(60))
    score = Score(
        (ScoreTrack("Lead", notes),),
        tempos=tuple(TempoChange(Fraction(beat), Fraction(bpm)) for beat, bpm in tempi.items()),
        meters=tuple(MeterChange(Fraction(beat), Meter.parse(text)) for beat, text in meters.items()),
    )
    (folder / "song.mid").write_bytes(write_midi(score))
    return str(folder / "song.mid")


def live(folder: Path, **more: Any) -> str:
    """Write a set of 95 BPM with a lead in session and arrangement and an automated fader, and return its name."""
    fader = envelope_xml(100, [(BEFORE_THE_SONG, 1.0), (0.0, 1.0), (60.0, 0.1)])
    notes = [(60, float(beat), 1.0, 100) for beat in range(60)]
    clip = midi_clip_xml(notes, name="Verse", length=60.0, loop=(0.0, 60.0))
    tracks = track_xml("Lead", lanes=fader, session=clip, arrangement=clip)
    (folder / "song.als").write_bytes(set_xml(tracks, **{"tempo_bpm": 95.0, **more}))
    return str(folder / "song.als")


@pytest.mark.parametrize("setting", ["melody", "chords", "rhythm"])
def test_a_loop_is_made_at_the_tempo_of_its_song(tmp_path: Path, setting: str) -> None:
    """Where its notes begin, and that is said; 120 BPM and 4/4 are what a loop has anyway."""
    name = song(tmp_path, {0: 95, 16: 140}, {0: "4/4", 16: "3/4"})
    first = read(tmp_path, **{setting: f"{name}#Lead"})
    assert (first.request.tempo_bpm, first.request.meter) == (95, Meter())
    assert "song.mid is at 95 BPM, and so the loop is made." in first.remarks
    later = read(tmp_path, **{setting: f"{name}#Lead@bar 5"})
    assert (later.request.tempo_bpm, later.request.meter) == (140, Meter(3, 4))
    assert "song.mid is at 140 BPM and in 3/4, and so the loop is made." in later.remarks
    assert not any("the loop in" in remark for remark in later.remarks)
    usual = read(tmp_path, **{setting: song(tmp_path, {0: 120}, {0: "4/4"})})
    assert not any("so the loop is made" in remark for remark in usual.remarks)


def test_what_is_given_or_said_counts_before_the_song(tmp_path: Path) -> None:
    """The setting, then the prompt; each for itself."""
    name = song(tmp_path, {0: 95}, {0: "3/4"})
    given = read(tmp_path, melody=name, tempo_bpm="100")
    assert (given.request.tempo_bpm, given.request.meter) == (100, Meter(3, 4))
    assert "song.mid is in 3/4, and so the loop is made." in given.remarks
    prompted = read(tmp_path, prompt="piano, 87 bpm", melody=name, time_signature="6/8")
    assert (prompted.request.tempo_bpm, prompted.request.meter) == (87, Meter(6, 8))
    assert not any("song.mid is" in remark for remark in prompted.remarks)


def test_a_lane_has_the_tempo_of_its_set_where_it_begins(tmp_path: Path) -> None:
    """As automated there; a position behind a clip is none of the song."""
    name = live(tmp_path, tempo_events=[(0, 95.0), (16, 95.0), (32, 140.0)], meter_events=[(32, THREE_QUARTERS)])
    for part in ("Lead/Mixer/Volume", "Lead"):
        kind = "intensity" if "/" in part else "melody"
        for position, tempo_bpm, meter in (("", "95", "4/4"), ("@bar 7", "117.5", "4/4"), ("@bar 9", "140", "3/4")):
            request = read(tmp_path, **{kind: f"{name}#{part}{position}"}).request
            assert (request.tempo_bpm, request.meter) == (Fraction(tempo_bpm), Meter.parse(meter)), part + position
    assert read(tmp_path, melody=f"{name}#Lead/Verse@bar 9").request.tempo_bpm == 95


def test_a_file_that_tells_no_tempo_leaves_it_open(tmp_path: Path) -> None:
    """And one that cannot be read has the sentence that it always has."""
    assert read(tmp_path, melody=song(tmp_path, {}, {})).request.tempo_bpm == 120
    assert read(tmp_path, melody=song(tmp_path, {8: 90}, {})).request.tempo_bpm == 120
    (tmp_path / "broken.mid").write_bytes(b"no")
    with pytest.raises(Exception, match="broken"):
        read(tmp_path, melody=str(tmp_path / "broken.mid"))

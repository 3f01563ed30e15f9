"""Tempo and time signature of the song that a request's files are from."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

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


def test_a_part_that_begins_later_has_the_tempo_that_it_begins_at(tmp_path: Path) -> None:
    """A track that is read from its first note's bar on, in a file and in an arrangement; a clip of the arrangement."""
    late = ScoreTrack("Lead", tuple(Note(60, Fraction(beat), Fraction(1)) for beat in range(40, 60)))
    tempi = (TempoChange(Fraction(0), Fraction(120)), TempoChange(Fraction(40), Fraction(150)))
    meters = (MeterChange(Fraction(0), Meter()), MeterChange(Fraction(40), Meter(3, 4)))
    (tmp_path / "late.mid").write_bytes(write_midi(Score((late,), tempi, meters)))
    clip = midi_clip_xml([(60, 2.0, 1.0, 100)], name="Late", time=38.0, length=16.0, loop=(0.0, 16.0))
    tempo_events, meter_events = [(0, 120.0), (38, 120.0), (38, 150.0)], [(36, THREE_QUARTERS)]
    xml = set_xml(track_xml("Lead", arrangement=clip), tempo_events=tempo_events, meter_events=meter_events)
    (tmp_path / "late.als").write_bytes(xml)
    for name in ("late.mid#Lead", "late.als#Lead", "late.als#Lead/Late", "late.als#Lead@38"):
        found = read(tmp_path, melody=f"{tmp_path}/{name}")
        assert (found.request.tempo_bpm, found.request.meter) == (150, Meter(3, 4)), name


def test_a_track_that_is_called_as_a_position_is_read_from_its_start(tmp_path: Path) -> None:
    """Tempo and notes are those of one place in the song; a lane that is a clip's has no place in it."""
    drawn = envelope_xml(100, [(0.0, 1.0), (8.0, 0.1)], clip=True)
    notes = [(60, float(beat), 1.0, 100) for beat in range(60)]
    clip = midi_clip_xml(notes, name="Verse", length=60.0, loop=(0.0, 60.0), envelopes=drawn)
    tracks = track_xml("Take @32", arrangement=clip) + track_xml("AC/DC", arrangement=clip.replace("PointeeId", "No"))
    tempi = [(0, 95.0), (16, 95.0), (32, 140.0)]
    (tmp_path / "at.als").write_bytes(set_xml(tracks, tempo_bpm=95.0, tempo_events=tempi))
    assert read(tmp_path, melody=f"{tmp_path}/at.als#Take @32").request.tempo_bpm == 95
    assert read(tmp_path, melody=f"{tmp_path}/at.als#AC/DC@bar 9").request.tempo_bpm == 140
    assert read(tmp_path, intensity=f"{tmp_path}/at.als#Take @32/Volume@bar 9").request.tempo_bpm == 95


def test_the_first_file_that_tells_counts(tmp_path: Path) -> None:
    """Each for itself: one without a tempo leaves it to the next."""
    path = Path(song(tmp_path, {}, {0: "3/4"})).rename(tmp_path / "first.mid")
    found = read(tmp_path, melody=str(path), chords=song(tmp_path, {0: 95}, {0: "4/4"}))
    assert (found.request.tempo_bpm, found.request.meter) == (95, Meter(3, 4))
    assert "first.mid is in 3/4, and so the loop is made." in found.remarks


@pytest.mark.parametrize("bpm", [6, 1200])
def test_a_tempo_that_no_loop_has_is_not_used(tmp_path: Path, bpm: int) -> None:
    """The producer did not ask for it, so that it is no reason to refuse the request."""
    found = read(tmp_path, melody=song(tmp_path, {0: bpm}, {0: "3/4"}))
    assert (found.request.tempo_bpm, found.request.meter) == (120, Meter(3, 4))
    assert f"The tempo of song.mid is not used: {bpm} BPM is outside 20 to 999." in found.remarks


def test_the_tempo_of_a_set_is_the_one_that_was_typed(tmp_path: Path) -> None:
    """Live keeps it in single precision."""
    for kept, typed in ((119.999992, "120"), (155.300003, "155.3"), (133.333, "133.333")):
        found = read(tmp_path, melody=live(tmp_path, tempo_bpm=kept) + "#Lead")
        assert found.request.tempo_bpm == Fraction(typed)


def test_a_recording_has_bars_of_the_songs_time_signature(tmp_path: Path) -> None:
    """Its tempo counts, not the song's."""
    beats, rate = 9, 8_000
    samples = np.sin(np.arange(beats * rate // 2) / 20).astype(np.float32)  # 120 BPM
    soundfile.write(tmp_path / "drums 120bpm.wav", samples, rate)
    name = song(tmp_path, {0: 95}, {0: "3/4"})
    found = read(tmp_path, melody=name, **{"with": str(tmp_path / "drums 120bpm.wav"), "layers": "lead"}).request
    assert (found.tempo_bpm, found.meter, found.bars) == (120, Meter(3, 4), 3)


def test_a_pickup_is_not_the_songs_time_signature(tmp_path: Path) -> None:
    """Nor is a count-in of another metre and tempo, which the loop does not play; one of the same length is a bar."""
    assert read(tmp_path, melody=song(tmp_path, {}, {0: "1/4", 1: "3/4"})).request.meter == Meter(3, 4)
    assert read(tmp_path, melody=song(tmp_path, {}, {0: "4/4", 4: "3/4"})).request.meter == Meter()
    lead = ScoreTrack("Lead", tuple(Note(60, Fraction(beat), Fraction(1)) for beat in range(4, 30)))
    tempi = (TempoChange(Fraction(0), Fraction(125)), TempoChange(Fraction(4), Fraction(220)))
    meters = (MeterChange(Fraction(0), Meter()), MeterChange(Fraction(4), Meter(5, 4)))
    (tmp_path / "counted.mid").write_bytes(write_midi(Score((lead,), tempi, meters)))
    found = read(tmp_path, melody=str(tmp_path / "counted.mid"))
    assert (found.request.tempo_bpm, found.request.meter) == (220, Meter(5, 4))
    assert not any("the loop in" in remark for remark in found.remarks)

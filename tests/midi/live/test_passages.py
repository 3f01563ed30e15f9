"""A passage of a whole song: from a beat or a bar on, in MIDI files, arrangements, clips and lanes."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.requests import targets
from engine.request import LoopRequest
from midi.bars import BarPosition, Bars
from midi.errors import MidiError
from midi.live.note_file import read_notes
from midi.live.set import read_set
from midi.live.testing import envelope_xml, midi_clip_xml, set_xml, track_xml
from midi.notes import Note, passage
from midi.smf.read import Score, ScoreTrack, write_midi
from midi.tempo import Meter, MeterChange

LOOP = Fraction(8)
SEVEN_EIGHTHS = 99 * 3 + 6  # as Live stores it
CHANGES = (
    MeterChange(Fraction(0), Meter()),
    MeterChange(Fraction(8), Meter(7, 8)),
    MeterChange(Fraction(15), Meter(3, 4)),
)


def note(pitch: int, start: float, duration: float = 1, channel: int = 0) -> Note:
    """Return a note."""
    return Note(pitch, Fraction(start), Fraction(duration), channel=channel)


def scale(beats: int) -> list[Note]:
    """Return a note a beat whose pitch says which beat it is."""
    return [note(beat, beat) for beat in range(beats)]


def song(folder: Path, *tracks: tuple[str, list[Note]], end: float = 0) -> Path:
    """Write a song of two bars of 4/4, two of 7/8, and 3/4 after them."""
    parts = tuple(ScoreTrack(name, tuple(notes), Fraction(end)) for name, notes in tracks)
    (folder / "song.mid").write_bytes(write_midi(Score(parts, meters=CHANGES)))
    return folder / "song.mid"


def live(folder: Path, tracks: str, **more: object) -> Path:
    """Write a set whose arrangement has those signatures, too."""
    events = [(8.0, SEVEN_EIGHTHS), (15.0, 2 * 99 + 2)]
    (folder / "song.als").write_bytes(set_xml(tracks, meter_events=events, **more))  # type: ignore[arg-type]
    return folder / "song.als"


def heard(text: str) -> list[tuple[int, float]]:
    """Return what a loop of eight beats hears."""
    return [(one.pitch, float(one.start)) for one in read_notes(text, LOOP).notes]


@pytest.mark.parametrize(
    ("position", "first"),
    [("@16", 16), ("@bar 2", 4), ("@bar 3", 8), ("@bar 5", 15), ("@bar 6.2", 19), ("@6. 2. 1", 19), ("@ BAR7", 21)],
)
def test_a_passage_of_a_midi_file_is_read_where_it_begins(tmp_path: Path, position: str, first: int) -> None:
    """Of one track or of all, bars counted through the file's signatures."""
    path = song(tmp_path, ("Lead", scale(60)))
    wanted = [(first + beat, beat) for beat in range(8)]
    for part in (f"Lead{position}", position, f"1{position}"):
        assert heard(f"{path}#{part}") == wanted
    assert read_notes(f"{path}#Lead{position}", LOOP).remarks == ()


def test_a_track_may_be_called_as_a_position_is_written(tmp_path: Path) -> None:
    """The whole name is tried first."""
    path = song(tmp_path, ("Lead@16", scale(8)), ("Lead", [note(99, 16)]))
    assert heard(f"{path}#Lead@16") == [(beat, beat) for beat in range(8)]


def test_what_sounds_on_into_a_passage_is_heard_and_struck_again_by_none(tmp_path: Path) -> None:
    """A pad begins before it and sounds in it; as a rhythm its stroke is over."""
    path = song(tmp_path, ("Pad", [note(60, 13, 6), note(64, 18, 1), note(66, 15.9, 0.2)]))
    assert heard(f"{path}#Pad@16") == [(60, 0), (66, 0), (64, 2)]
    strokes, _ = targets.rhythm(f"{path}#Pad@16", LoopRequest(bars=2))
    assert [float(one.beat) for one in strokes.onsets] == [0, 2]


def test_drums_are_not_struck_where_they_ring_on(tmp_path: Path) -> None:
    """A crash of two bars is one stroke."""
    path = song(tmp_path, ("Drums", [note(49, 12, 8, 9), note(36, 17, 0.25, 9)]))
    assert heard(f"{path}#Drums@16") == [(36, 1)]


def test_a_passage_without_notes_says_where_the_next_ones_are(tmp_path: Path) -> None:
    """And one behind the song's end that there are none."""
    path = song(tmp_path, ("Lead", [note(60, 0), note(62, 40)]))
    with pytest.raises(MidiError, match=r"song\.mid: There are no notes from bar 2 on .*; the next is in bar 13"):
        read_notes(f"{path}#Lead@bar 2", LOOP)
    with pytest.raises(MidiError, match="from bar 60 on for 8 beats; it has none after that"):
        read_notes(f"{path}#Lead@bar 60", LOOP)
    with pytest.raises(MidiError, match=r"There is no bar 3\.8: the bar is one of 7/8"):
        read_notes(f"{path}#Lead@bar 3.8", LOOP)


def test_a_song_that_ends_within_the_passage_rests(tmp_path: Path) -> None:
    """It does not go round, as an arrangement does not, and that is said."""
    path = song(tmp_path, ("Lead", scale(24)))
    assert heard(f"{path}#Lead@bar 7") == [(21, 0), (22, 1), (23, 2)]
    assert "rest" in read_notes(f"{path}#Lead@bar 7", LOOP).remarks[-1]


def test_a_clip_after_a_pickup_goes_round_by_whole_bars(tmp_path: Path) -> None:
    """A bar of one beat and one of 4/4 are five beats, not five bars of one."""
    meters = (MeterChange(Fraction(0), Meter(1, 4)), MeterChange(Fraction(1), Meter(4, 4)))
    notes = (note(60, 0), note(62, 1), note(64, 3))
    (tmp_path / "a.mid").write_bytes(write_midi(Score((ScoreTrack("Lead", notes),), meters=meters)))
    found = read_notes(str(tmp_path / "a.mid"), Fraction(10))
    assert [float(one.start) for one in found.notes] == [0, 1, 3, 5, 6, 8]


def test_an_arrangement_counts_its_bars_through_its_signatures(tmp_path: Path) -> None:
    """And calls its unnamed clips by them."""
    clips = "".join(midi_clip_xml([(60 + at, 0.0, 4.0, 100)], time=float(at), length=4.0) for at in (0, 15, 21))
    path = live(tmp_path, track_xml("Lead", arrangement=clips))
    assert heard(f"{path}#Lead@bar 5") == [(75, 0), (81, 6)]
    assert heard(f"{path}#Lead@bar 7") == [(81, 0)]
    assert heard(f"{path}#Lead/bar 7") == [(81, 0), (81, 4)]
    assert heard(f"{path}#Lead@bar 5.2") == [(75, 0), (81, 5)]
    with pytest.raises(MidiError, match="plays no notes from bar 12 on"):
        read_notes(f"{path}#Lead@bar 12", LOOP)


def test_a_position_behind_a_clip_is_one_of_the_clips_own(tmp_path: Path) -> None:
    """In its own signature and round its loop, as its envelopes are followed."""
    notes = [(60 + beat, float(beat), 1.0, 100) for beat in range(12)]
    clip = midi_clip_xml(notes, name="Verse", loop=(0.0, 12.0), meter=(3, 4))
    path = live(tmp_path, track_xml("Lead", session=clip))
    assert heard(f"{path}#Lead/Verse@bar 3") == [(66 + beat, beat) for beat in range(6)] + [(60, 6), (61, 7)]
    assert heard(f"{path}#Lead/Verse@6") == heard(f"{path}#Lead/Verse@bar 3")


def test_a_lane_begins_at_a_bar_of_the_arrangement(tmp_path: Path) -> None:
    """`@bar 5` is beat 15 of two bars of 4/4 and two of 7/8."""
    drawn = envelope_xml(100, [(-63_072_000.0, 1.0), (0.0, 1.0), (40.0, 0.1)])
    path = live(tmp_path, track_xml("Lead", lanes=drawn))
    by_bar = targets.curve(f"{path}#Lead/Mixer/Volume@bar 5", LOOP)
    assert by_bar == targets.curve(f"{path}#Lead/Mixer/Volume@15", LOOP)
    assert by_bar != targets.curve(f"{path}#Lead/Mixer/Volume@16", LOOP)


@given(
    st.lists(st.tuples(st.integers(0, 127), st.integers(0, 160), st.integers(1, 40)), max_size=20),
    st.integers(0, 100),
    st.booleans(),
)
def test_a_passage_lies_within_itself(drawn: list[tuple[int, int, int]], start: int, chase: bool) -> None:
    """Every note that starts in it is there at its place, and of the others only those that are early or held."""
    notes = [note(pitch, at / 4, length / 4) for pitch, at, length in drawn]
    first, last = Fraction(start, 4), Fraction(start, 4) + LOOP
    found = passage(notes, first, last, chase=chase)
    assert all(0 <= one.start < LOOP and one.end <= LOOP for one in found)
    inside = [one for one in notes if first <= one.start < last]
    held = [one for one in notes if one.start < first and one.end - first >= Fraction(1, 4)]
    assert len(found) == len(inside) + (len(held) if chase else 0)


def test_the_bars_of_a_set_without_changes_are_those_of_its_signature(tmp_path: Path) -> None:
    """One event before the song is the value, not a change."""
    (tmp_path / "a.als").write_bytes(set_xml("", meter_value=SEVEN_EIGHTHS))
    assert read_set(tmp_path / "a.als").bars == Bars.of(first=Meter(7, 8))
    assert read_set(live(tmp_path, "")).bars.beat_of(BarPosition(5)) == 15


def test_a_signature_that_is_not_the_loops_is_said(tmp_path: Path) -> None:
    """Of a file, an arrangement and a clip, at the passage; 4/4 is what programs write without being asked."""
    file = song(tmp_path, ("Lead", scale(30)))
    clip = midi_clip_xml([(60, 0.0, 1.0, 100)], name="Verse", meter=(6, 8))
    path = live(tmp_path, track_xml("Lead", session=clip, arrangement=midi_clip_xml([(60, 0.0, 1.0, 100)], length=40)))

    def said(text: str, meter: Meter) -> bool:
        return any("the loop in" in remark for remark in read_notes(text, LOOP, meter).remarks)

    for source in (file, path):
        for position, own in (("@bar 3", "7/8"), ("@bar 5", "3/4")):
            remarks = read_notes(f"{source}#Lead{position}", LOOP, Meter()).remarks
            assert any(f"is in {own} there, the loop in 4/4: a time signature of {own}" in one for one in remarks)
            assert not said(f"{source}#Lead{position}", Meter.parse(own))
        assert not said(f"{source}#Lead@bar 1", Meter(3, 4))
    assert said(f"{path}#Lead/Verse", Meter())
    assert not said(f"{path}#Lead/Verse", Meter(3, 4))  # as long as 6/8


def test_a_melody_of_several_tracks_is_said_to_be_one(tmp_path: Path) -> None:
    """With the track that is called like a tune, else the first; a named track, chords and drums say nothing."""

    def said(text: str) -> list[str]:
        return [one for one in targets.melody_notes(text, LOOP)[1] if "tracks with pitched notes" in one]

    kit = ("Kit", [note(36, 0, 0.25, 9)])
    path = song(tmp_path, kit, ("Pad", scale(8)), ("Main Melody", scale(8)))
    whole = "song.mid has 2 tracks with pitched notes; the highest voice of all counts. "
    assert said(str(path)) == [f"{whole}song.mid#3 is 'Main Melody' alone."]
    assert said(f"{path}#@bar 1") == [f"{whole}song.mid#3 is 'Main Melody' alone."]
    assert said(f"{path}#Pad") == said(f"{path}#2@bar 1") == []
    assert said(str(song(tmp_path, ("", scale(8)), ("", scale(8))))) == [f"{whole}song.mid#1 is one of them."]
    assert said(str(song(tmp_path, kit, ("Pad", scale(8))))) == []


def test_a_position_may_stand_right_behind_the_file(tmp_path: Path) -> None:
    """Where no part is named, all of the song is meant, whether the file is there or not."""
    path = song(tmp_path, ("Lead", scale(30)))
    assert heard(f"{path}@bar 3") == heard(f"{path}#@bar 3") != []
    only = live(tmp_path, track_xml("Lead", arrangement=midi_clip_xml([(60, 9.0, 1.0, 100)], length=16, loop=(0, 16))))
    assert heard(f"{only}@bar 3") == [(60, 1)]
    with pytest.raises(MidiError, match=r"missing\.mid cannot be read"):
        read_notes(f"{tmp_path}/missing.mid@bar 3", LOOP)


def test_notes_sound_on_beside_drums_and_however_low_they_are(tmp_path: Path) -> None:
    """Only strokes have begun when they began."""
    pad, bass = [note(60, 0, 24)], [note(40, 0, 24)]
    path = song(tmp_path, ("Pad", pad), ("Bass", bass), ("Kit", [note(36, beat, 20, 9) for beat in range(12)]))
    assert heard(f"{path}#Bass@8") == [(40, 0)]
    assert [pitch for pitch, start in heard(f"{path}#@8") if start == 0] == [36, 40, 60]
    assert heard(f"{path}#Kit@8") == [(36, 0), (36, 1), (36, 2), (36, 3)]


def test_drums_before_a_melody_are_no_melody(tmp_path: Path) -> None:
    """It is read from its own first note on; at a position where only drums play that is said."""
    drums = [note(36, beat, 0.5, 9) for beat in range(40)]
    path = song(tmp_path, ("Lead", [note(60, 30), note(62, 31)]), ("Kit", drums))
    found = read_notes(str(path), LOOP)
    assert [(one.pitch, one.start) for one in found.notes if one.channel == 0] == [(60, 0), (62, 1)]
    assert "song.mid is read from bar 10 on, where its first note that is no drum's is." in found.remarks
    assert len([one for one in found.notes if one.channel == 9]) == 8
    with pytest.raises(MidiError, match="no notes but drums from bar 3 on for 8 beats; the next is in bar 10"):
        read_notes(f"{path}#@bar 3", LOOP)
    assert read_notes(f"{path}#@bar 3", LOOP, chase=False).notes
    assert read_notes(str(path), LOOP, chase=False).notes[0].start == 0


def test_an_arrangement_that_begins_late_is_read_from_the_bar_of_its_first_note(tmp_path: Path) -> None:
    """As a file is: not from the clip's own start, which need not be on a bar line, nor hold a note for a while."""
    clip = midi_clip_xml([(60, 30.0, 1.0, 100), (62, 31.0, 1.0, 100)], time=17.0, length=40.0, loop=(0.0, 40.0))
    path = live(tmp_path, track_xml("Lead", arrangement=clip))
    assert heard(f"{path}#Lead") == [(60, 2), (62, 3)]
    said = "'Lead' is read from bar 15 of the arrangement on, where its first note is."
    assert said in read_notes(f"{path}#Lead", LOOP).remarks
    with pytest.raises(MidiError, match="plays no notes from bar 7 on for 8 beats; the next is in bar 15"):
        heard(f"{path}#Lead@bar 7")


def test_what_is_said_of_a_clip_counts_from_the_position_in_it(tmp_path: Path) -> None:
    """Where nothing plays there, that is said, and not that the clip has no notes."""
    notes = [(60 + beat, float(beat), 1.0, 100) for beat in range(16)]
    looped = midi_clip_xml(notes, name="Long", length=16.0, loop=(0.0, 16.0))
    once = looped.replace('<LoopOn Value="true"', '<LoopOn Value="false"').replace('"Long"', '"Once"')
    path = live(tmp_path, track_xml("Lead", session=looped) + track_xml("Low", session=once))
    assert read_notes(f"{path}#Lead/Long@bar 3", LOOP).remarks == (
        "The clip 'Long' lasts 16 beats; the loop has 8 from bar 3 on.",
    )
    rests = "The clip 'Once' does not loop; the loop's last beats rest."
    assert rests not in read_notes(f"{path}#Low/Once@bar 2", LOOP).remarks
    assert rests in read_notes(f"{path}#Low/Once@bar 4", LOOP).remarks
    with pytest.raises(MidiError, match="The clip 'Long' plays no notes from bar 9 on for 8 beats"):
        read_notes(f"{path}#Lead/Long@bar 9", LOOP)


def test_a_clip_and_its_lane_may_be_called_as_a_position(tmp_path: Path) -> None:
    """The names that are listed are read back; a position behind them is one."""
    drawn = envelope_xml(100, [(0.0, 1.0), (8.0, 1.0), (8.0, 0.1)], clip=True)
    notes = [(60 + beat, float(beat), 1.0, 100) for beat in range(16)]
    clip = midi_clip_xml(notes, name="Beat @16", length=16.0, loop=(0.0, 16.0), envelopes=drawn)
    path = live(tmp_path, track_xml("Take @8", session=clip))
    for name in ("Take @8/Beat @16", '"Take @8"/"Beat @16"', "Take @8"):
        assert heard(f"{path}#{name}")[0] == (60, 0)
    assert heard(f"{path}#Take @8/Beat @16@bar 3")[0] == (68, 0)
    lane = next(one for one in read_set(path).lanes if one.clip)
    for name in (lane.path, "Take @8/Mixer/Volume/Beat @16"):
        assert targets.curve(f"{path}#{name}", LOOP).points[0].value == pytest.approx(-14, abs=0.2)
        assert targets.curve(f"{path}#{name}@bar 3", LOOP).points[0].value == pytest.approx(-34, abs=0.2)

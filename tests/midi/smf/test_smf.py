"""Standard MIDI Files: every note there and back."""

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.melody import melody, pitch_class_target
from midi.notes import Note, sort_notes
from midi.smf.read import MAX_FILE_BYTES, Score, ScoreTrack, read_midi, score_of_notes, write_midi
from midi.tempo import Meter, MeterChange, TempoChange

HEADER = bytes.fromhex("4d546864 00000006")


def midi_file(track: str, *, type_: int = 0, tracks: int = 1, division: int = 96) -> bytes:
    """Return a file with one track of the given events in hex, its end included."""
    events = bytes.fromhex(track) + bytes.fromhex("00 ff2f00")
    head = HEADER + type_.to_bytes(2) + tracks.to_bytes(2) + division.to_bytes(2)
    return head + (b"MTrk" + len(events).to_bytes(4) + events) * tracks


@st.composite
def note_lists(draw: st.DrawFn, ticks_per_beat: int = 96) -> tuple[Note, ...]:
    """Draw notes as a file can tell them: of one pitch and channel the first to start is the first to end."""
    notes: list[Note] = []
    for pitch, channel in draw(st.sets(st.tuples(st.integers(0, 127), st.integers(0, 15)), max_size=6)):
        starts = sorted(draw(st.lists(st.integers(0, 2000), max_size=6)))
        ends = sorted(start + draw(st.integers(1, 500)) for start in starts)
        for start, end in zip(starts, ends, strict=True):
            beats = Fraction(start, ticks_per_beat), Fraction(max(end - start, 1), ticks_per_beat)
            strength, release = draw(st.integers(1, 127)), draw(st.integers(0, 127))
            notes.append(Note(pitch, *beats, strength, channel, release_velocity=release))
    return sort_notes(notes)


@given(note_lists(), note_lists(), st.sampled_from([96, 192, 480, 960, 30720]))
def test_every_note_survives_the_file(one: tuple[Note, ...], other: tuple[Note, ...], resolution: int) -> None:
    """Written and read again, each track holds the same notes at any resolution that holds their times."""
    score = Score(
        tracks=(ScoreTrack("one", one), ScoreTrack("other", other)),
        tempos=(TempoChange(Fraction(0), Fraction(125)),),
        meters=(MeterChange(Fraction(0), Meter(7, 8)), MeterChange(Fraction(7), Meter(4, 4))),
        ticks_per_beat=resolution,
    )
    again = read_midi(write_midi(score))
    key = [sorted_fully(track.notes) for track in score.tracks]
    assert [sorted_fully(track.notes) for track in again.tracks] == key
    assert (again.tempos, again.meters) == (score.tempos, score.meters)


def sorted_fully(notes: tuple[Note, ...]) -> list[tuple[object, ...]]:
    """Order notes that are equal but for their velocities, which a file does not."""
    return sorted((n.pitch, n.channel, n.start, n.duration, n.velocity, n.release_velocity) for n in notes)


def test_running_status_and_velocity_zero() -> None:
    """A status byte may be left out, and a note-on of velocity 0 is a note-off."""
    score = read_midi(midi_file("00 903c64 60 3c00  00 4064 30 4000"))
    assert [(n.pitch, n.start, n.duration) for n in score.notes] == [(60, 0, 1), (64, 1, Fraction(1, 2))]


def test_of_overlapping_notes_the_oldest_ends_first() -> None:
    """Two notes of one pitch are two notes."""
    score = read_midi(midi_file("00 903c64 30 903c40 30 803c40 30 803c40"))
    assert [(n.start, n.duration, n.velocity) for n in score.notes] == [(0, 1, 100), (Fraction(1, 2), 1, 64)]


def test_a_hanging_note_ends_with_its_track_and_is_said() -> None:
    """The remark tells the producer that something was mended."""
    score = read_midi(midi_file("00 903c64 60 904064 60 804040"))
    assert {n.pitch: n.duration for n in score.notes} == {60: 2, 64: 1}
    assert any("without an end" in remark for remark in score.remarks)


def test_a_note_of_no_length_becomes_the_shortest_and_a_lone_end_nothing() -> None:
    """Drum files hold both."""
    score = read_midi(midi_file("00 803e40 00 993c64 00 893c40"))
    assert [(n.pitch, n.duration, n.channel) for n in score.notes] == [(60, Fraction(1, 96), 9)]


def test_tempo_and_signature_maps() -> None:
    """Both are in beats, in the order of the file."""
    score = read_midi(midi_file("00 ff510307a120 00 ff580404021808 60 ff510303d090 60 ff580406031808"))
    assert [(t.beat, t.tempo_bpm) for t in score.tempos] == [(0, 120), (1, 240)]
    assert [(m.beat, str(m.meter)) for m in score.meters] == [(0, "4/4"), (2, "6/8")]


def test_the_tracks_of_type_2_are_apart() -> None:
    """Each pattern starts at 0, and the first one's tempo is the file's."""
    score = read_midi(midi_file("00 ff510307a120 00 903c64 60 803c40", type_=2, tracks=3))
    assert (score.type, len(score.tracks), len(score.tempos)) == (2, 3, 1)
    assert [track.notes[0].start for track in score.tracks] == [0, 0, 0]


@pytest.mark.parametrize("division", [1, 24, 97, 480, 32767])
def test_any_resolution(division: int) -> None:
    """A tick is exactly one part of a beat."""
    assert read_midi(midi_file("00 903c64 60 803c40", division=division)).notes[0].duration == Fraction(96, division)


def test_a_track_is_chosen_by_name_or_number() -> None:
    """An unknown one lists what there is."""
    score = Score((ScoreTrack("Bass", ()), ScoreTrack("Lead", ())))
    assert score.named(" lead")[0].name == "Lead"
    assert score.named("1")[0].name == score.named(1)[0].name == "Bass"
    for wrong in ("Drums", 0, 3, "9" * 99):
        with pytest.raises(MidiError, match="Bass"):
            score.named(wrong)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a MIDI file; it is empty"),
        (b"RIFFxxxx", "not a MIDI file"),
        (HEADER, "not a whole"),
        (midi_file("00 903c64")[:-8], "not a whole"),
        (midi_file("00 3c64"), "not a whole"),
        (midi_file("00 903c64", division=0), "a beat has no ticks"),
        (midi_file("00 903c64", division=0xE728), "no beats"),
        (midi_file("ff" * 2000 + "00 903c64"), "longer than"),
        (midi_file("ff ff ff ff ff ff 7f 903c64"), "longer than"),
        (b"MThd" + bytes(MAX_FILE_BYTES), "MB"),
    ],
)
def test_a_broken_file_is_one_sentence(data: bytes, says: str) -> None:
    """What is wrong, in words; never another exception."""
    with pytest.raises(MidiError, match=says):
        read_midi(data)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The sentence holds the file's name."""
    with pytest.raises(MidiError, match=r"gone\.mid"):
        read_midi(tmp_path / "gone.mid")


def test_a_score_of_notes_keeps_triplets_and_quintuplets() -> None:
    """The resolution is chosen so that every time is exact."""
    notes = tuple(Note(60, Fraction(i, 3) + Fraction(i, 5), Fraction(1, 7)) for i in range(4))
    score = score_of_notes(notes, tempo_bpm=Fraction(120), meter=Meter())
    assert read_midi(write_midi(score)).notes == notes


def test_notes_before_the_start_cannot_be_written() -> None:
    """A file begins at 0."""
    score = score_of_notes([Note(60, Fraction(-1), Fraction(1))], tempo_bpm=Fraction(120), meter=Meter())
    with pytest.raises(MidiError, match="begins at 0"):
        write_midi(score)


@pytest.mark.slow
def test_real_files_survive_and_give_a_melody(shared: Path) -> None:
    """Every third file of the collection: the same notes again, and a monophonic line, in time, of its pitches."""
    files = sorted((shared / "fixtures" / "midi-tannerhelland").glob("*.mid"))[::3]
    assert files
    for file in files:
        score = read_midi(file)
        again = read_midi(write_midi(score))
        assert [track.notes for track in again.tracks] == [track.notes for track in score.tracks], file.name
        assert (again.tempos, again.meters) == (score.tempos, score.meters)
        line = melody(score.notes)
        assert all(a.end <= b.start for a, b in pairwise(line))
        assert {note.start for note in line} <= {note.start for note in score.notes}
        classes, mask = pitch_class_target(line, Fraction(64), 4096)
        assert set(classes[mask].tolist()) <= {note.pitch % 12 for note in score.notes}


def test_real_files_hold_what_mido_plays(shared: Path) -> None:
    """Counted another way, by mido's own messages, no note is lost and none is made up."""
    for file in sorted((shared / "fixtures" / "midi-tannerhelland").glob("*.mid"))[::5]:
        messages = [m for track in mido.MidiFile(file=io.BytesIO(file.read_bytes()), clip=True).tracks for m in track]
        struck = sorted((m.channel, m.note, m.velocity) for m in messages if m.type == "note_on" and m.velocity)
        assert sorted((n.channel, n.pitch, n.velocity) for n in read_midi(file).notes) == struck

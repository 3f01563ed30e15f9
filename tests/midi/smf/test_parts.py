"""The parts that read a MIDI file, each alone: chunks, events, notes of a track."""

from fractions import Fraction
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.live.note_file import read_notes
from midi.smf.chunks import read_chunks
from midi.smf.events import END, LARGEST, METER, TEMPO, Event, TrackEnd, read_events
from midi.smf.track import TrackReader
from midi.tempo import Meter, TempoChange

HEAD = b"MThd\0\0\0\6\0\1\0\1\1\xe0"
TRACK = bytes.fromhex("00903c64 8360803c40 00ff2f00")


def chunk(body: bytes) -> bytes:
    return b"MTrk" + len(body).to_bytes(4) + body


def read(text: str) -> list[Event]:
    data = bytes.fromhex(text)
    return read_events(data, 0, len(data)).events


@given(st.binary(max_size=200))
def test_events_of_any_bytes_are_in_order_and_in_range(data: bytes) -> None:
    """Reading never raises: times do not go back, data bytes have seven bits, and it stops within the bytes."""
    found = read_events(data, 0, len(data))
    ticks = [event.tick for event in found.events]
    assert ticks == sorted(ticks)
    assert all(tick <= LARGEST * max(1, len(ticks) + len(data)) for tick in ticks)
    assert all(byte < 128 for event in found.events if event.meta < 0 for byte in event.data)
    assert 0 <= found.stop <= len(data)


def test_running_status_goes_on_over_text() -> None:
    """A note without a status byte of its own is of the last channel message, also behind a text."""
    assert read("00 903c64  00 ff0102 6869  10 3c00") == [Event(0, 0x90, b"\x3c\x64"), Event(16, 0x90, b"\x3c\x00")]


def test_a_track_says_how_it_ends() -> None:
    """At its mark, at the end of its bytes, or at what cannot be an event, with the reason."""
    for text, end in (("00 ff2f00", TrackEnd.MARKED), ("00 903c64", TrackEnd.COMPLETE), ("00 3c64", TrackEnd.DAMAGED)):
        data = bytes.fromhex(text)
        found = read_events(data, 0, len(data))
        assert found.end is end
        assert bool(found.damage) is (end is TrackEnd.DAMAGED)


@given(st.integers(0, 30), st.lists(st.sampled_from([b"XFIH", b"Vend"]), max_size=3))
def test_tracks_are_found_behind_wrappers_and_between_others_chunks(padding: int, kinds: list[bytes]) -> None:
    """What comes before the header and between chunks loses no track and no event."""
    between = b"".join(kind + b"\0\0\0\2ab" for kind in kinds)
    raw = read_chunks("x.mid", bytes(padding) + HEAD + between + chunk(TRACK) + between)
    assert [[event.meta for event in events] for events in raw.tracks] == [[-1, -1, END]]
    assert len(raw.remarks) == len(set(raw.remarks)) == len(set(kinds))


def test_another_kind_of_file_is_named() -> None:
    """The sentence says what it is, where that is known."""
    with pytest.raises(MidiError, match="zip archive"):
        read_chunks("song.mid", b"PK\3\4" + bytes(40))


def test_a_track_becomes_notes_tempi_and_a_name() -> None:
    """A beginning of velocity 0 is an end; tempo and metre are at their beats; drums and names are kept."""
    reader = TrackReader(480)
    for event in (
        Event(0, 0xFF, b"Lead", 0x03),
        Event(0, 0xFF, (500_000).to_bytes(3), TEMPO),
        Event(480, 0xFF, b"\x07\x03", METER),
        Event(480, 0x93, bytes([60, 100])),
        Event(720, 0x93, bytes([60, 0])),
        Event(960, 0xFF, b"", END),
    ):
        reader.take(event)
    track = reader.finish()
    (note,) = track.notes
    assert (note.pitch, note.start, note.duration, note.channel) == (60, 1, Fraction(1, 2), 3)
    assert (track.name, track.end) == ("Lead", 2)
    assert reader.tempos == {Fraction(0): TempoChange(Fraction(0), Fraction(120))}
    assert reader.meters[Fraction(1)].meter == Meter(7, 8)


def test_a_note_that_nobody_ends_ends_with_its_track() -> None:
    """It is said, in one sentence."""
    reader = TrackReader(480)
    for event in (Event(0, 0x90, bytes([60, 100])), Event(0, 0x90, bytes([64, 100])), Event(480, 0xFF, b"", END)):
        reader.take(event)
    assert [note.duration for note in reader.finish().notes] == [1, 1]
    assert len(set(reader.remarks)) == 1


def bent(*moves: tuple[int, int], semitones: int | None = None) -> bool:
    """Return whether a note from beat 1 to 2 is bent by moves of the wheel, each a tick and a value."""
    events = [Event(480, 0x90, bytes([60, 100])), Event(960, 0x80, bytes([60, 0])), Event(2_000, 0xFF, b"", END)]
    events += [Event(tick, 0xE0, bytes([value & 127, value >> 7])) for tick, value in moves]
    reader = TrackReader(480)
    if semitones is not None:
        for control, value in ((101, 0), (100, 0), (6, semitones)):
            reader.take(Event(0, 0xB0, bytes([control, value])))
    for event in sorted(events, key=lambda event: event.tick):
        reader.take(event)
    return reader.finish().is_bent


@given(st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 16_383)), max_size=8), st.integers(0, 24))
def test_a_note_is_bent_where_the_wheel_is_away_while_it_sounds(moves: list[tuple[int, int]], semitones: int) -> None:
    """Half a semitone or more, of the range that the channel has; the last of several moves at one tick counts."""
    places, away = dict(sorted(moves, key=lambda move: move[0])), False
    heard = []
    for tick in range(960):
        if tick in places:
            away = abs(places[tick] - 8192) * semitones >= 4096
        heard.append(away and tick >= 480)
    assert bent(*places.items(), semitones=semitones) is any(heard)


def test_a_bend_is_of_two_semitones_where_nothing_is_told() -> None:
    """Vibrato is none; neither is a bend that is over before the note begins."""
    assert bent((0, 16_383))
    assert not bent((500, 8_192 + 1_500))
    assert not bent((0, 16_383), (470, 8_192))
    assert bent((500, 8_192 + 1_500), semitones=12)


def test_whoever_follows_a_bent_track_reads_so(tmp_path: Path) -> None:
    """The track that is followed, and no other."""
    song = mido.MidiFile()
    for name, wheel in (("Lead", 8_191), ("Pad", 0)):
        messages = [mido.MetaMessage("track_name", name=name), mido.Message("pitchwheel", pitch=wheel)]
        messages += [mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=1_920)]
        song.tracks.append(mido.MidiTrack(messages))
    song.save(tmp_path / "song.mid")
    for name, is_told in (("Lead", True), ("Pad", False)):
        remarks = read_notes(f"{tmp_path / 'song.mid'}#{name}", Fraction(4)).remarks
        assert any(remark.startswith("The pitch wheel is moved while notes sound") for remark in remarks) is is_told

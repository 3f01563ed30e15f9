"""The parts that read a MIDI file, each alone: chunks, events, notes of a track."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
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

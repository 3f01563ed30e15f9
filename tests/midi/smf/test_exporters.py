"""MIDI files as exporters, hardware and other programs write them: notes with remarks, or one sentence."""

import random
import struct
from fractions import Fraction
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.notes import Note
from midi.smf.read import Score, ScoreTrack, read_midi, write_midi

NOTE = "00 903c64  8360 803c00"  # C3, one beat at 480 ticks a beat
SECOND = "00 904064  8360 804000"  # E3
END = "00 ff2f00"
PYTHONS_WORDS = ("Error", "Traceback", "codec", "decode", "byte 0x", "index", "NoneType", "unpack", "list", "0x")


def variable_length(number: int) -> bytes:
    """Return a number as the format writes it, seven bits a byte."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))


def chunk(kind: bytes, body: bytes, *, longer: int = 0) -> bytes:
    """Return a chunk whose length is wrong by `longer`."""
    return kind + struct.pack(">I", (len(body) + longer) % 2**32) + body


def track(events: str, *, longer: int = 0, end: str = END) -> bytes:
    """Return a track chunk of events in hex."""
    return chunk(b"MTrk", bytes.fromhex(events) + bytes.fromhex(end), longer=longer)


def head(tracks: int, *, kind: int = 1, division: int = 480, extra: bytes = b"") -> bytes:
    """Return a header."""
    return chunk(b"MThd", struct.pack(">HHH", kind, tracks, division) + extra)


def one(events: str) -> bytes:
    """Return a file with one track."""
    return head(1, kind=0) + track(events)


def pitches(score: Score) -> list[int]:
    """Return all pitches in order of time."""
    return [note.pitch for note in score.notes]


@pytest.mark.parametrize(
    "meta",
    [
        "ff5902 feff", "ff5902 ee01",  # the trial's two
        "ff5902 0002", "ff5902 08ff", "ff5902 8000", "ff5900", "ff5901 02", "ff5903 000000",
    ],
)  # fmt: skip
def test_a_key_signature_out_of_the_standard_costs_that_event(meta: str) -> None:
    """Trial 3: an unknown mode, count or length of a key signature is left out with one remark; the notes are read."""
    score = read_midi(one(f"00 {meta}  {NOTE}"))
    assert [(n.pitch, n.start, n.duration) for n in score.notes] == [(60, 0, 1)]
    assert len(score.remarks) == 1
    assert "key signature" in score.remarks[0]


@pytest.mark.parametrize(
    ("data", "found", "says"),
    [
        (head(1) + chunk(b"XFIH", b"\1\2\3\4") + track(NOTE), [60], "XFIH"),
        (head(2) + track(NOTE) + chunk(b"XFKM", b"\1\2\3") + track(SECOND), [60, 64], "XFKM"),
        (head(1) + track(NOTE) + chunk(b"CASM", bytes(33)), [60], "CASM"),
        (head(3) + track(NOTE) + track(SECOND), [60, 64], "says that it has 3 tracks and has 2"),
        (head(1) + track(NOTE) + track(SECOND), [60, 64], "says that it has 1 track and has 2"),
        (head(0) + track(NOTE), [60], "0 tracks and has 1"),
        (head(1) + track(NOTE, longer=3), [60], "wrong length"),
        (head(1) + track(NOTE, longer=-3), [60], "wrong length"),
        (head(2) + track(NOTE, longer=3) + track(SECOND), [60, 64], "wrong length"),
        (head(2) + track(NOTE, longer=-5) + track(SECOND), [60, 64], "wrong length"),
        (head(2) + track(NOTE, longer=2**32 - 13) + track(SECOND), [60, 64], "wrong length"),
        (head(1) + b"MTrk" + bytes(4) + track(NOTE)[8:], [60], "wrong length"),
        (head(1) + b"MTrk\xff\xff\xff\xff" + track(NOTE)[8:], [60], "wrong length"),
        (head(2) + track(NOTE) + b"\xde\xad\xbe" + track(SECOND), [60, 64], "no MIDI"),
        (head(1) + track(NOTE) + b"\xde\xad\xbe\xef trailing", [60], "no MIDI"),
        (head(1) + track(NOTE) + head(1) + track(SECOND), [60], "second MIDI file"),
        (head(1) + track(NOTE, end="")[:-2], [60], "damaged"),
        (head(2) + track(NOTE) + track(SECOND)[:-9], [60, 64], "damaged"),
    ],
)
def test_chunks_counts_and_lengths_may_be_wrong(data: bytes, found: list[int], says: str) -> None:
    """Trial 8: vendors' chunks, a wrong number of tracks and wrong lengths lose no note, and one remark says so."""
    score = read_midi(data)
    assert sorted(pitches(score)) == found
    assert any(says in remark for remark in score.remarks), score.remarks


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF" + struct.pack("<I", 100) + b"RMIDdata" + struct.pack("<I", 90) + one(NOTE),
        b"RIFF"
        + struct.pack("<I", 400)
        + b"RMIDLIST"
        + struct.pack("<I", 300)
        + bytes(300)
        + b"data\0\0\0\0"
        + one(NOTE),
        b"\0\x08song.mid" + bytes(55) + b"MidiTEST" + bytes(55) + one(NOTE) + bytes(60),  # MacBinary
        b"\xef\xbb\xbf" + one(NOTE),
        b"Content-Type: audio/midi\r\n\r\n" + one(NOTE),
        one(NOTE) + bytes(500),
        one(NOTE) + b"\r\n\x1a",
        chunk(b"MThd", struct.pack(">HHH", 0, 1, 480) + b"more") + track(NOTE),
        b"MThd\0\0\0\0" + struct.pack(">HHH", 0, 1, 480) + track(NOTE),
        chunk(b"MThd", struct.pack(">HHH", 7, 1, 480)) + track(NOTE),
    ],
)
def test_wrappers_and_headers_of_other_lengths_are_seen_through(data: bytes) -> None:
    """Trial 7's kind: RIFF, MacBinary, a mark, a mail's head, padding, long and short headers: the notes are read."""
    assert [(n.pitch, n.duration) for n in read_midi(data).notes] == [(60, 1)]


@pytest.mark.parametrize(
    "events",
    [
        f"00 903c64  00 f0 05 7e7f0901f7  8360 3c00 {SECOND}",  # running status goes on over a system message
        f"00 903c64  00 ff0103616263  8360 3c00 {SECOND}",  # and over a text
        f"00 903c64  00 f8 8360 3c00 {SECOND}",  # and over the clock
        f"00 f0 7e7f0901f7  {NOTE} {SECOND}",  # a system message without a length
        f"00 f0 03 434c08 00 f7 02 00f7 {NOTE} {SECOND}",  # one in two parts
        f"00 ff00 00 {NOTE} {SECOND}",  # a sequence number without one
        f"00 ff20 00 00 ff21 00 {NOTE} {SECOND}",
        f"00 ff54 05 ff00000000 {NOTE} {SECOND}",  # film time of a rate that is none
        f"00 ff51 04 0007a120 {NOTE} {SECOND}",
        f"00 ff58 02 0402 {NOTE} {SECOND}",
        f"00 ff58 04 04ff1808 {NOTE} {SECOND}",
        f"00 ff7f 03 000041 00 ff4b 02 0102 {NOTE} {SECOND}",  # vendors' own
        f"00 f4 00 f9 00 fd {NOTE} {SECOND}",
        f"80808000 903c64 8360 803c00 {SECOND}",  # a number with zeros in front
        f"{NOTE} {END} {SECOND}",  # two tracks joined
        f"00 903cff 8360 803c00 {SECOND}",  # a velocity of 255
    ],
)
def test_events_of_all_makers_are_read(events: str) -> None:
    """Trials 16 to 18 and 33, 34: running status over anything, odd metas and system messages lose no note."""
    score = read_midi(one(events))
    assert [(n.pitch, n.duration) for n in score.notes] == [(60, 1), (64, 1)]


@pytest.mark.parametrize("junk", ["00" * 9, "de ad be ef", "00 904064 8360 804000 00"])
def test_what_lies_behind_the_end_mark_is_no_music(junk: str) -> None:
    """Trial 8's relative: padding and rests of another file behind a track's end invent no note."""
    score = read_midi(head(1, kind=0) + track(NOTE, end=END + junk))
    assert pitches(score) == [60]


NAMES = ("Mélodie", "メロディ", "Мелодия", "主旋律", "ピアノ 1", "Großer Baß", "Señorita", "旋律 Lead")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *((name.encode(), name) for name in NAMES),
        *((name.encode("utf-16"), name) for name in NAMES),
        *((b"\xfe\xff" + name.encode("utf-16-be"), name) for name in NAMES),
        *((name.encode("cp932"), name) for name in ("メロディ", "主旋律", "ピアノ 1", "ドラム", "ギター solo")),
        *((name.encode("latin-1"), name) for name in ("Mélodie", "Großer Baß", "Señorita", "Élégie für Anna")),
        *((name.encode("cp1252"), name) for name in ("Don’t Stop", "“Lead”", "Œuvre", "Bass – low")),
        ("Me\u0301lodie".encode(), "Mélodie"),
        (b"\xef\xbb\xbfLead", "Lead"),
        ("Lead".encode("utf-16-le"), "Lead"),
        (b"Lead\0\0", "Lead"),
        (b"\x1b]0;owned\x07Lead", "]0;ownedLead"),
        (b" Lead\r\n", "Lead"),
    ],
)
def test_a_name_is_what_its_maker_typed(written: bytes, name: str) -> None:
    """Trial 9: UTF-8, UTF-16, Shift-JIS and Latin-1 names are shown, found in any form, and obeyed by no terminal."""
    score = read_midi(head(1) + track(f"00 ff03 {variable_length(len(written)).hex()} {written.hex()} {NOTE}"))
    assert score.tracks[0].name == name
    assert score.tracks[0].name.isprintable()
    assert any(track.notes for track in score.named(name))
    assert any(track.notes for track in score.named(name.upper() if "ß" not in name else name))


@settings(max_examples=500)
@given(st.binary(max_size=40))
def test_any_bytes_are_some_name(written: bytes) -> None:
    """Trial 9's kind: whatever is in a name, it is printable and the track is found by it or by its number."""
    score = read_midi(head(1) + track(f"00 ff03 {variable_length(len(written)).hex()} {written.hex()} {NOTE}"))
    name = score.tracks[0].name
    assert name.isprintable()
    assert any(track.notes for track in score.named(name or "1"))


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Co", "Cn")), max_size=30))
def test_a_name_that_we_write_is_the_name_that_we_read(name: str) -> None:
    """Trial 9's relative: our own writer keeps every script, as UTF-8."""
    from midi.files.names import name_key

    written = write_midi(Score((ScoreTrack(name, (Note(60, Fraction(0), Fraction(1)),)),)))
    assert name_key(read_midi(written).tracks[0].name) == name_key(name.strip()) or name.strip() == "\ufffd"


def test_an_instruments_name_stands_in_for_a_tracks() -> None:
    """Trial 9's relative: a track that tells only its instrument is found by that."""
    assert read_midi(one(f"00 ff04 05 5069616e6f {NOTE}")).named("piano")[0].notes


def test_several_tracks_of_one_name_are_all_there() -> None:
    """Two staves of a piano have one name: both are given, and a number chooses."""
    data = head(2) + track(f"00 ff03 05 5069616e6f {NOTE}") + track(f"00 ff03 05 5069616e6f {SECOND}")
    score = read_midi(data)
    assert [t.notes[0].pitch for t in score.named("piano")] == [60, 64]
    assert [t.notes[0].pitch for t in score.named("2")] == [64]


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ("00 903c64 8360 903c50 8360 803c00", [(0, 1), (1, 1)]),  # struck again, ended once
        ("00 903c64 8360 903c50 8360 903c40 8360 803c00", [(0, 1), (1, 1), (2, 1)]),
        ("00 903c64 8360 903c50 00 803c00 8360 803c00", [(0, 1), (1, 1)]),  # the new note before the old one's end
        ("00 903c64 8360 803c00 00 903c50 8360 803c00", [(0, 1), (1, 1)]),
        ("00 903c64 00 803c00", [(0, Fraction(1, 480))]),
        ("00 803c00 00 903c64 8360 803c00", [(0, 1)]),
        ("00 903c64 8360 903c00", [(0, 1)]),
    ],
)
def test_notes_struck_again_hang_on_nowhere(events: str, found: list[tuple[int, int]]) -> None:
    """Item 3: a note struck again, ended in another order, of velocity 0 or of no length is what was heard."""
    assert [(n.start, n.duration) for n in read_midi(one(events + " 8f00 b00740")).notes] == found


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"", "not a MIDI file"), (b"PK\3\4", "zip archive"), (b"\x1f\x8b\x08", "Live sets"),
        (b"FICHIER GUITAR PRO v5.00", "Guitar Pro"), (b"<?xml version", "XML"), (b"RIFF\0\0\0\0WAVEfmt ", "not a MIDI"),
        (b"MThd", "ends in its header"), (b"MThd\0\0\0\6\0\1\0\1\1\xe0", "no track"), (b"SMF2CLIP", "MIDI 2.0"),
        (head(1) + b"MTrk", "no track|damaged|ends too early"), (head(1, division=0xE250) + track(NOTE), "film frames"),
    ],
)  # fmt: skip
def test_what_is_no_midi_file_is_told_in_a_sentence(start: bytes, what: str) -> None:
    """Item 2: other files, empty ones and film time are refused in words for a producer, none of them Python's."""
    with pytest.raises(MidiError, match=what) as caught:
        read_midi(start)
    assert caught.value.remedy
    assert not any(word in caught.value.sentence for word in PYTHONS_WORDS)


def test_a_track_that_is_too_long_to_write_is_refused() -> None:
    """Item 2: the standard's own limits are said in a sentence, and no file is written that nobody can read."""
    far = Note(60, Fraction(10**6), Fraction(1))
    with pytest.raises(MidiError, match="ends by 559241"):
        write_midi(Score((ScoreTrack("far", (far,)),)))


def faulty(chance: random.Random) -> bytes:
    """Return a file of several tracks with one to three faults that exporters and disks are known for."""
    tracks = [_music(chance) for _ in range(chance.randint(1, 4))]
    chunks = [chunk(b"MTrk", body, longer=chance.choice([0, 0, 0, 1, 3, -1, -4, 10_000])) for body in tracks]
    for _ in range(chance.randint(0, 2)):
        vendor = chunk(chance.choice([b"XFIH", b"CASM", b"OTSc", b"data"]), chance.randbytes(chance.randint(0, 30)))
        chunks.insert(chance.randint(0, len(chunks)), vendor)
    count = chance.choice([len(tracks), len(tracks), 0, 1, 3, 65_535])
    kind, division = chance.choice([0, 1, 1, 2, 9]), chance.choice([96, 480, 960, 1, 32_767])
    data = chunk(b"MThd", struct.pack(">HHH", kind, count, division)) + b"".join(chunks)
    wrapper = chance.choice([b"", b"", b"\xef\xbb\xbf", bytes(128), b"RIFF\0\0\0\0RMIDdata\0\0\0\0"])
    data = wrapper + data
    return data[: len(data) - chance.choice([0, 0, 0, 1, 5, 40])]


def _music(chance: random.Random) -> bytes:
    metas = [
        b"\xff\x59\x02" + chance.randbytes(2),
        b"\xff\x58\x04" + chance.randbytes(4),
        b"\xff\x51" + variable_length(length := chance.choice([3, 3, 0, 2, 4])) + chance.randbytes(length),
        b"\xff\x03" + variable_length(length := chance.randint(0, 9)) + chance.randbytes(length),
        bytes([0xFF, chance.randrange(128), length := chance.randint(0, 3)]) + chance.randbytes(length),
        b"\xf0\x05\x7e\x7f\x09\x01\xf7",
        b"\xf0\x7e\x7f\x09\x01\xf7",
        b"\xf8",
    ]
    body = b"".join(b"\0" + chance.choice(metas) for _ in range(chance.randint(0, 4)))
    for _ in range(chance.randint(0, 6)):
        pitch = chance.randrange(256) if chance.random() < 0.05 else chance.randrange(128)
        body += variable_length(chance.choice([0, 1, 480])) + bytes([0x90, pitch, chance.randint(1, 127)])
        between = b"\0" + chance.choice(metas) if chance.random() < 0.2 else b""
        status = b"" if chance.random() < 0.3 else b"\x90"
        body += between + variable_length(240) + status + bytes([pitch, 0])
    return body + (b"\0\xff\x2f\0" if chance.random() < 0.9 else b"")


def test_of_1500_faulty_files_each_is_notes_with_remarks_or_one_sentence() -> None:
    """Item 2's kind: nothing ends in anything but notes or a sentence without Python's words; most are read."""
    chance, read = random.Random(39), 0
    for number in range(1500):
        data = faulty(chance)
        try:
            score = read_midi(data)
        except MidiError as error:
            said = [error.sentence]
        else:
            read += 1
            said = list(score.remarks)
            assert all(track.name.isprintable() for track in score.tracks)
            write_midi(score)
        assert all(one.endswith(".") for one in said), (number, said)
        assert not any(word in one for one in said for word in PYTHONS_WORDS), (number, said)
    assert read > 1350


@settings(max_examples=500)
@given(st.binary(max_size=200), st.integers(1, 3))
def test_any_bytes_in_a_track_end_in_notes_or_a_sentence(body: bytes, count: int) -> None:
    """Item 2's kind: random bytes behind a good note leave that note, and never another exception."""
    good = bytes.fromhex(NOTE)
    score = read_midi(head(count) + chunk(b"MTrk", good + body) * count)
    assert 60 in pitches(score)


def test_real_files_are_read_without_a_remark(shared: Path) -> None:
    """Each real file has no fault that we see, and mido's own count of notes."""
    for path in sorted((shared / "fixtures" / "midi-tannerhelland").glob("*.mid")):
        score = read_midi(path)
        assert [remark for remark in score.remarks if "without an end" not in remark] == [], path.name
        struck = sum(m.type == "note_on" and m.velocity > 0 for t in mido.MidiFile(path, clip=True).tracks for m in t)
        assert len(score.notes) == struck


@pytest.mark.parametrize("kind", ["07", "3b", "5a", "7f"])
def test_a_text_that_nobody_knows_keeps_its_time(kind: str) -> None:
    """A meta of any kind a quarter after the start moves the note behind it by that quarter, and is not remarked on."""
    score = read_midi(one(f"8360 ff{kind}02 4142  {NOTE}"))
    assert [(n.pitch, n.start, n.duration) for n in score.notes] == [(60, 1, 1)]
    assert not score.remarks

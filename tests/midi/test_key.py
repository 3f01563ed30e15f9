"""Keys: read, written, guessed."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.key import MODES, Key, guess_key
from midi.notes import Note

keys = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))


@given(keys)
def test_a_key_reads_back_as_itself(key: Key) -> None:
    """What we write, we read."""
    assert Key.parse(str(key)) == key
    assert Key.parse(str(key).upper().replace("B ", "b ", 1) if str(key)[1] == "b" else str(key)) == key


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("F minor", 5, "minor"),
        ("C# dorian", 1, "dorian"),
        ("Am", 9, "minor"),
        ("Bb", 10, "major"),
        ("bbm", 10, "minor"),
        ("E♭ Lydian", 3, "lydian"),
        ("F sharp minor", 6, "minor"),
        ("A flat major", 8, "major"),
        ("Gmaj", 7, "major"),
        ("CM", 0, "major"),
        ("Cm", 0, "minor"),
        ("D harmonic minor", 2, "harmonic minor"),
        (" g  MINOR ", 7, "minor"),
        ("B aeolian", 11, "minor"),
        ("Cb major", 11, "major"),
    ],
)
def test_keys_are_read_as_people_write_them(text: str, tonic: int, mode: str) -> None:
    """Long, short, with sharps, flats and signs."""
    assert Key.parse(text) == Key(tonic, mode)


@pytest.mark.parametrize("text", ["", "H minor", "F blues", "minor", "C##", "A" * 1000, "12", "F minor!", "Bbb"])
def test_what_is_no_key_is_refused(text: str) -> None:
    """The sentence lists the modes."""
    with pytest.raises(MidiError, match="mixolydian"):
        Key.parse(text)


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (Key(5, "minor"), "F minor"),
        (Key(10), "Bb major"),
        (Key(1, "minor"), "C# minor"),
        (Key(0, "dorian"), "C dorian"),
        (Key(3, "minor"), "D# minor"),
        (Key(3), "Eb major"),
        (Key(7, "harmonic minor"), "G harmonic minor"),
    ],
)
def test_keys_are_spelt_with_the_signature_in_mind(key: Key, written: str) -> None:
    """Flats where the signature has flats."""
    assert str(key) == written


@given(keys)
def test_a_keys_note_names_are_its_scales(key: Key) -> None:
    """Each name is read as its pitch class, the tonic's is the key's own, and the scale has seven letters."""
    assert [Key.parse(name).tonic for name in key.note_names] == list(range(12))
    assert str(key).split()[0] == key.note_names[key.tonic]
    letters = {key.note_names[one][0] for one in key.pitch_classes}
    is_written_with_double_sharps = key.mode in ("harmonic minor", "melodic minor") and key.tonic in (3, 8)
    assert len(letters) == 7 - is_written_with_double_sharps


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("C major", "C Db D Eb E F F# G Ab A Bb B"), ("A major", "C C# D D# E F F# G G# A Bb B"),
        ("F minor", "C Db D Eb E F Gb G Ab A Bb B"), ("A minor", "C C# D D# E F F# G G# A Bb B"),
        ("G# dorian", "C C# D D# E E# F# G G# A A# B"), ("C# minor", "B# C# D D# E F F# G G# A A# B"),
    ],
)  # fmt: skip
def test_notes_are_spelt_as_their_key_is(key: str, names: str) -> None:
    """Those of the scale and the leading note as the scale is written, others as they are usually borrowed."""
    assert " ".join(Key.parse(key).note_names) == names


@given(keys)
def test_a_scale_holds_its_tonic_and_seven_notes(key: Key) -> None:
    """Every mode here has seven."""
    assert key.tonic in key.pitch_classes
    assert len(key.pitch_classes) == 7


def cadence(key: Key, semitones: int = 0) -> list[Note]:
    """Return tonic, fourth, fifth and tonic triads, the tonic held, all moved by `semitones`."""
    third = {"major": 4, "minor": 3}[key.mode]
    chords = [(0, third, 7, 2), (5, 5 + third, 12, 1), (7, 11, 14, 1), (0, third, 7, 4)]
    return [
        Note(48 + key.tonic + semitones + step, Fraction(i), Fraction(beats))
        for i, (*steps, beats) in enumerate(chords)
        for step in steps
    ]


@given(st.integers(0, 11), st.sampled_from(["major", "minor"]), st.integers(-24, 24))
def test_a_cadence_tells_its_key_in_every_octave(tonic: int, mode: str, semitones: int) -> None:
    """I-IV-V-I is the least that names a key, and moving it moves the guess."""
    guess = guess_key(cadence(Key(tonic, mode), semitones))
    assert guess.key == Key((tonic + semitones) % 12, mode)
    assert guess.margin > 0
    assert str(guess.key) in guess.sentence


def test_drums_and_silence_have_no_key() -> None:
    """A guess needs pitches; all twelve alike fit nothing."""
    with pytest.raises(MidiError, match="pitched notes"):
        guess_key([Note(36, Fraction(0), Fraction(1), channel=9)])
    assert guess_key([Note(60 + i, Fraction(0), Fraction(1)) for i in range(12)]).correlation == 0

"""Names, numbers, keys and texts as people type and programs save them."""

import os
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.curves.text import from_json, parse_points
from midi.errors import MidiError
from midi.files.file_part import split_file_part
from midi.files.names import name_key, printable
from midi.files.opening import read_bytes, state_of_file
from midi.files.text import decoded
from midi.key import MODES, SCALES, Key, read_key
from midi.live.lane_path import parse_lane_reference
from midi.live.set import read_set
from midi.tempo import Meter, parse_tempo


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("İstanbul.als", "Lead/Mixer/Volume"),
        ("Old.als#2 Project/Song.als", "Lead/Ditto Live/Intensity"),
        ("Beat #3.mid", "Lead"),
        ("plain.mid", "Lead #2"),
        ("plain.mid", "Kick/Snare"),
        ("a#b#c.als", "#/#"),
        ("TRACK.ALS", "Bass"),
        ("Mélodie.mid", "Mélodie"),
        ("no ending", "Lead"),
        ("x.als#y.als", ""),
        ("plain.mid", ""),
    ],
)
def test_a_file_and_its_part_are_told_apart_by_asking_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, part: str
) -> None:
    """Trial 12: the split is at the last # whose left side is a file, in whatever letters and folders."""
    monkeypatch.chdir(tmp_path)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).touch()
    assert split_file_part(f"{file}#{part}" if part else file) == (Path(file), part)


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_a_file_is_found_in_either_form_of_its_accents(tmp_path: Path, typed: str, stored: str) -> None:
    """Trial 12's relative: a name typed composed meets the file whose name a Mac wrote decomposed."""
    (tmp_path / unicodedata.normalize(stored, "Café.mid")).touch()
    path, part = split_file_part(unicodedata.normalize(typed, f"{tmp_path}/Café.mid#Piano"))
    assert path.is_file()
    assert part == "Piano"


@pytest.mark.parametrize(
    ("text", "path", "part"),
    [
        ("İstanbul.als#Lead/Mixer/Volume", "İstanbul.als", "Lead/Mixer/Volume"),
        ("gone.mid#Lead#2", "gone.mid", "Lead#2"),
        ("ẞSSK.ALC#x", "ẞSSK.ALC", "x"),
        ("nothing#here", "nothing", "here"),
        ("a\0b.mid#x", "a\0b.mid", "x"),
    ],
)
def test_a_missing_file_is_split_at_its_ending(text: str, path: str, part: str) -> None:
    """Trial 12's relative: the sentence about a missing file names the file, not the file and its part."""
    assert split_file_part(text) == (Path(path), part)


def test_a_set_whose_name_grows_in_small_letters_is_named_whole() -> None:
    """Trial 12: lower-casing İ gives two letters, and no index of the one is used in the other."""
    assert parse_lane_reference("İİİ/İstanbul.als#Lead/Mixer/Volume") == ("İİİ/İstanbul.als", "Lead/Mixer/Volume")
    assert parse_lane_reference("Clip.alc#Lead/Mixer/Volume") == ("Clip.alc", "Lead/Mixer/Volume")


@settings(max_examples=500)
@given(st.text(max_size=60))
def test_any_text_is_split_without_loss(text: str) -> None:
    """Trial 12's kind: file, # and part are the text again."""
    path, part = split_file_part(text)
    assert isinstance(path, Path)
    assert part == "" or text.endswith("#" + part) or (part.startswith("@") and text.endswith(part))


@settings(max_examples=500)
@given(st.text(max_size=40))
def test_what_is_shown_is_obeyed_by_no_terminal(text: str) -> None:
    """Review B7's kind: no control, no escape, no mark of direction, no lone surrogate leaves the program."""
    assert all(sign.isprintable() or sign == "\ufffd" for sign in printable(text))
    printable(text).encode()


@settings(max_examples=500)
@given(st.text(max_size=40))
def test_a_name_is_one_name_in_all_its_forms(text: str) -> None:
    """Item 4: composed or decomposed, with more or fewer blanks, it is found."""
    for form in ("NFC", "NFD"):
        assert name_key(unicodedata.normalize(form, f"  {text} ")) == name_key(text)


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text",
    [
        "[[0, -30], [8, -9]]", '{"points": [{"beat": 0, "value": -30}, {"beat": 8, "value": -9}]}',
        '[{"beat": 0, "value": -30}, {"beat": 8, "value": -9}]', "\n [ [0,-30],\r\n[8,-9] ]\n",
    ],
)  # fmt: skip
def test_a_curve_may_be_saved_by_any_editor(tmp_path: Path, encoding: str, text: str) -> None:
    """Trial 13: a mark in front, UTF-16 by PowerShell and each form of the points give the same curve."""
    path = tmp_path / "curve.json"
    mark = "\ufeff" if encoding in ("utf-16-be", "utf-16-le") and text.startswith("\n") else ""
    path.write_bytes((mark + text).encode(encoding))
    assert [(p.beat, p.value) for p in from_json(path).points] == [(0, -30), (8, -9)]


@settings(max_examples=500)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_curve_or_a_sentence(data: bytes) -> None:
    """Trial 13's kind: nothing but points or our own error, and the error can be shown."""
    try:
        from_json(data)
    except MidiError as error:
        said = error.sentence
    else:
        said = "."
    assert said.endswith(".")
    assert said.isprintable()


# A zero beside the first character is UTF-16's sign where there is no mark; no text that is read here holds one.
LETTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")


@settings(max_examples=300)
@given(st.text(LETTERS, min_size=2, max_size=40), st.sampled_from(ENCODINGS))
def test_a_text_with_a_mark_reads_back(text: str, encoding: str) -> None:
    """Trial 13's kind: whatever stands in a text, its mark tells how it is written."""
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    text = "[" + text.removeprefix("\ufeff")
    assert decoded((mark + text).encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("0:-30dB 8:-9dB", [(0, -30), (8, -9)]),
        ("0: -30 8: -9", [(0, -30), (8, -9)]),
        ("0 : -30 dB; 8 : -9 dBFS", [(0, -30), (8, -9)]),
        ("-30", [(0, -30)]),
        ("-30dB", [(0, -30)]),
        ("-30 dB", [(0, -30)]),
        ("+3db", [(0, 3)]),
        ("\u221230", [(0, -30)]),
        ("0:\u221230 8:\u22129", [(0, -30), (8, -9)]),
        ("0:400Hz 8:2kHz", [(0, 400), (8, 2000)]),
        ("0:-30,8:-9", [(0, -30), (8, -9)]),
        ("1/3:-30\t8:-9", [(Fraction(1, 3), -30), (8, -9)]),
    ],
)
def test_levels_are_read_as_people_write_them(text: str, points: list[tuple[float, float]]) -> None:
    """Trial 39: units, blanks behind the colon, a typeset minus, and one number for all."""
    assert [(p.beat, p.value) for p in parse_points(text, Fraction(16)).points] == points


@pytest.mark.parametrize("text", ["dB", "-", "0:dB", "loud", "0:-30 dB dB", "0:1:2", "--30", "0:nan", "0:- 30", "0"])
def test_what_is_no_level_is_a_sentence(text: str) -> None:
    """Trial 39's relative: what nobody can mean is refused with how to write it."""
    with pytest.raises(MidiError, match=r".") as caught:
        parse_points(text)
    assert "0:-30" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "bpm"), [("120bpm", 120), ("120 BPM", 120), ("133,37", Fraction(13337, 100)), (" 92.4 ", Fraction(462, 5))]
)
def test_a_tempo_is_read_as_people_write_it(text: str, bpm: Fraction) -> None:
    """Trial 39: a unit and a decimal comma are understood."""
    assert parse_tempo(text) == bpm


@pytest.mark.parametrize("text", ["1,200", "1.200,5", "bpm", "120bpmbpm", "120 130", ""])
def test_what_may_be_two_tempi_is_refused(text: str) -> None:
    """Trial 39's relative: a comma of thousands gives no wrong tempo in silence."""
    with pytest.raises(MidiError):
        parse_tempo(text)


def test_a_signature_may_have_a_colon() -> None:
    """Trial 39: `6:8` is 6/8."""
    assert Meter.parse("6:8") == Meter.parse(" 6 / 8 ") == Meter(6, 8)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Eb", "Eb major"), ("E-flat", "Eb major"), ("E flat minor", "Eb minor"), ("e-flat-minor", "Eb minor"),
        ("C-sharp minor", "C# minor"), ("F♯m", "F# minor"), ("Gb/F# minor", "F# minor"), ("C#/Db", "C# major"),
        ("H-Moll", "B minor"), ("h-moll", "B minor"), ("B-Dur", "Bb major"), ("b moll", "Bb minor"),
        ("Es-Dur", "Eb major"), ("fis-Moll", "F# minor"), ("As Dur", "Ab major"), ("Cis-Dur", "C# major"),
        ("la mineur", "A minor"), ("ré majeur", "D major"), ("Si bémol majeur", "Bb major"), ("sol menor", "G minor"),
        ("fa sostenido menor", "F# minor"), ("do maggiore", "C major"), ("re minore", "D minor"),
        ("8A", "A minor"), ("8B", "C major"), ("1A", "Ab minor"), ("12B", "E major"), ("5a", "C minor"),
        ("1m", "A minor"), ("1d", "C major"), ("8d", "Db major"), ("Am", "A minor"), ("bbm", "Bb minor"),
    ],
)  # fmt: skip
def test_a_key_is_read_as_people_say_it(text: str, key: str) -> None:
    """Item 4: flats in words, German, French, Spanish and Italian names, and the wheels of DJs."""
    found = read_key(text)
    assert found.key == Key.parse(key)
    assert found.remark == ""


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("C Whole Tone", None), ("D Minor Pentatonic", "D minor"), ("A Half-whole Dim.", None), ("C Bhairav", None),
        ("F# Minor Blues", "F# minor"), ("G Major Pentatonic", "G major"), ("E Phrygian Dominant", None),
        ("C Hungarian Minor", "C harmonic minor"), ("Bb 8-Tone Spanish", None), ("C Messiaen 3", None),
        ("C In-Sen", "C phrygian"), ("C Pelog Selisir", "C phrygian"), ("D Harmonic Major", None),
    ],
)  # fmt: skip
def test_a_scale_of_live_12_is_told_as_the_nearest_key(text: str, nearest: str | None) -> None:
    """Trial 20: the root is kept, the nearest mode is taken, and one remark says so."""
    found = read_key(text)
    assert found.key.tonic == Key.parse(text.split()[0]).tonic
    assert nearest is None or str(found.key) == str(Key.parse(nearest))
    assert str(found.key) in found.remark


@given(st.integers(0, 11), st.sampled_from(sorted(SCALES)))
def test_every_scale_of_live_is_told_by_its_own_root(tonic: int, scale: str) -> None:
    """Trial 20's kind: no mode shares more notes with the scale than the one that is told."""
    found = read_key(f"{Key(tonic)}".split()[0] + " " + scale.title())
    steps = set(SCALES[scale])
    shared = {mode: len(steps & set(notes)) / len(steps | set(notes)) for mode, notes in MODES.items()}
    assert (found.key.tonic, shared[found.key.mode]) == (tonic, max(shared.values()))


@settings(max_examples=500)
@given(st.text(max_size=30))
def test_any_text_is_a_key_or_a_sentence(text: str) -> None:
    """Item 4's kind: nothing but a key or our own error that can be shown."""
    try:
        read_key(text)
    except MidiError as error:
        said = error.sentence
    else:
        said = ""
    assert said == "" or said.isprintable()


def test_a_pipe_or_a_folder_is_no_file(tmp_path: Path) -> None:
    """Review A4's kind: what may never end is refused before it is opened."""
    os.mkfifo(tmp_path / "pipe.mid")
    for path in (tmp_path / "pipe.mid", tmp_path, Path("/dev/zero"), tmp_path / "gone"):
        for look in (state_of_file, lambda path: read_bytes(path, 100), read_set):
            with pytest.raises(MidiError, match=r"not a file|cannot be read") as said:
                look(path)
            assert said.value.remedy

"""Chords as they are typed: letters, Roman numerals, bars, and one clear sentence for what is no chord."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.chords.qualities import QUALITIES
from midi.chords.text import NO_CHORD, Chord, key_of, parse_chord, parse_chords, written
from midi.errors import MidiError
from midi.key import MODES, NOTE_NAMES, Key

A_MINOR, C_MAJOR = Key.parse("Am"), Key.parse("C")
FOUR = Fraction(4)


def names(text: str, key: Key | None = None) -> list[list[str]]:
    return [[chord.named(key) for chord in bar] for bar in parse_chords(text, key).bars]


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("C", "C E G"), ("am", "A C E"), ("F#m7b5", "F# A C E"), ("Bb", "Bb D F"), ("E♭maj7", "Eb G Bb D"),
        ("Gsus4", "G C D"), ("D5", "D A"), ("B°7", "B D F Ab"), ("C6/9", "C D E G A"), ("Dm(maj7)", "D F A C#"),
        ("A-7", "A C E G"), ("Caug", "C E Ab"), ("Cmaj7#11", "C E F# G B"), ("C7(b9,#11)", "C C# E F# G Bb"),
        ("Cm7(add11)", "C Eb F G Bb"), ("C13(b9)", "C C# E G A Bb"), ("C7(b5,b13)", "C E F# Ab Bb"),
        ("G7", "G B D F"), ("N.C.", ""), ("nc", ""),
    ],
)  # fmt: skip
def test_a_chord_sounds_what_its_symbol_says(text: str, notes: str) -> None:
    """Each spelling gives its notes, the first of them the root and the bass."""
    chord = parse_chord(text)
    assert chord.pitch_classes == {NOTE_NAMES.index(note) for note in notes.split()}
    if notes:
        assert chord.root == chord.bass == NOTE_NAMES.index(notes.split()[0])


@given(
    root=st.sampled_from(NOTE_NAMES), quality=st.sampled_from(sorted(QUALITIES)), bass=st.sampled_from(NOTE_NAMES)
)  # fmt: skip
def test_a_chord_reads_back_as_it_is_written(root: str, quality: str, bass: str) -> None:
    """Whatever a chord is called, its name is read as the same chord."""
    chord = parse_chord(f"{root}{quality}/{bass}")
    assert chord.bass in chord.pitch_classes
    assert parse_chord(str(chord)) == chord


@given(
    root=st.integers(0, 11), others=st.frozensets(st.integers(0, 11)), bass=st.integers(0, 11),
    key=st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES))),
)  # fmt: skip
def test_any_notes_are_a_chord_that_reads_back(root: int, others: frozenset[int], bass: int, key: Key | None) -> None:
    """In any key's spelling nothing that sounds is lost or added: notes without a name are written one by one."""
    chord = Chord(root, others | {bass}, bass)
    assert parse_chord(chord.named(key)) == chord


@pytest.mark.parametrize(
    ("text", "key", "wanted"),
    [
        ("Abm Db Gb", "G# dorian", "G#m C# F#"), ("C#m G# A#7", "F minor", "Dbm Ab Bb7"),
        ("Dbm Gbm", "A major", "C#m F#m"), ("Abdim Am", "A minor", "G#dim Am"),
        ("Dbdim7 Dm Ab", "C major", "C#dim7 Dm Ab"), ("E/Ab Am", "C major", "E/G# Am"),
        ("A#m Fdim", "F# major", "A#m E#dim"), ("G/C Am/G C/Bb", "C major", "G/C Am/G C/Bb"),
        ("A#(A#+B+C#)", "F minor", "Bb(Db+Bb+B)"), ("Cdim7", "C# minor", "B#dim7"),
    ],
)  # fmt: skip
def test_chords_are_spelt_as_their_key_is(text: str, key: str, wanted: str) -> None:
    """A scale's letters come once each; a bass that is the chord's third has its letter, and Am/G is no Am7/G."""
    own = Key.parse(key)
    assert parse_chords(text).named(own) == wanted
    assert parse_chords(wanted) == parse_chords(text)


@pytest.mark.parametrize(
    "text", ["G#m C#m F# B", "Ab Bbm Db Eb", "C#m A E B", "Fm Db Ab Eb", "Em B7 C D#dim", "A C#m D", "N.C."]
)
def test_chords_without_a_key_are_spelt_as_in_the_one_that_they_suggest(text: str) -> None:
    """Flats and sharps are not mixed, wherever the chords came from."""
    chords = parse_chords(f"{text} |")
    assert str(chords) == text
    assert parse_chords(written(chords.spans(1, FOUR), 1, FOUR)) == chords


@pytest.mark.parametrize(("text", "wanted"), [("D(C+D+E+F)", "Dm9no5"), ("E(D+E+F+G)", "Em7b9no5"), ("C(C+G)", "C5")])
def test_a_fifth_that_nobody_plays_is_not_in_the_name(text: str, wanted: str) -> None:
    """A chord of a scale's neighbours is no ninth chord: its name says that the fifth is left out."""
    assert str(parse_chord(text)) == wanted


@given(tonic=st.integers(0, 11), mode=st.sampled_from(sorted(MODES)))
def test_degrees_are_of_the_keys_own_scale(tonic: int, mode: str) -> None:
    """`I` to `VII` are the seven notes of the scale, whichever it is."""
    roots = [parse_chord(numeral, Key(tonic, mode)).root for numeral in ("i", "ii", "iii", "iv", "v", "vi", "vii")]
    assert roots == [(tonic + step) % 12 for step in MODES[mode]]


def test_roman_numerals_are_read_as_producers_write_them() -> None:
    """Case is the third, `VI` and `bVI` are the same in minor, and a raised degree is of the scale."""
    assert names("i VI | III VII", A_MINOR) == [["Am", "F"], ["C", "G"]]
    assert names("i bVI bIII bVII", A_MINOR) == [["Am", "F", "C", "G"]]
    assert names("ii7 V7 | Imaj7 vii°", C_MAJOR) == [["Dm7", "G7"], ["Cmaj7", "Bdim"]]
    assert names("i iv V7 vii°", A_MINOR) == [["Am", "Dm", "E7", "G#dim"]]
    assert names("i)m", A_MINOR) == [["Am"]]  # a stray bracket is passed over
    assert names("#vii° V bII", A_MINOR) == [["G#dim", "E", "Bb"]]


@given(tonic=st.integers(0, 11), mode=st.sampled_from(sorted(MODES)), quality=st.sampled_from(["°", "dim7", "ø7"]))
def test_a_diminished_seventh_degree_is_the_leading_notes(tonic: int, mode: str, quality: str) -> None:
    """`vii°` lies a semitone below the tonic of a minor key; elsewhere it is the scale's own, as `VII` always is."""
    key, scale = Key(tonic, mode), MODES[mode]
    step = -1 if 3 in scale else scale[6]
    assert parse_chord(f"vii{quality}", key).root == (tonic + step) % 12
    assert parse_chord("VII", key).root == (tonic + scale[6]) % 12
    assert parse_chord("bVII", key).root == (tonic + 10) % 12


def test_bars_are_divided_as_written() -> None:
    """Two chords share a bar, a bar alone is whole, repeats and holds are what was before, and bars come again."""
    spans = parse_chords("Am F | C | % | G . . N.C.").spans(8, FOUR)
    assert [(str(span.chord), float(span.beat), float(span.beats)) for span in spans[:5]] == [
        ("Am", 0, 2), ("F", 2, 2), ("C", 4, 8), ("G", 12, 3), ("N.C.", 15, 1),
    ]  # fmt: skip
    assert spans[5].beat == 16
    assert sum(span.beats for span in spans) == 32


@given(bars=st.integers(1, 8), eighths=st.integers(3, 9), count=st.integers(1, 8))
def test_chords_without_bars_share_the_loop(bars: int, eighths: int, count: int) -> None:
    """However long the loop, chords follow each other without a gap and end with it."""
    text = " ".join(NOTE_NAMES[index] for index in range(count))
    spans = parse_chords(text).spans(bars, Fraction(eighths, 2))
    ends = [span.beat + span.beats for span in spans]
    assert [span.beat for span in spans] == [0, *ends[:-1]]
    assert ends[-1] == bars * Fraction(eighths, 2)
    assert len({span.beats for span in spans}) == 1


@pytest.mark.parametrize("text", ["Am-F-C-G", "Am - F – C — G", "Am, F, C, G", "Am > F > C > G", " | Am F C G | "])
def test_what_people_put_between_chords_is_no_chord(text: str) -> None:
    """Dashes, commas and bars at the ends are read."""
    assert names(text) == [["Am", "F", "C", "G"]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("C- F- | A-", [["Cm", "Fm"], ["Am"]]), ("C -> F->G", [["C", "F", "G"]]), ("C−7 F", [["Cm7", "F"]]),
        ("A minor | C Major 7, F#minor/A", [["Am"], ["Cmaj7", "F#m/A"]]), ("Am / / F", [["Am", "Am", "Am", "F"]]),
        ("||: Am | F :||", [["Am"], ["F"]]), ("|: Am F :|", [["Am", "F"]]), ("B diminished E", [["Bdim", "E"]]),
        ("C2, Cadd11 C7alt", [["Cadd9", "Cadd11", "C7alt"]]), ("Cmaj7(9) C13(no 5)", [["Cmaj9", "C13no5"]]),
        ("Am C Dm", [["Am", "C", "Dm"]]), ("A min D maj", [["Am", "D"]]),
        ("Ｃ　Ｆ｜Ｇ", [["C", "F"], ["G"]]), ("|| C || Bº ||", [["C"], ["Bdim"]]), ("C | | G", [["C"], ["C"], ["G"]]),
    ],
)  # fmt: skip
def test_signs_are_read_as_they_are_meant(text: str, wanted: list[list[str]]) -> None:
    """A hyphen at a chord alone is minor, an arrow none; a double bar line is one, and wide letters are letters."""
    assert names(text) == wanted


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("H", None, "'H'"), ("Am Fxy", None, "'Fxy'"), ("V", None, "no key"), ("V/V", C_MAJOR, "'V'"),
        ("C/H", None, "'H'"), ("I/3", C_MAJOR, "'3'"), ("Am |: F C :|", None, "Repeat"),
        ("C7(7)", None, "C7.7"), ("", None, "no chords"), ("| |", None, "no chords"), ("%", None, "before"),
        (". C", None, "before"), ("C | " * 70, None, "70 bars"), ("C " * 20, None, "20 chords"),
    ],
)  # fmt: skip
def test_what_is_no_chord_is_named(text: str, key: Key | None, said: str) -> None:
    """The sentence names the part that is not understood, and there is a remedy."""
    with pytest.raises(MidiError, match=said) as found:
        parse_chords(text, key)
    assert found.value.remedy


@pytest.mark.parametrize(
    ("text", "key"),
    [("Am F C G", "A minor"), ("C G Am F", "C major"), ("Dm7 | G7 | Cmaj7 | %", "C major"), ("i iv V i", "E minor"),
     ("F#m D A E", "F# minor"), ("N.C. | Bb | F | Bb", "Bb major")],
)  # fmt: skip
def test_chords_suggest_a_key(text: str, key: str) -> None:
    """The one whose scale holds them, and where several do the one whose own chord is home."""
    assert str(key_of(parse_chords(text, Key.parse("Em")).spans(4, FOUR))) == key


def test_no_chord_suggests_no_key() -> None:
    """Silence is in no key."""
    assert key_of(parse_chords("N.C.").spans(4, FOUR)) is None


def test_chords_that_do_not_fill_the_loop_are_refused() -> None:
    """Three bars in a loop of four have no place to repeat, and the sentence says how many there are."""
    with pytest.raises(MidiError, match="3 bars"):
        parse_chords("C | F | G").spans(4, FOUR)


@pytest.mark.parametrize(
    ("text", "bars", "wanted"),
    [
        ("C | F | G", 4, "C | F | G | C"), ("Am F | C", 1, "Am F |"), ("C | F | G | %", 2, "C | F |"),
        ("Am F C G", 3, "Am F C G"),
    ],
)  # fmt: skip
def test_chords_of_other_bars_come_again_or_are_cut_bar_by_bar(text: str, bars: int, wanted: str) -> None:
    """Written bars fill a loop of any length; a row without bars shares it, however long it is."""
    fitted = parse_chords(text).fitted(bars)
    assert fitted == parse_chords(wanted)
    spans = fitted.spans(bars, FOUR)
    assert spans[-1].beat + spans[-1].beats == 4 * bars


@given(
    rows=st.lists(
        st.lists(st.sampled_from(("Am", "F#m7b5", "C/B", "N.C.", "Ebmaj9", "D5")), min_size=1, max_size=7),
        min_size=1, max_size=6,
    ),
    eighths=st.integers(3, 9),
)  # fmt: skip
def test_chords_of_a_loop_are_written_as_they_are_read(rows: list[list[str]], eighths: int) -> None:
    """Whatever parts a bar has, the text of a loop's chords is read as the same chords at the same beats."""
    spans = parse_chords(" | ".join(" ".join(row) for row in rows) + " |").spans(len(rows), Fraction(eighths, 2))
    text = written(spans, len(rows), Fraction(eighths, 2))
    assert parse_chords(text).spans(len(rows), Fraction(eighths, 2)) == spans


def test_no_chord_is_a_chord_without_notes() -> None:
    """It is written as it is read."""
    assert parse_chord(str(NO_CHORD)) == NO_CHORD == Chord(0, frozenset(), 0)

"""The chords of a clip are those that its player meant, however they are struck."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from midi.chords.clip import chords_of
from midi.chords.text import ChordSpan, parse_chord, parse_chords, written
from midi.errors import MidiError
from midi.key import NOTE_NAMES
from midi.live.note_file import read_notes
from midi.notes import Note
from midi.tempo import Meter

FOUR = Fraction(4)
COMMON = Meter()
TRIADS = {"Am": (57, 60, 64), "F": (53, 57, 60), "C": (48, 52, 55), "G": (55, 59, 62)}

QUALITIES = st.sampled_from(["", "", "m", "m", "7", "m7", "maj7", "sus4", "m7b5"])
MAJOR_OR_MINOR = st.sampled_from(["", "m"])


def progressions(qualities: st.SearchStrategy[str], fewest: int, most: int) -> st.SearchStrategy[list[str]]:
    """Return names of chords of which no two neighbours have one root."""
    steps = st.lists(st.tuples(st.integers(1, 11), qualities), min_size=fewest, max_size=most)
    return steps.map(
        lambda steps: [
            f"{NOTE_NAMES[sum(step for step, _ in steps[: index + 1]) % 12]}{quality}"
            for index, (_, quality) in enumerate(steps)
        ]
    )


@dataclass(frozen=True)
class Playing:
    """How a chord is played: struck early by `push`, strummed in `strum` beats, its hand as `seed` says."""

    push: Fraction = Fraction(0)
    strum: Fraction = Fraction(0)
    length: Fraction | None = None  # None: held up to the next chord
    seed: int | None = None  # of the inversion, the octaves and how far each note is off; None: close and exact


playings = st.builds(
    Playing,
    push=st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1, 3), Fraction(1, 2)]),
    strum=st.sampled_from([Fraction(0), Fraction(1, 8), Fraction(1, 5)]),
    length=st.sampled_from([None, None, Fraction(1, 4), Fraction(1, 2)]),
    seed=st.none() | st.integers(0, 999),
)


def played(spans: Sequence[ChordSpan], how: Sequence[Playing]) -> list[Note]:
    """Return notes that play chords over their bass, whose upper notes are in any inversion and octave."""
    found = []
    end = spans[-1].beat + spans[-1].beats
    strikes = [span.beat - (one.push if span.beat else 0) for span, one in zip(spans, how, strict=True)]
    for span, one, strike, until in zip(spans, how, strikes, [*strikes[1:], end], strict=True):
        hand = Random(one.seed)
        most = 0 if one.seed is None else 24
        upper = sorted(60 + pitch + 12 * hand.randint(-1, 1) * (most > 0) for pitch in span.chord.pitch_classes)
        for index, pitch in enumerate((36 + span.chord.bass, *upper)):
            early, late = (Fraction(hand.randint(-most, most), 480) for _ in range(2))
            start = max(Fraction(0), strike + one.strum * index / 5 + early)
            stop = until + late if one.length is None else start + one.length
            found.append(Note(pitch=pitch, start=start, duration=min(stop, end) - start))
    return found


def sounds(spans: Iterable[ChordSpan]) -> list[tuple[Fraction, frozenset[int], int]]:
    """Return where chords begin and what sounds: C6 and Am7/C are the same notes."""
    return [(span.beat, span.chord.pitch_classes, span.chord.bass) for span in spans]


def read(notes: Sequence[Note], bars: int, meter: Meter = COMMON) -> str:
    """Return the chords of notes as text."""
    return written(chords_of(notes, bars * meter.beats_per_bar, meter), bars, meter.beats_per_bar).removesuffix(" |")


def in_bars(names: Sequence[str], sizes: Sequence[int]) -> str:
    """Return names as text, with so many chords in each bar."""
    rest = iter(names)
    rows = [" ".join(row) for size in sizes if (row := [name for _, name in zip(range(size), rest, strict=False)])]
    return " | ".join(rows) + " |"


def parts_hold(names: Sequence[str]) -> bool:
    """Whether one of two neighbours has all notes of the other, as Am7 has those of C."""
    own = [parse_chord(name).pitch_classes for name in names]
    return any(one <= two or two <= one for one, two in pairwise(own))


@given(
    names=progressions(QUALITIES, 1, 8),
    sizes=st.lists(st.integers(1, 2), min_size=8, max_size=8),
    how=st.lists(playings, min_size=8, max_size=8),
    meter=st.sampled_from([COMMON, Meter(6, 8), Meter(2, 2)]),
)
def test_chords_are_read_as_they_were_meant(
    names: list[str], sizes: list[int], how: list[Playing], meter: Meter
) -> None:
    """A progression, pushed by up to an eighth, strummed, held or struck short, in any inversion, is read as itself."""
    assume(not parts_hold(names))
    chords = parse_chords(in_bars(names, sizes))
    bars = len(chords.bars)
    spans = chords.spans(bars, meter.beats_per_bar)
    found = chords_of(played(spans, how[: len(spans)]), bars * meter.beats_per_bar, meter)
    assert sounds(found) == sounds(spans)


@given(
    names=progressions(MAJOR_OR_MINOR, 4, 9),
    how=st.lists(playings, min_size=9, max_size=9),
    beats=st.integers(2, 4),
)
def test_a_chord_on_each_beat_is_read(names: list[str], how: list[Playing], beats: int) -> None:
    """Where triads change with each beat and each is pushed, the push is the next beat's, a tie the first chord's."""
    names = names[: len(names) // beats * beats]
    bars = len(names) // beats
    spans = parse_chords(in_bars(names, [beats] * bars)).spans(bars, Fraction(beats))
    found = chords_of(played(spans, how[: len(spans)]), Fraction(len(names)), Meter(beats, 4))
    assert sounds(found) == sounds(spans)


@given(
    names=progressions(MAJOR_OR_MINOR, 1, 4),
    tune=st.lists(st.tuples(st.permutations(range(72, 84)), st.sampled_from([1, 2])), min_size=4, max_size=4),
)
def test_short_notes_of_a_tune_change_no_held_chord(names: list[str], tune: list[tuple[list[int], int]]) -> None:
    """Notes of an eighth or less over a held triad are in passing, whichever they are."""
    spans = parse_chords(" | ".join(names) + " |").spans(len(names), FOUR)
    notes = played(spans, [Playing()] * len(spans))
    for bar in range(len(names)):
        pitches, each = tune[bar]
        length = Fraction(1, 2 * each)
        notes += [Note(pitch, 4 * bar + index * length, length) for index, pitch in enumerate(pitches[:8])]
    assert sounds(chords_of(notes, len(names) * FOUR, COMMON)) == sounds(spans)


@given(
    names=progressions(MAJOR_OR_MINOR, 2, 4),
    pedal=st.integers(0, 11),
    how=st.lists(playings, min_size=4, max_size=4),
)
def test_a_held_pedal_note_is_the_bass_of_all_chords(names: list[str], pedal: int, how: list[Playing]) -> None:
    """Chords that change over one low note keep their own notes, and have it for a bass."""
    spans = parse_chords(" | ".join(names) + " |").spans(len(names), FOUR)
    upper = [note for note in played(spans, how[: len(spans)]) if note.pitch >= 48]
    found = chords_of([*upper, Note(24 + pedal, Fraction(0), len(names) * FOUR)], len(names) * FOUR, COMMON)
    assert sounds(found) == [(span.beat, span.chord.pitch_classes | {pedal}, pedal) for span in spans]


def each_bar(*strokes: tuple[str, float, float]) -> list[Note]:
    """Return Am, F, C and G, a bar each: of every stroke the places of its notes in the chord, its start and length.

    `*` is the whole chord, `b` its root an octave lower, `5` the fifth below that. Starts before the loop are left out.
    """
    found = []
    for bar, pitches in enumerate(TRIADS.values()):
        for which, start, length in strokes:
            own = {"*": pitches, "b": (pitches[0] - 12,), "5": (pitches[0] - 17,)}.get(which)
            begin = 4 * bar + Fraction(start)
            for pitch in own or [pitches[int(place)] for place in which]:
                if begin >= 0:
                    found.append(Note(pitch, begin, min(Fraction(length), 16 - begin)))
    return found


@pytest.mark.parametrize(
    "strokes",
    [
        [("*", 0, 1.5), ("*", 1.5, 1)],  # Charleston
        [("*", beat + 0.5, 0.25) for beat in range(4)],  # off the beat
        [("b", 0, 4), *(("*", beat + 0.5, 0.25) for beat in range(4))],
        [("b", 0, 4), ("*", -0.5, 0.25), ("*", 1, 0.25)],  # the chord before the bass
        [("b", 0, 0.5), ("*", 1, 0.5), ("5", 2, 0.5), ("*", 3, 0.5)],  # the bass goes to the fifth
        [(place, index / 2, 0.5) for index, place in enumerate("01210121")],
        [(place, index / 4, 0.125) for index, place in enumerate("2102102102102102")],
        [("b", 0, 4), *((place, index / 2, 0.5) for index, place in enumerate("21021021"))],
        [("*", 0.3, 4)],  # late
    ],
)  # fmt: skip
def test_accompaniments_play_one_chord_a_bar(strokes: list[tuple[str, float, float]]) -> None:
    """Stabs, broken chords, a bass that goes to the fifth, chords off the beat: all are Am, F, C, G."""
    downbeat = [Note(pitch, Fraction(0), Fraction(1, 4)) for pitch in TRIADS["Am"]]
    assert read([*downbeat, *each_bar(*strokes)], 4) == "Am | F | C | G"


def test_an_early_chord_at_the_loops_end_is_its_first() -> None:
    """Where the downbeat was struck before the loop's end, it is no chord of the last bar."""
    pushed = [Note(pitch, bar * FOUR - Fraction(1, 2), FOUR) for bar, chord in enumerate(TRIADS.values()) if bar
              for pitch in chord]  # fmt: skip
    pushed += [Note(pitch, Fraction(31, 2), Fraction(1, 2)) for pitch in TRIADS["Am"]]
    assert read(pushed, 4) == "Am | F | C | G"
    assert read([*pushed, *(Note(pitch, Fraction(0), Fraction(3)) for pitch in TRIADS["Am"])], 4) == "Am | F | C | G"


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(57, 0, 4), (60, 0, 4), (64, 0, 4), (45, 0, 1), (43, 1, 1), (41, 2, 1), (40, 3, 1)], "Am"),  # the bass walks
        ([(55, 0, 4), (62, 0, 4), (60, 0, 2), (59, 2, 2)], "Gsus4 G"),
        ([(57, 0, 4), (60, 0, 4), (64, 0, 4), (67, 0, 4)], "Am7"),
        ([(57, 0, 4), (60, 0, 4), (64, 0, 4), (71, 0, 1), (72, 1, 1), (74, 2, 1), (76, 3, 1)], "Am"),
        ([(57, 0, 3), (60, 0, 3), (64, 0, 3), (55, 3, 1), (59, 3, 1), (62, 3, 1)], "Am . . G"),
        ([(57, 0, 3), (60, 0, 3), (64, 0, 3), (55, 2.5, 1.5), (59, 2.5, 1.5), (62, 2.5, 1.5)], "Am . . G"),
    ],
)  # fmt: skip
def test_a_chord_is_named_by_what_sounds_longest(rows: list[tuple[int, float, float]], wanted: str) -> None:
    """A seventh that is held is in the name; a walking bass and a tune of quarters are not, but a suspension is."""
    assert read([Note(pitch, Fraction(start), Fraction(length)) for pitch, start, length in rows], 1) == wanted


@pytest.mark.parametrize(
    ("meter", "beats"), [("3/4", [0, 1, 2]), ("6/8", [0, 1.5]), ("12/8", [0, 1.5, 3, 4.5]), ("2/2", [0, 1, 2, 3])]
)
def test_chords_change_on_the_beats_of_the_metre(meter: str, beats: list[float]) -> None:
    """Three quarters in 3/4, two dotted ones in 6/8, though both bars are three quarters long."""
    own, names = Meter.parse(meter), list(TRIADS)
    ends = [*beats[1:], float(own.beats_per_bar)]
    notes = [Note(pitch, Fraction(start), Fraction(end - start))
             for name, start, end in zip(names, beats, ends, strict=False) for pitch in TRIADS[name]]  # fmt: skip
    assert [(str(span.chord), span.beat) for span in chords_of(notes, own.beats_per_bar, own)] == list(
        zip(names, beats, strict=False)
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Hidden Tears", "Dmadd9 | Dm C/E | Fadd9 | Bb C | Asus4 A | Dm C/E | Fadd9 | Bb C"),
        ("King of the Desert", "C | Fm/C | C | Fm/C | C | Fmadd11/C | C | Fmadd9/C"),
    ],
)
def test_real_pieces_are_read_in_few_chords(name: str, wanted: str, shared: Path) -> None:
    """Their tunes and runs change no chord."""
    file = shared / "fixtures" / "midi-tannerhelland" / f"{name}.mid"
    assert read(read_notes(str(file), Fraction(32), COMMON).notes, 8) == wanted


def clip(text: str, *, broken: bool = False) -> list[Note]:
    """Return a bar of four beats for each bar of `text`, as block chords or as arpeggios."""
    found = []
    for span in parse_chords(text).spans(text.count("|") + 1, FOUR):
        pitches = sorted(60 + (one - span.chord.bass) % 12 + span.chord.bass for one in span.chord.pitch_classes)
        for index, pitch in enumerate(pitches):
            late = index * span.beats / (2 * len(pitches)) if broken else Fraction(0)
            found.append(Note(pitch=pitch, start=span.beat + late, duration=span.beats - late))
    return found


@pytest.mark.parametrize(
    "text", ["Am | F | C | G", "Am F | C G/B", "Dm7 G7 | Cmaj7 | N.C. | Bbm7", "C/E | Gsus4 | F#m7b5 | Ab6"]
)
@pytest.mark.parametrize("broken", [False, True])
def test_a_clip_plays_the_chords_that_it_was_written_from(text: str, broken: bool) -> None:
    """Block chords and arpeggios are read as the same chords, at the same beats."""
    bars = text.count("|") + 1
    found = chords_of(clip(text, broken=broken), bars * FOUR, COMMON)
    wanted = parse_chords(text).spans(bars, FOUR)
    assert [span.beat for span in found] == [span.beat for span in wanted]
    assert [(span.chord.pitch_classes, span.chord.bass) for span in found] == [
        (span.chord.pitch_classes, span.chord.bass) for span in wanted
    ]


@given(
    starts=st.lists(st.fractions(0, 8, max_denominator=8), min_size=1, max_size=12),
    eighths=st.integers(3, 9),
    seed=st.integers(0, 99),
)
def test_any_clip_fills_its_loop_with_chords(starts: list[Fraction], eighths: int, seed: int) -> None:
    """Whatever the notes and the metre, chords follow each other from the first beat to the last."""
    notes = [
        Note(pitch=40 + (7 * index + seed) % 40, start=start, duration=Fraction(1, 2))
        for index, start in enumerate(starts)
    ]
    found = chords_of([*notes, Note(pitch=60, start=Fraction(0), duration=Fraction(1))], Fraction(9), Meter(eighths, 8))
    ends = [span.beat + span.beats for span in found]
    assert [span.beat for span in found] == [0, *ends[:-1]]
    assert ends[-1] == 9
    if (bars := 9 / Fraction(eighths, 2)).denominator == 1:
        text = written(found, int(bars), Fraction(eighths, 2))
        assert parse_chords(text).spans(int(bars), Fraction(eighths, 2)) == found


def test_drums_play_no_chords() -> None:
    """A clip of drums, or an empty one, is told so."""
    with pytest.raises(MidiError, match="no pitched notes"):
        chords_of([Note(pitch=36, start=Fraction(0), duration=Fraction(1), channel=9)], FOUR, COMMON)

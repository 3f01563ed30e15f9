"""Notes: names, ranges, and the unrolling of a looped clip."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.notes import (
    Note,
    audible,
    cut,
    shift,
    sort_notes,
    unroll,
)

ticks = st.integers(0, 64).map(lambda n: Fraction(n, 16))
lengths = st.integers(1, 64).map(lambda n: Fraction(n, 16))
notes = st.builds(Note, st.integers(0, 127), ticks, lengths, st.integers(1, 127))


@pytest.mark.parametrize(
    "wrong",
    [
        {"pitch": 128},
        {"pitch": -1},
        {"velocity": 0},
        {"velocity": 128},
        {"channel": 16},
        {"duration": Fraction(0)},
        {"duration": Fraction(-1)},
        {"probability": float("nan")},
        {"probability": 1.5},
        {"velocity_deviation": 200.0},
        {"release_velocity": -1},
    ],
)
def test_a_note_that_exists_is_valid(wrong: dict[str, object]) -> None:
    """Everything outside a note's ranges is refused when it is made."""
    fields: dict[str, object] = {"pitch": 60, "start": Fraction(0), "duration": Fraction(1)}
    with pytest.raises(MidiError):
        Note(**(fields | wrong))  # type: ignore[arg-type]


@given(st.lists(notes, max_size=12), st.integers(1, 16), st.integers(1, 5))
@example([Note(0, Fraction(0), Fraction(5, 16), 2), Note(0, Fraction(0), Fraction(1, 4), 1)], 1, 1)
def test_an_unrolled_loop_is_its_body_repeated(body: list[Note], loop_sixteenths: int, turns: int) -> None:
    """From the loop's start on, n passes are n copies of one pass, moved."""
    length = Fraction(loop_sixteenths, 4)
    played = unroll(body, start=Fraction(0), loop_start=Fraction(0), loop_end=length, length=turns * length)
    one = cut(body, Fraction(0), length)
    assert played == sort_notes(n for turn in range(turns) for n in shift(one, turn * length))


@given(st.lists(notes, max_size=12), ticks, ticks, lengths, lengths)
def test_unrolling_fills_the_length_and_no_more(
    body: list[Note], start: Fraction, loop_start: Fraction, loop_length: Fraction, length: Fraction
) -> None:
    """Whatever the markers, notes lie within the length and only pitches of the clip sound."""
    played = unroll(body, start=start, loop_start=loop_start, loop_end=loop_start + loop_length, length=length)
    assert all(note.start >= 0 and note.end <= length for note in played)
    assert {note.pitch for note in played} <= {note.pitch for note in body}


@given(st.lists(notes, max_size=12), ticks, lengths, lengths)
def test_a_longer_unrolling_begins_with_the_shorter(
    body: list[Note], start: Fraction, loop_length: Fraction, length: Fraction
) -> None:
    """Asking for more bars changes nothing in the first ones."""
    markers = {"start": start, "loop_start": Fraction(0), "loop_end": loop_length}
    short, long = (unroll(body, **markers, length=n * length) for n in (1, 2))
    assert cut(long, Fraction(0), length) == short


def test_play_begins_at_the_start_marker_and_returns_to_the_loop() -> None:
    """A clip with an upbeat plays it once."""
    clip = [
        Note(60, Fraction(0), Fraction(1)),
        Note(62, Fraction(1), Fraction(1)),
        Note(64, Fraction(2), Fraction(2)),
    ]
    played = unroll(clip, start=Fraction(0), loop_start=Fraction(1), loop_end=Fraction(3), length=Fraction(6))
    assert [(n.pitch, n.start, n.duration) for n in played] == [
        (60, 0, 1),
        (62, 1, 1),
        (64, 2, 1),
        (62, 3, 1),
        (64, 4, 1),
        (62, 5, 1),
    ]


def test_a_start_after_the_loop_never_meets_it() -> None:
    """As in Live, play runs on past the loop's end."""
    clip = [Note(60, Fraction(0), Fraction(1)), Note(62, Fraction(5), Fraction(1))]
    played = unroll(clip, start=Fraction(4), loop_start=Fraction(0), loop_end=Fraction(4), length=Fraction(8))
    assert [(n.pitch, n.start) for n in played] == [(62, 1)]


def test_an_empty_or_endless_loop_is_refused() -> None:
    """One sentence instead of a hang."""
    with pytest.raises(MidiError, match="no length"):
        unroll([], start=Fraction(0), loop_start=Fraction(1), loop_end=Fraction(1), length=Fraction(4))
    tick = Fraction(1, 10**9)
    with pytest.raises(MidiError, match="repeated"):
        unroll([], start=Fraction(0), loop_start=Fraction(0), loop_end=tick, length=Fraction(64))


def test_muted_and_unlikely_notes_are_not_heard() -> None:
    """A note counts from even odds on."""
    sure = Note(60, Fraction(0), Fraction(1))
    muted = Note(61, Fraction(0), Fraction(1), muted=True)
    rare = Note(62, Fraction(0), Fraction(1), probability=0.2)
    assert audible([sure, muted, rare]) == (sure,)

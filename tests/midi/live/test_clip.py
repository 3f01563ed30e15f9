"""A clip between its markers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.live.clip import MAX_PASSES, ClipMarkers, clip_notes, passes
from midi.live.model import Lane, played_curve
from midi.notes import Note


def test_a_looped_clip_fills_the_length() -> None:
    """One bar with the loop on is four notes in four bars."""
    markers = ClipMarkers(Fraction(0), Fraction(8), Fraction(0), Fraction(4))
    played = clip_notes((Note(60, Fraction(1, 2), Fraction(1, 4)),), markers, Fraction(16))
    assert [note.start for note in played] == [Fraction(1, 2) + 4 * bar for bar in range(4)]


def test_a_clip_without_loop_ends_at_its_end_marker() -> None:
    """What lies after the end marker, or before the start marker, is not heard."""
    notes = tuple(Note(60, Fraction(beat), Fraction(1, 4)) for beat in (0, 2, 7, 9))
    markers = ClipMarkers(Fraction(1), Fraction(8), Fraction(0), Fraction(4), looping=False)
    assert [note.start for note in clip_notes(notes, markers, Fraction(16))] == [1, 6]


quarters = st.integers(0, 64).map(lambda quarter: Fraction(quarter, 4))


@given(quarters, quarters, quarters, st.integers(1, 64), st.booleans(), quarters)
def test_an_envelope_is_where_the_clip_is(
    start: Fraction, loop_start: Fraction, turn: Fraction, beats: int, looping: bool, place: Fraction
) -> None:
    """At any beat it has the value at the beat of the clip that plays then, round and round where the clip loops."""
    loop_end = loop_start + turn + Fraction(1, 4)
    markers = ClipMarkers(start, Fraction(64), loop_start, loop_end, looping)
    lane = Lane("T", "D", "P", np.array([0.0, 200.0]), np.array([0.0, 200.0]), False, {}, markers=markers)
    played = start + place
    if looping and start < loop_end <= played:
        played = loop_start + (played - loop_end) % (loop_end - loop_start)
    if place < beats:
        assert played_curve(lane, Fraction(beats)).value_at(place) == pytest.approx(float(played), abs=1e-9)
    stretches = list(passes(markers, Fraction(beats)))
    assert sum(last - first for _at, first, last in stretches) == beats


def test_an_envelope_of_a_loop_without_length_is_a_sentence() -> None:
    """And so is one that would go round without end."""
    for turn in (Fraction(0), Fraction(1, MAX_PASSES)):
        markers = ClipMarkers(Fraction(-1), Fraction(4), Fraction(0), turn)
        with pytest.raises(MidiError, match="loop is"):
            list(passes(markers, Fraction(16)))

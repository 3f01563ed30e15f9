"""A clip between its markers."""

from fractions import Fraction

from midi.live.clip import ClipMarkers, clip_notes
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

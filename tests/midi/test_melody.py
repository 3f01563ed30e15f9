"""One voice out of many."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.melody import melody, pitch_class_target
from midi.notes import Note

beats = st.integers(0, 128).map(lambda n: Fraction(n, 8))
lengths = st.integers(1, 32).map(lambda n: Fraction(n, 8))
clips = st.lists(st.builds(Note, st.integers(0, 127), beats, lengths, st.integers(1, 127)), min_size=1, max_size=20)


def note(pitch: int, start: float, end: float, velocity: int = 100, channel: int = 0) -> Note:
    return Note(pitch, Fraction(start), Fraction(end) - Fraction(start), velocity, channel)


@given(clips)
def test_a_melody_is_one_voice_in_time_with_its_clip(clip: list[Note]) -> None:
    """No two notes sound together, and each starts where a note of its pitch starts in the clip."""
    line = melody(clip)
    assert line
    assert all(before.end <= after.start for before, after in pairwise(line))
    assert {(n.pitch, n.start) for n in line} <= {(n.pitch, n.start) for n in clip}


@given(clips)
def test_a_melody_of_a_melody_is_itself(clip: list[Note]) -> None:
    """One voice needs no choice."""
    line = melody(clip)
    assert melody(line) == line


def test_of_a_chord_the_highest_note_wins() -> None:
    """Neither the loudest nor the longest one."""
    chord = [note(72, 0, 1, 80), note(64, 0, 1, 120), note(48, 0, 3, 60)]
    assert melody(chord)[0].pitch == 72


def test_an_inner_note_under_a_held_one_does_not_cut_it() -> None:
    """A broken chord below leaves the tune alone."""
    held = [note(72, 0, 4), note(60, 1, 2), note(64, 2, 3)]
    assert melody(held) == (held[0],)


def test_a_tune_played_legato_falls_too() -> None:
    """A short overlap hands over, though the next note is lower."""
    line = melody([note(72, 0, 1.125), note(71, 1, 2.125), note(69, 2, 3)])
    assert [(n.pitch, n.start, n.end) for n in line] == [(72, 0, 1), (71, 1, 2), (69, 2, 3)]


def test_drums_alone_are_no_melody() -> None:
    """The error says what to do instead; with a tune beside them they are left out."""
    kick = note(36, 0, 1, channel=9)
    with pytest.raises(MidiError, match="only drums") as caught:
        melody([kick])
    assert "rhythm" in caught.value.remedy
    assert melody([kick, note(60, 0, 1)]) == (note(60, 0, 1),)


@pytest.mark.parametrize("clip", [[], [Note(60, Fraction(0), Fraction(1), muted=True)]])
def test_silence_is_no_melody(clip: list[Note]) -> None:
    """Nothing to follow is said."""
    with pytest.raises(MidiError, match="no sounding notes"):
        melody(clip)


@given(clips, lengths, st.integers(1, 2000))
def test_the_target_has_the_frames_asked_for(clip: list[Note], loop_beats: Fraction, frames: int) -> None:
    """Whatever loop and rate, there are that many classes, 0 to 11, and where none sounds the mask is off."""
    classes, mask = pitch_class_target(melody(clip), loop_beats, frames)
    assert classes.shape == mask.shape == (frames,)
    assert (classes.dtype, mask.dtype) == (np.int64, np.bool_)
    assert set(classes.tolist()) <= set(range(12))
    assert set(classes[mask].tolist()) <= {n.pitch % 12 for n in clip}
    assert not classes[~mask].any()


def test_a_frame_belongs_to_the_note_that_sounds_at_its_start() -> None:
    """Borders are decided exactly: three notes in four beats and twelve frames are four frames each."""
    third = Fraction(4, 3)
    line = [Note(60 + i, i * third, third) for i in range(3)]
    classes, mask = pitch_class_target(line, Fraction(4), 12)
    assert classes.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert mask.all()


def test_what_lies_outside_the_loop_is_cut() -> None:
    """A note over the loop's end stops there, and an upbeat begins at 0."""
    classes, mask = pitch_class_target([note(61, -1, 1), note(62, 3, 9)], Fraction(4), 4)
    assert (classes.tolist(), mask.tolist()) == ([1, 0, 0, 2], [True, False, False, True])

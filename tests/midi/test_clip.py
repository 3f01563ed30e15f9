"""Live's note dictionaries."""

import contextlib
import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.live.clip import ClipMarkers, clip_notes, notes_from_live
from midi.notes import Note

ALL_NINE_KEYS = {
    "note_id": 7,
    "pitch": 60,
    "start_time": 0.5,
    "duration": 0.25,
    "velocity": 99.6,
    "mute": 1,
    "probability": 0.75,
    "velocity_deviation": -12.0,
    "release_velocity": 63.5,
}
LOOPED = {"start_marker": 0.0, "end_marker": 8.0, "loop_start": 0.0, "loop_end": 4.0, "looping": 1}


def live_note(**changes: Any) -> dict[str, Any]:
    return {**ALL_NINE_KEYS, "mute": 0, **changes}


def test_all_nine_keys_are_read() -> None:
    """Each key of a Live note has its place; a velocity is rounded."""
    (note,) = notes_from_live({"notes": [ALL_NINE_KEYS]})
    assert note == Note(
        pitch=60,
        start=Fraction(1, 2),
        duration=Fraction(1, 4),
        velocity=100,
        muted=True,
        probability=0.75,
        velocity_deviation=-12.0,
        release_velocity=64,
    )


@pytest.mark.parametrize("form", [dict, list, "text", "bytes", "list text"])
def test_text_dictionary_and_list_give_the_same(form: object) -> None:
    """Max hands out a JSON string, Python a dictionary, a chunked message a list."""
    notes = [live_note(pitch=64, start_time=1.0), live_note()]
    whole = {"notes": notes}
    text = json.dumps(whole)
    forms: dict[object, Any] = {dict: whole, list: notes, "text": text, "bytes": text.encode()}
    given_as = forms.get(form, json.dumps(notes))
    assert [note.pitch for note in notes_from_live(given_as)] == [60, 64]  # sorted by time, not pitch


def test_missing_optional_keys_have_lives_defaults() -> None:
    """A call that asked for some keys only still gives notes."""
    (note,) = notes_from_live([{"pitch": 60, "start_time": 0, "duration": 1}])
    assert (note.velocity, note.muted, note.probability, note.release_velocity) == (100, False, 1.0, 64)


def test_keys_of_a_later_live_are_passed_over_and_empty_notes_left_out() -> None:
    """A new key breaks nothing; a note of no length makes no sound."""
    assert len(notes_from_live({"notes": [live_note(new_key="x"), live_note(duration=0.0)]})) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "", "{", "[1]", "{}", '{"notes": 3}', b"\xff\xfe", "[" * 10_000, '{"notes": [{"pitch": 60}]}',
        '{"notes": [{"pitch": 1e400, "start_time": 0, "duration": 1}]}',
        [live_note(pitch=200)], [live_note(pitch=float("nan"))], [live_note(start_time=float("inf"))],
        [live_note(duration=-1.0)], [live_note(velocity="loud")], [live_note(probability=float("nan"))],
    ],
)  # fmt: skip
def test_what_is_no_note_dictionary_is_one_clear_error(wrong: Any) -> None:
    """Only our own error comes out of bad notes."""
    with pytest.raises(MidiError):
        notes_from_live(wrong)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from([*ALL_NINE_KEYS, "notes"]), x, max_size=9),
        max_leaves=20,
    )
)
def test_any_json_gives_notes_or_our_error(data: Any) -> None:
    """No shape of data brings out another exception."""
    with contextlib.suppress(MidiError):
        assert all(isinstance(note, Note) for note in notes_from_live(json.dumps(data)))


def test_a_looped_clip_fills_the_length() -> None:
    """One bar with the loop on is four notes in four bars."""
    notes = notes_from_live({"notes": [live_note()]})
    played = clip_notes(notes, ClipMarkers.from_live(LOOPED), Fraction(16))
    assert [note.start for note in played] == [Fraction(1, 2) + 4 * bar for bar in range(4)]


def test_a_clip_without_loop_ends_at_its_end_marker() -> None:
    """What lies after the end marker, or before the start marker, is not heard."""
    notes = notes_from_live([live_note(start_time=t) for t in (0.0, 2.0, 7.0, 9.0)])
    markers = ClipMarkers.from_live({**LOOPED, "looping": 0, "start_marker": 1.0})
    assert [note.start for note in clip_notes(notes, markers, Fraction(16))] == [1, 6]


def test_a_missing_marker_is_named() -> None:
    """The sentence says which."""
    with pytest.raises(MidiError, match="loop_end"):
        ClipMarkers.from_live({key: value for key, value in LOOPED.items() if key != "loop_end"})

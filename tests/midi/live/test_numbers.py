"""Numbers and characters of a set: read as Live writes them, and nothing that a program stumbles over is passed on."""

import math

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from midi.live.characters import CleanText
from midi.live.numbers import MAX_BEATS, beat_of, number_of, value_if_any, value_of, whole_of
from midi.live.xml import UnreadableValueError

LETTERS = st.characters(exclude_categories=("Cs",), exclude_characters="&<>")


@given(st.text(max_size=30) | st.floats().map(repr))
def test_a_number_is_finite_or_refused(text: str) -> None:
    """Never nan or infinity, whatever is written; the reason names the element and shows the text."""
    shown = value_if_any({"Value": text})
    if shown is None or text in ("true", "false"):
        with pytest.raises(UnreadableValueError, match="FloatEvent"):
            number_of("FloatEvent", {"Value": text}, "Value")
    else:
        assert math.isfinite(shown)
        assert number_of("FloatEvent", {"Value": text}, "Value") == shown


@given(st.floats(-1e12, 1e12))
def test_a_beat_lies_in_a_song(beat: float) -> None:
    """No song is longer than Live allows; what lies outside is refused."""
    if abs(beat) <= MAX_BEATS:
        assert beat_of("Clip", {"Time": repr(beat)}, "Time") == beat
    else:
        with pytest.raises(UnreadableValueError, match="far outside any song"):
            beat_of("Clip", {"Time": repr(beat)}, "Time")


def test_switches_are_numbers_and_what_is_missing_has_its_default() -> None:
    """As Live writes them; a whole number is whole."""
    assert (value_of("x", {"Value": "true"}), value_of("x", {"Value": "false"})) == (1.0, 0.0)
    assert number_of("x", {}, "Probability", 1.0) == 1.0
    assert whole_of("x", {"Id": "12"}, "Id") == 12
    for attributes in ({}, {"Id": "1.5"}, {"Id": ""}):
        with pytest.raises(UnreadableValueError):
            whole_of("x", attributes, "Id")


@given(st.text(LETTERS, max_size=60), st.sampled_from(["utf-8", "utf-16"]), st.lists(st.integers(1, 9), max_size=20))
def test_text_is_the_same_in_whatever_pieces_it_comes(text: str, encoding: str, sizes: list[int]) -> None:
    """Pieces may end within a letter or a reference; what comes out is XML, and as many characters were replaced."""
    data = f"<a>{text}&#x41;&amp;&#0;</a>".encode(encoding)
    whole = CleanText()
    expected = whole.feed(data) + whole.end()
    pieces, rest, at = CleanText(), b"", max(8, len(data) // 3)
    rest += pieces.feed(data[:at])
    for size in sizes:
        rest += pieces.feed(data[at : at + size])
        at += size
    assert rest + pieces.feed(data[at:]) + pieces.end() == expected
    assert pieces.replaced == whole.replaced >= 1
    shown = fromstring(expected.decode()).text
    assert shown.endswith("A&\ufffd")
    assert not set(shown) & set("\x00\x08\x0b\x1f\uffff")

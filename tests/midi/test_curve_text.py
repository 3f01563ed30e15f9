"""Curves as people write them."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.curves.automation import Breakpoint, from_json, parse_points
from midi.errors import MidiError

pairs = st.lists(st.tuples(st.decimals(0, 16, places=3), st.decimals(-60, 0, places=2)), min_size=1, max_size=9)


@given(pairs)
def test_written_points_are_read_exactly(written: list[tuple[Any, Any]]) -> None:
    """A beat is the decimal that was typed."""
    written = sorted(written, key=lambda pair: pair[0])
    curve = parse_points(" ".join(f"{beat}:{value}" for beat, value in written), Fraction(16))
    assert [(p.beat, p.value) for p in curve.points] == [(Fraction(beat), float(value)) for beat, value in written]


def test_the_form_of_the_command_line() -> None:
    """Spaces or commas between, decimals or fractions of a beat, two at one beat for a jump."""
    curve = parse_points("0:-30, 1/3:-9  8:-9 8:-20")
    assert [(p.beat, p.value) for p in curve.points] == [(0, -30), (Fraction(1, 3), -9), (8, -9), (8, -20)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no breakpoints"),
        ("0", "not beat:value"),
        ("0:", "not beat:value"),
        (":1", "not beat:value"),
        ("0:nan", "0:nan"),
        ("0:inf", "0:inf"),
        ("x:1", "x:1"),
        ("0:1:2", "0:1:2"),
        ("1/0:1", "1/0:1"),
        ("0:1e999", "0:1e999"),
        ("8:0 4:0", "Beat 4 comes after beat 8"),
        ("0:0 17:0", "Beat 17 is outside the loop; 0 to 16"),
        ("-1:0", "Beat -1 is outside the loop"),
        ("0:0 " * 100_001, "100001 breakpoints"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, says: str) -> None:
    """Not a number, the wrong order, beats outside the loop."""
    with pytest.raises(MidiError, match=says):
        parse_points(text, Fraction(16))


@given(st.text(max_size=40))
def test_any_text_gives_a_curve_or_our_error(text: str) -> None:
    """No text brings out another exception."""
    try:
        curve = parse_points(text, Fraction(16))
    except MidiError:
        return
    assert curve.points


def test_both_forms_of_json(tmp_path: Path) -> None:
    """Pairs, or points with handles."""
    file = tmp_path / "curve.json"
    file.write_text("[[0, -30], [8.5, -9]]")
    assert [(p.beat, p.value) for p in from_json(file).points] == [(0, -30.0), (Fraction(17, 2), -9.0)]
    bent = {"points": [{"beat": 0, "value": 1, "curve": [0.1, 0.2, 0.3, 0.4]}, {"beat": 0.1, "value": 2}]}
    curve = from_json(json.dumps(bent).encode())
    assert curve.points == (
        Breakpoint(Fraction(0), 1.0, (0.1, 0.2, 0.3, 0.4)),
        Breakpoint(Fraction(1, 10), 2.0),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[[0]]",
        b"[[0, 1, 2]]",
        b"[[0, NaN]]",
        b"[[0, 1e999]]",
        b'[["a", 0]]',
        b"[" * 100_000,
        b"\xff",
        b'{"points": [{"beat": 0, "value": 0, "bend": 1}]}',
        b'{"points": [{"beat": 0, "value": 0, "curve": [2, 0, 0, 0]}]}',
        b"[[4, 0], [0, 0]]",
        b"[[99, 0]]",
        b"[]",
    ],
)
def test_json_that_is_no_curve_is_one_sentence(data: bytes) -> None:
    """Only our own error."""
    with pytest.raises(MidiError):
        from_json(data, Fraction(16))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the file's name."""
    with pytest.raises(MidiError, match=r"gone\.json"):
        from_json(tmp_path / "gone.json")

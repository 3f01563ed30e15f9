"""Scalars and hints: text to numbers and words, and what a prompt says of itself."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.requests.fields import BY_NAME, Frontend
from bridge.requests.hinted import hinted
from bridge.requests.scalars import number_of, read_scalar, read_scalars
from engine.errors import BadRequestError
from midi.tempo import Meter


def read(name: str, text: str, way: Frontend = Frontend.OSC) -> Any:
    return read_scalar(BY_NAME[name], text, way)


@given(st.integers(1, 8))
def test_a_whole_number_may_come_as_a_float(number: int) -> None:
    """Max sends 4. or 4.0 where 4 is meant; 4.5 bars are none."""
    assert read("bars", str(number)) == read("bars", f"{number}.0") == number
    with pytest.raises(BadRequestError, match="bars"):
        read("bars", f"{number}.5")


@pytest.mark.parametrize(("text", "found"), [("on", True), ("OFF", False), ("1", True), ("0", False), ("true", True)])
def test_a_switch_has_many_words(text: str, found: bool) -> None:
    """And no others."""
    assert read("loop", text) is found
    with pytest.raises(BadRequestError, match="1 and 0"):
        read("loop", f"{text}x")


def test_music_is_read_in_its_own_way() -> None:
    """A tempo is exact, a metre is a fraction; nonsense is named as this way in calls it."""
    assert read("tempo_bpm", "133.37") == Fraction("133.37")
    assert read("time_signature", "7/8") == Meter(7, 8)
    with pytest.raises(BadRequestError, match="--quality"):
        read("quality", "finest", Frontend.COMMAND_LINE)
    with pytest.raises(BadRequestError, match="draft"):
        read("quality", "finest")


def test_an_empty_text_leaves_a_field_open() -> None:
    """It is not in what was read; a path keeps its letters, a prompt loses half ones."""
    found = read_scalars({"bars": " ", "seed": "7", "prompt": "dub\ud800", "melody": "  x.mid"}, Frontend.OSC)
    assert "bars" not in found
    assert found["seed"] == 7
    assert found["melody"] == "  x.mid"
    found["prompt"].encode()


def test_a_controls_number_is_there_or_not() -> None:
    """Weights are read like any number, and their own name is in what is refused."""
    assert number_of({"melody.weight": "2"}, "melody.weight", Frontend.OSC) == 2
    assert number_of({}, "melody.weight", Frontend.OSC) is None
    with pytest.raises(BadRequestError, match=r"melody\.weight"):
        number_of({"melody.weight": "much"}, "melody.weight", Frontend.OSC)


def test_a_prompts_tempo_counts_where_none_is_given() -> None:
    """What the prompt says is used, with a sentence; a setting counts before it."""
    said: list[str] = []
    assert hinted({"prompt": "techno 140 bpm"}, {}, said.append)["tempo_bpm"] == 140
    assert "140" in said[0]
    said.clear()
    given = {"prompt": "techno 140 bpm", "tempo_bpm": Fraction(120)}
    assert hinted(given, {}, said.append)["tempo_bpm"] == 120
    assert hinted({"bars": 2}, {}, said.append) == {"bars": 2}
    assert hinted({"prompt": "techno 140 bpm"}, {"tempo_bpm": Fraction(140)}, said.append)["tempo_bpm"] == 140
    assert said == []

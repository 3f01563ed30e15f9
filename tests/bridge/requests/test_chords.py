"""Chords of a request: what is read fills the loop, and is said where it was not as it was typed."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bridge.requests.chords import SETTING, read_chords
from bridge.requests.fields import Frontend
from bridge.requests.sent import Rows
from engine.errors import BadRequestError
from engine.request import LoopRequest
from midi.chords.text import parse_chords
from midi.errors import MidiError
from midi.key import Key

NAMES = ("Am", "F", "C/G", "Dm7", "N.C.", "G#maj7")
BARS = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), min_size=1, max_size=9)


def read(text: str, loop: LoopRequest, *, inherited: bool = False) -> tuple[str, list[str]]:
    """Return chords as a request would have them, and the sentences about them."""
    remarks: list[str] = []
    return read_chords(text, {}, loop, Frontend.OSC, remarks.append, inherited=inherited), remarks


@given(BARS, st.sampled_from([1, 2, 4, 6, 8]), st.booleans())
@settings(max_examples=50)
def test_chords_that_are_read_fill_the_loop(rows: list[list[str]], bars: int, inherited: bool) -> None:
    """Repeated or cut, with a sentence; only chords that are asked for anew may be refused for their number of bars."""
    text, loop = " | ".join(" ".join(row) for row in rows) + " |", LoopRequest(seed=0, bars=bars)
    fits = len(rows) >= bars or bars % len(rows) == 0
    if not (fits or inherited):
        with pytest.raises(MidiError, match="whole number of times"):
            read(text, loop)
        return
    chords, remarks = read(text, loop, inherited=inherited)
    spans = parse_chords(chords).spans(bars, loop.meter.beats_per_bar)
    assert sum((span.beats for span in spans), Fraction(0)) == loop.beats
    played = parse_chords(text).bars
    assert spans == parse_chords(text).fitted(bars).spans(bars, loop.meter.beats_per_bar)
    assert bool(remarks) is (len(played) != bars)


@given(
    st.sampled_from(["i VI | III VII", "ii7 V7 | I", "bVI iv |"]),
    st.sampled_from(["A minor", "C major", "F# dorian"]),
)
def test_numerals_are_told_as_letters_of_the_key(text: str, key: str) -> None:
    """The sentence holds chords that mean the same without the key."""
    loop = LoopRequest(seed=0, bars=4, key=key)
    assume(loop.bars % len(parse_chords(text, Key.parse(key)).bars) == 0)
    chords, remarks = read(text, loop)
    letters = remarks[-1].partition(": ")[2].removesuffix(".")
    assert str(parse_chords(letters)) == str(parse_chords(chords, Key.parse(key)))


def test_numerals_without_a_key_say_which_setting_to_give() -> None:
    """By the name that it has where the request came from."""
    for frontend, name in ((Frontend.OSC, "key F minor"), (Frontend.COMMAND_LINE, "--key F minor")):
        with pytest.raises(MidiError) as refused:
            read_chords("i VI", {}, LoopRequest(seed=0), frontend, lambda _: None)
        assert name in refused.value.remedy


def test_a_clip_and_a_text_are_not_both() -> None:
    """Sent notes make the chords; typed ones beside them are refused, inherited ones give way."""
    rows = Rows(tuple((pitch, 0.0, 4.0, 100) for pitch in (57, 60, 64)))
    sent, loop = {("notes", SETTING): rows}, LoopRequest(seed=0, bars=1)
    with pytest.raises(BadRequestError, match="asked for twice"):
        read_chords("F", sent, loop, Frontend.OSC, lambda _: None)
    assert read_chords("F", sent, loop, Frontend.OSC, lambda _: None, inherited=True) == "Am |"


@pytest.mark.parametrize(("key", "wanted"), [("G# dorian", "G#m |"), ("Db major", "Abm |"), (None, "G#m |")])
def test_a_clips_chords_are_spelt_as_the_loops_key_is(key: str | None, wanted: str) -> None:
    """Without one as in the key that they suggest."""
    rows = Rows(tuple((pitch, 0.0, 4.0, 100) for pitch in (56, 59, 63)))
    loop = LoopRequest(seed=0, bars=1, key=key)
    assert read_chords("", {("notes", SETTING): rows}, loop, Frontend.OSC, lambda _: None) == wanted

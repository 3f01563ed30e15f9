"""Bars of songs whose signature changes, and positions in them as Live writes them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.bars import BarPosition, Bars, Position, split_position
from midi.errors import MidiError
from midi.tempo import Meter, MeterChange

METERS = st.builds(Meter, st.integers(1, 13), st.sampled_from([2, 4, 8, 16]))
CHANGES = st.lists(st.builds(MeterChange, st.fractions(-4, 200, max_denominator=8), METERS), max_size=6)


def song(*changes: tuple[int | Fraction, str]) -> Bars:
    """Return the bars of signatures by their beats."""
    return Bars.of(MeterChange(Fraction(beat), Meter.parse(text)) for beat, text in changes)


def counted(bars: Bars, until: int) -> list[Fraction]:
    """Return where bars begin, found one by one: each has its signature's length unless another one cuts it off."""
    starts, at = [], Fraction(0)
    while at < until:
        starts.append(at)
        full = at + bars.meter_at(at).beats_per_bar
        at = min([full, *(section.beat for section in bars.sections if section.beat > at)])
    return starts


@pytest.mark.parametrize(
    ("text", "name", "position"),
    [
        ("Lead@16", "Lead", Fraction(16)),
        ("Lead @ 1.5", "Lead ", Fraction(3, 2)),
        ("Lead@33.1", "Lead", Fraction(331, 10)),
        ("Lead@bar 33", "Lead", BarPosition(33)),
        ("Lead@BAR33", "Lead", BarPosition(33)),
        ("Lead@bar 33.3", "Lead", BarPosition(33, 3)),
        ("Lead@bar 33.3.2", "Lead", BarPosition(33, 3, 2)),
        ("Lead@ 33. 3. 2", "Lead", BarPosition(33, 3, 2)),
        ("@bar 2", "", BarPosition(2)),
        ("me@home", "me@home", None),
        ("a@16@bar 2", "a@16", BarPosition(2)),
        ("Lead@bar", "Lead@bar", None),
        ("Lead@-4", "Lead@-4", None),
        ("Lead@bar ٣", "Lead@bar ٣", None),
    ],
)
def test_a_position_is_read_as_live_writes_it(text: str, name: str, position: Position | None) -> None:
    """A number is a beat; two dots, or the word, make it a bar."""
    assert split_position(text) == (name, position)


def test_bars_are_counted_across_signatures() -> None:
    """A pickup of one beat, two bars of 4/4, 7/8 from there, and 3/4 that cuts a bar of 7/8 off."""
    bars = song((0, "1/4"), (1, "4/4"), (9, "7/8"), (9 + 5, "3/4"))
    starts = [bars.beat_of(BarPosition(bar)) for bar in range(1, 8)]
    assert starts == [0, 1, 5, 9, Fraction(25, 2), 14, 17]
    assert bars.beat_of(BarPosition(4, 3, 2)) == 9 + 1 + Fraction(1, 4)
    assert str(bars.position_of(Fraction(10))) == "bar 4.3"


@pytest.mark.parametrize(
    "position", [BarPosition(0), BarPosition(1, 0), BarPosition(1, 5), BarPosition(1, 1, 5), BarPosition(2, 3)]
)
def test_a_place_that_no_bar_has_is_refused(position: BarPosition) -> None:
    """Two beats of the second bar are left before the 3/4 begins."""
    with pytest.raises(MidiError, match=r"count from 1|There is no bar"):
        song((0, "4/4"), (6, "3/4")).beat_of(position)


@given(CHANGES)
def test_bars_are_where_counting_one_by_one_finds_them(changes: list[MeterChange]) -> None:
    """In any order of any signatures; and what is between two lines belongs to the bar before."""
    bars = Bars.of(changes)
    for number, start in enumerate(counted(bars, 220), 1):
        assert bars.beat_of(BarPosition(number)) == start
        assert bars.position_of(start) == BarPosition(number)
        assert bars.line_from(start) == start
        assert bars.line_from(start + Fraction(1, 100)) > start
        assert bars.position_of(start + Fraction(1, 100)).bar == number
        assert start == 0 or bars.line_before(start) == bars.beat_of(BarPosition(number - 1))
        assert bars.line_before(start + Fraction(1, 100)) == start


@given(CHANGES, st.fractions(0, 200, max_denominator=16))
def test_a_position_leads_back_to_its_beat(changes: list[MeterChange], beat: Fraction) -> None:
    """The beat of the position that a beat belongs to is at most one of the signature's beats before it."""
    bars = Bars.of(changes)
    back = bars.beat_of(bars.position_of(beat))
    assert 0 <= beat - back < Fraction(4, bars.meter_at(beat).denominator)


@given(CHANGES, st.integers(1, 60))
def test_a_song_goes_on_from_a_bar_line(changes: list[MeterChange], number: int) -> None:
    """From there on its lines are the song's own."""
    bars = Bars.of(changes)
    start = bars.beat_of(BarPosition(number))
    rest = bars.after(start)
    for later in range(1, 20):
        assert rest.beat_of(BarPosition(later)) + start == bars.beat_of(BarPosition(number + later - 1))

"""Musical time: exact until it is rounded once."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.tempo import (
    Meter,
    beats_to_samples,
    beats_to_seconds,
    beats_to_ticks,
    exact,
    loop_samples,
    parse_tempo,
    samples_to_beats,
    ticks_to_beats,
    typed_tempo,
)

tempi = st.decimals(min_value=20, max_value=999, places=3).map(Fraction)
meters = st.builds(Meter, st.integers(1, 99), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
rates = st.sampled_from([8_000, 22_050, 44_100, 48_000, 96_000])


@given(meters, tempi, rates, st.integers(1, 1000))
def test_a_thousand_bars_do_not_drift(meter: Meter, tempo_bpm: Fraction, rate: int, bars: int) -> None:
    """The last bar line is within half a sample of where arithmetic on whole numbers puts it."""
    ideal = Fraction(bars * 4 * meter.numerator * 60 * rate, meter.denominator) / tempo_bpm
    assert abs(loop_samples(bars, meter, tempo_bpm, rate) - ideal) <= Fraction(1, 2)
    assert loop_samples(bars, meter, tempo_bpm, rate) == round(ideal)


@given(tempi, rates, st.integers(0, 10**9))
def test_samples_to_beats_and_back_is_the_same_sample(tempo_bpm: Fraction, rate: int, samples: int) -> None:
    """No sample moves on its way through musical time."""
    assert beats_to_samples(samples_to_beats(samples, tempo_bpm, rate), tempo_bpm, rate) == samples


@given(st.integers(1, 32767), st.integers(-(10**6), 10**6))
def test_ticks_to_beats_and_back_is_the_same_tick(ticks_per_beat: int, ticks: int) -> None:
    """Any resolution holds its own ticks exactly."""
    assert beats_to_ticks(ticks_to_beats(ticks, ticks_per_beat), ticks_per_beat) == ticks


def test_halves_are_rounded_to_even() -> None:
    """One sample and a half is two, two and a half too: no bias over many loops."""
    assert beats_to_samples(Fraction(3, 2), Fraction(60), 1) == 2
    assert beats_to_samples(Fraction(5, 2), Fraction(60), 1) == 2


@pytest.mark.parametrize(
    ("text", "beats"), [("4/4", 4), ("6/8", 3), ("7/8", Fraction(7, 2)), ("5/16", Fraction(5, 4)), ("3/2", 6)]
)
def test_a_bar_is_counted_in_quarter_notes(text: str, beats: Fraction) -> None:
    """A beat is a quarter note, whatever the signature's lower number."""
    assert Meter.parse(text).beats_per_bar == beats
    assert str(Meter.parse(text)) == text


@pytest.mark.parametrize("text", ["4", "4/3", "0/4", "100/4", "-3/4", "4/4/4", "a/b", "", "4/128", "٣/4"])
def test_what_is_no_signature_is_refused(text: str) -> None:
    """The sentence says what is allowed."""
    with pytest.raises(MidiError, match="time signature"):
        Meter.parse(text)


@pytest.mark.parametrize("value", ["133.37", 133.37, Decimal("133.37"), Fraction(13337, 100)])
def test_a_tempo_is_the_number_that_was_written(value: str | float | Decimal | Fraction) -> None:
    """A float means the decimal that it prints as, so 133.37 has no binary tail."""
    assert parse_tempo(value) == Fraction(13337, 100)


@pytest.mark.parametrize("value", [19.999, 999.001, 0, -120, "1e400", "1/0.001"])
def test_tempi_outside_lives_range_are_refused(value: float | str) -> None:
    """20 to 999 BPM, as Live has it."""
    with pytest.raises(MidiError, match=r"20 to 999|not a number"):
        parse_tempo(value)


@pytest.mark.parametrize("value", ["", "nan", "inf", float("nan"), "1e999999999", "12a", "1/0", "9" * 65])
def test_what_is_no_number_is_refused_at_once(value: str | float) -> None:
    """Not even a number with a billion digits takes memory."""
    with pytest.raises(MidiError, match="not a number"):
        exact(value)


def test_a_quarter_at_120_is_half_a_second() -> None:
    """The anchor of all conversions."""
    assert beats_to_seconds(Fraction(1), Fraction(120)) == Fraction(1, 2)


@given(st.integers(20_00, 999_00))
def test_a_tempo_is_the_typed_one_after_a_midi_file(hundredths: int) -> None:
    """A file has whole microseconds a beat, rounded or cut off; whole numbers and Live's two decimals come back."""
    typed = Fraction(hundredths, 100)
    exactly = 60_000_000 / typed
    for microseconds in (round(exactly), math.floor(exactly)):
        found = typed_tempo(Fraction(60_000_000, microseconds))
        assert abs(60_000_000 / found - microseconds) < 1
        assert found == typed or hundredths > 30_000 or len(str(float(found))) < len(str(float(typed)))

"""Values recorded live become a clean curve."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.curves.automation import record_to_curve
from midi.errors import MidiError

LOOP = Fraction(8)
STEP = 1 / 24  # a control rate of about 50 Hz at 120 BPM


def knob(beat: float) -> float:
    """Return a knob's movement that closes at the wrap."""
    return -20 + 10 * math.sin(2 * math.pi * beat / 8)


def recorded(first: float, last: float, jitter: list[float]) -> list[tuple[float, float]]:
    """Return readings from `first` to `last`, each stamped up to half a step late or early."""
    count = int((last - first) / STEP)
    beats = [first + (i + 0.9 * jitter[i % len(jitter)]) * STEP for i in range(count)]
    return [(beat, knob(beat)) for beat in beats]


jitters = st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=50)


@settings(max_examples=25, deadline=None)
@given(jitters)
def test_a_jittered_recording_is_the_movement(jitter: list[float]) -> None:
    """Wherever the readings fall, the curve is within two hundredths of the span, with few points."""
    curve = record_to_curve(recorded(0.0, 8.0, jitter), LOOP)
    assert curve.points[0].beat == 0
    assert curve.points[-1].beat == LOOP
    assert len(curve.points) < 80
    for n in range(2, 126):  # at the very ends the first and last reading are held
        assert curve.value_at(Fraction(n, 16)) == pytest.approx(knob(n / 16), abs=0.4)


@settings(max_examples=25, deadline=None)
@given(jitters, st.floats(0.1, 7.5), st.floats(0.1, 3.0))
def test_a_gap_is_drawn_through(jitter: list[float], gap_at: float, gap: float) -> None:
    """Lost readings leave a straight line between the values on both sides."""
    pairs = [pair for pair in recorded(0.0, 8.0, jitter) if not gap_at < pair[0] < gap_at + gap]
    curve = record_to_curve(pairs, LOOP)
    values = [value for _, value in pairs]
    for n in range(129):
        assert min(values) - 1e-9 <= curve.value_at(Fraction(n, 16)) <= max(values) + 1e-9


def test_a_late_start_holds_the_first_value() -> None:
    """What was not recorded is not invented."""
    curve = record_to_curve(recorded(3.0, 8.0, [0.0]), LOOP)
    assert curve.value_at(Fraction(0)) == curve.value_at(Fraction(2)) == pytest.approx(knob(3.0))


@pytest.mark.parametrize("runs_on", [True, False])
def test_of_two_passes_the_latest_wins(runs_on: bool) -> None:
    """Whether the beats run on past the loop's end or jump back; the rest of the first pass stays."""
    first = [(i * STEP, 0.0) for i in range(192)]
    second = [(i * STEP + (8.0 if runs_on else 0.0), 1.0) for i in range(96)]
    curve = record_to_curve(first + second, LOOP)
    assert curve.value_at(Fraction(2)) == 1.0
    assert curve.value_at(Fraction(6)) == 0.0


def test_a_gap_in_the_latest_pass_shows_the_one_before() -> None:
    """Over a beat without readings the earlier pass is heard."""
    first = [(i * STEP, 0.0) for i in range(192)]
    second = [(8 + i * STEP, 1.0) for i in range(192) if not 48 <= i < 96]
    curve = record_to_curve(first + second, LOOP)
    assert [curve.value_at(Fraction(beat)) for beat in (1, 3, 6)] == [1.0, 0.0, 1.0]


def test_a_late_start_is_filled_by_the_second_pass() -> None:
    """Two passes from beat 3 to beat 5 of the next hold the whole loop."""
    pairs = [(beat, knob(beat)) for beat in (3 + i * STEP for i in range(240))]
    curve = record_to_curve(pairs, LOOP)
    for n in range(128):
        assert curve.value_at(Fraction(n, 16)) == pytest.approx(knob(n / 16), abs=0.2)


def test_readings_out_of_order_are_put_in_order() -> None:
    """Two messages that overtook each other are no second pass."""
    pairs = [(0.0, 0.0), (0.2, 2.0), (0.1, 1.0), (0.3, 3.0)]
    curve = record_to_curve(pairs, Fraction(4), max_error=0.0)
    assert curve.value_at(Fraction(3, 20)) == pytest.approx(1.5)


def test_a_still_knob_is_two_points() -> None:
    """However long it was recorded."""
    assert len(record_to_curve([(i * STEP, -12.0) for i in range(1000)], LOOP).points) == 2


@pytest.mark.parametrize("pairs", [[], [(0.0, math.nan)], [(math.nan, 0.0)], [(math.inf, 0.0)]])
def test_nothing_recorded_is_said(pairs: list[tuple[float, float]]) -> None:
    """So is a value that is no number."""
    with pytest.raises(MidiError):
        record_to_curve(pairs, LOOP)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-4, 40), st.floats(-1, 1)), min_size=1, max_size=60))
def test_any_readings_give_a_curve_over_the_loop(pairs: list[tuple[float, float]]) -> None:
    """From 0 to the loop's end, within the recorded values."""
    curve = record_to_curve(pairs, LOOP)
    assert (curve.points[0].beat, curve.points[-1].beat) == (0, LOOP)
    assert {p.value for p in curve.points} <= {value for _, value in pairs}

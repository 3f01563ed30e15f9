"""A lane of a Live set as a level: what the parameter means decides."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.requests.live_lane import LOUDEST_DB, LaneReference, as_target, read_lane, short_beat
from midi.bars import BarPosition, Position
from midi.errors import MidiError
from midi.live.set import Lane, read_set
from midi.live.testing import envelope_xml, midi_clip_xml, set_xml, track_xml

LONG_BEFORE = -63_072_000.0  # where Live keeps the first event


def lane(
    values: list[tuple[float, float]],
    low: float,
    high: float,
    device: str = "Ditto Live",
    name: str = "Intensity",
    *,
    steps: bool = False,
) -> Lane:
    """Return a lane with the event that Live writes before the song."""
    events = [(LONG_BEFORE, values[0][1]), *values]
    return Lane(
        track="Lead",
        device=device,
        parameter=name,
        times=np.array([beat for beat, _ in events]),
        values=np.array([value for _, value in events]),
        steps=steps,
        handles={},
        low=low,
        high=high,
    )


def pairs(found: Lane, from_beat: int = 0, beats: int = 16) -> list[tuple[float, float]]:
    """Return the target's points, rounded."""
    target = as_target(found, Fraction(from_beat), Fraction(beats))
    return [(round(float(point.beat), 3), round(point.value, 2)) for point in target.points]


@pytest.mark.parametrize(
    ("text", "path", "name", "start"),
    [
        ("a.als#Lead/Ditto Live/Intensity", "a.als", "Lead/Ditto Live/Intensity", None),
        ("my sets/ü.als#Lead/Mixer/Volume@16", "my sets/ü.als", "Lead/Mixer/Volume", 16),
        ("a.als#Volume @ 1.5", "a.als", "Volume ", Fraction(3, 2)),
        ('a.als#"AC/DC"/Mixer/Volume@8', "a.als", '"AC/DC"/Mixer/Volume', 8),
        ("a@b.als#me@home/Mixer/Pan", "a@b.als", "me@home/Mixer/Pan", None),
        ("a.als", "a.als", "", None),
        ("a.als#Volume@bar 33", "a.als", "Volume", BarPosition(33)),
        ("a.als#Volume@33. 2. 3", "a.als", "Volume", BarPosition(33, 2, 3)),
    ],
)
def test_a_reference_names_set_lane_and_position(text: str, path: str, name: str, start: Position | None) -> None:
    """`@16` at the end is a beat, `@bar 33` a bar; an @ within a name is part of the name."""
    reference = LaneReference.parse(text)
    assert (reference.path, reference.lane.strip(), reference.start) == (Path(path), name.strip(), start)


def test_a_parameter_in_decibels_is_taken_as_it_is() -> None:
    """Our own Intensity is drawn in dB and means dBFS."""
    drawn = lane([(0, -30), (8, -12), (16, -30)], -60, 0)
    assert pairs(drawn) == [(0, -30), (8, -12), (16, -30)]
    assert as_target(drawn, Fraction(0), Fraction(16)).unit == "db"


@pytest.mark.parametrize("most", [12, 15, 24, 35, 36])
def test_a_gain_or_a_transposition_is_no_level(most: int) -> None:
    """What goes as far up as down is a share of its range: its middle is not full scale."""
    target = as_target(lane([(0, 0), (16, most)], -most, most, "Eq8", "Gain"), Fraction(0), Fraction(16))
    assert target.unit == "unit"
    assert [point.value for point in target.points] == [0.5, 1.0]


@pytest.mark.parametrize(("low", "high"), [(-60, 0), (-40, -10), (-70, 6), (-36, 12)])
def test_a_range_of_levels_is_in_decibels(low: int, high: int) -> None:
    """From far below to about full scale, as thresholds and our own dial have it."""
    assert as_target(lane([(0, -30)], low, high), Fraction(0), Fraction(16)).unit == "db"


def test_a_macro_is_a_share_of_its_range() -> None:
    """0 to 127 becomes 0 to 1, which stands for the quietest and the loudest level."""
    target = as_target(lane([(0, 0), (16, 127)], 0, 127, "Rack", "Macro 1"), Fraction(0), Fraction(16))
    assert target.unit == "unit"
    assert [point.value for point in target.points] == [0.0, 1.0]
    assert (target.low, target.high) == (-36.0, LOUDEST_DB)


def test_a_fader_is_in_decibels_below_the_loudest() -> None:
    """0 dB on the fader is the loudest level, half the amplitude 6 dB less, the bottom silence."""
    fader = lane([(0, 1.0), (8, 0.5), (16, 0.5)], 0.0003, 1.995, "Mixer", "Volume")
    found = pairs(fader)
    assert found[0] == (0, LOUDEST_DB)
    assert found[-1] == (16, round(LOUDEST_DB - 6.02, 2))
    assert len(found) > 3, "a straight line in amplitude is not one in dB"
    assert pairs(lane([(0, 0.0003)], 0.0003, 1.995, "Mixer", "Volume")) == [(0, -60), (16, -60)]


@given(st.integers(0, 64), st.integers(1, 32))
def test_a_part_of_a_lane_starts_at_zero(from_beat: int, beats: int) -> None:
    """A ramp over the whole song: the part from a beat on begins with the ramp's value there."""
    ramp = lane([(0, -60), (100, -10)], -60, 0)
    found = pairs(ramp, from_beat, beats)
    assert found[0][0] == 0
    assert found[-1][0] == beats
    assert found[0][1] == pytest.approx(-60 + from_beat / 2, abs=0.01)
    assert found[-1][1] == pytest.approx(-60 + (from_beat + beats) / 2, abs=0.01)


def test_a_switch_jumps() -> None:
    """A lane of steps holds its value until the next one."""
    assert pairs(lane([(0, -30), (8, -12)], -60, 0, steps=True)) == [(0, -30), (8, -30), (8, -12), (16, -12)]


def test_one_value_without_a_range_is_no_division_by_nothing() -> None:
    """A lane that never moves, in a set that does not tell the range."""
    still = Lane("T", "D", "P", np.array([0.0]), np.array([5.0]), False, {})
    assert pairs(still) == [(0, 1.0), (16, 1.0)]


@given(st.fractions(0, 64, max_denominator=10**6))
def test_short_beats_stay_near_and_short(beat: Fraction) -> None:
    """Common tuplets stay exact, all others move by less than a 40,000th of a beat."""
    short = short_beat(beat)
    assert abs(short - beat) <= Fraction(1, 2 * 20_160)
    assert 20_160 % short.denominator == 0
    assert len(str(short)) < 64


def test_a_real_sets_lane_is_read_and_a_wrong_name_lists_the_right_ones(shared: Path) -> None:
    """The tempo lane of a Live 12 set, for want of another, is a share of its range."""
    path = shared / "fixtures" / "dawtool" / "L12-automation.als"
    name = next(found.path for found in read_set(path).lanes if found.parameter == "Tempo")
    target = read_lane(LaneReference(path, name), Fraction(16))
    assert all(0 <= point.value <= 1 for point in target.points)
    with pytest.raises(MidiError, match="Tempo"):
        read_lane(LaneReference(path, "Nothing/Like/That"), Fraction(16))


RAMP = [(LONG_BEFORE, 0.0), (8, 0.0), (12, 1.0), (12, 0.5), (16, 0.5)]  # of a clip: beats 8 to 12 rise


@pytest.mark.parametrize(
    ("beat", "found"),
    [
        ("", [(0, 0.0), (4, 1.0), (4, 0.0), (8, 1.0), (8, 0.0), (12, 1.0), (12, 0.0), (16, 1.0)]),
        ("@0", [(0, 0.0), (8, 0.0), (12, 1.0), (12, 0.5), (16, 0.5)]),
        ("@8", [(0, 0.0), (4, 1.0), (4, 0.5), (16, 0.5)]),
    ],
)
def test_a_clips_envelope_is_followed_as_the_clip_plays_it(
    tmp_path: Path, beat: str, found: list[tuple[float, float]]
) -> None:
    """Round and round between its loop points, as its notes are; a beat behind an @ is one of the clip."""
    envelope = envelope_xml(101, RAMP, clip=True)
    clip = midi_clip_xml([(60, 8, 1, 100)], name="A", loop=(8.0, 12.0), envelopes=envelope)
    path = tmp_path / "song.als"
    path.write_bytes(set_xml(track_xml("Lead", session=clip)))
    target = read_lane(LaneReference.parse(f"{path}#Lead/Mixer/Send A/A{beat}"), Fraction(16))
    assert [(float(point.beat), point.value) for point in target.points] == found

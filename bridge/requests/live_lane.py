"""A lane of a saved Live set as a target: `SET.als#Track/Device/Parameter`, from a position on with `@bar 33`.

A lane has its parameter's own unit, and a loop needs a level:
a level in decibels is taken as it is, a volume fader as dB below the loudest level,
anything else as a share of its range.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.request import Curve, Point
from midi.bars import Bars, Position, split_position
from midi.curves.automation import Breakpoint, amplitude_to_db, sample, thin, to_unit
from midi.curves.automation import Curve as Automation
from midi.errors import MidiError
from midi.files.file_part import split_file_part
from midi.live.lane_path import is_set
from midi.live.set import Lane, LiveSet, find_lane, lane_curve, parse_lane_reference, played_curve, read_set
from midi.tempo import TICKS_PER_BEAT, snapped

LOUDEST_DB = -14.0  # what a fader at 0 dB asks for: the loudest that loops are judged at
SOFTEST_DB, MAX_HEADROOM_DB = -30.0, 12.0  # a level's range begins below the one and ends below the other
FADER_FLOOR_DB = -46.0  # below LOUDEST_DB; together -60 dBFS, which counts as silence
FRAMES_PER_BEAT = 16  # a fader is straight in amplitude, so it bends in dB between its breakpoints
FADER_ERROR_DB = 0.1  # too little to hear


@dataclass(frozen=True, slots=True)
class LaneReference:
    """A set, the lane's path in it, and the position at which the loop starts.

    The position is one of the set, of a clip's envelope one of the clip; without it a loop starts at the set's beat 0,
    and an envelope is followed as its clip plays it.
    """

    path: Path
    lane: str
    start: Position | None = None

    @classmethod
    def parse(cls, text: str) -> "LaneReference":
        """Read `SET.als#Track/Device/Parameter@bar 33`; raises `MidiError`."""
        path, whole = parse_lane_reference(text)
        lane, start = split_position(whole)
        if start is not None and _has_lane(Path(path), whole):  # a clip, and so its lane, may be called @
            return cls(Path(path), whole)
        return cls(Path(path), lane, start)


def names_set(text: str) -> bool:
    """Whether `text` names a Live set or a clip of Live, with or without a lane and a position."""
    return is_set(split_file_part(text).path)


def _has_lane(path: Path, name: str) -> bool:
    try:
        return bool(find_lane(read_set(path), name))
    except MidiError:
        return False


def lane_song_start(reference: LaneReference) -> Fraction | None:
    """Return the beat of the song from which a lane is read, None for a clip's envelope; raises `MidiError`."""
    live_set = read_set(reference.path)
    lane = find_lane(live_set, reference.lane)
    return None if lane.clip is not None else start_beat(live_set, lane, reference.start) or Fraction(0)


def read_lane(reference: LaneReference, loop_beats: Fraction, say: Callable[[str], None] = lambda _: None) -> Curve:
    """Return the lane's part of `loop_beats` beats; raises `MidiError` with the lanes that there are.

    `say` gets a sentence on everything in the set that could not be read.
    """
    live_set = read_set(reference.path)
    for remark in live_set.remarks:
        say(remark)
    lane = find_lane(live_set, reference.lane)
    return as_target(lane, start_beat(live_set, lane, reference.start), loop_beats)


def start_beat(live_set: LiveSet, lane: Lane, start: Position | None) -> Fraction | None:
    """Return the beat of a position: of the set, or of the clip for its envelope; None for none. Raises `MidiError`."""
    bars = live_set.bars if lane.clip is None else Bars.of(first=lane.meter)
    return None if start is None else bars.beat_of(start)


def as_target(lane: Lane, from_beat: Fraction | None, loop_beats: Fraction) -> Curve:
    """Return `loop_beats` beats of a lane from `from_beat` on: in dB for a level, else in 0..1 of its range.

    Raises `MidiError`.
    """
    drawn = _followed(lane, from_beat, loop_beats)
    if _is_fader(lane):
        return _points(_in_decibels(drawn, loop_beats), "db")
    if _is_in_decibels(lane):
        return _points(thin(drawn.points, 0.0), "db")
    return _shares(lane, drawn)


def as_share(lane: Lane, from_beat: Fraction | None, loop_beats: Fraction) -> Curve:
    """Return `loop_beats` beats of a lane from `from_beat` on in 0..1 of its range; raises `MidiError`."""
    return _shares(lane, _followed(lane, from_beat, loop_beats))


def _followed(lane: Lane, from_beat: Fraction | None, loop_beats: Fraction) -> Automation:
    """Return a part of a lane; without a beat a clip's envelope as the clip plays it, another lane's beginning."""
    if from_beat is None:
        return played_curve(lane, loop_beats)
    return lane_curve(lane, from_beat, from_beat + loop_beats)


def _shares(lane: Lane, drawn: Automation) -> Curve:
    low, high = lane.range
    if low == high:  # one value and no range: as if it were the whole of it
        low, high = low - 1, high
    units = tuple(Breakpoint(p.beat, float(to_unit(p.value, low, high))) for p in thin(drawn.points, 0.0))
    return _points(units, "unit")


def _is_fader(lane: Lane) -> bool:
    """Whether the lane is a mixer's volume, which sets keep as an amplitude."""
    return lane.device == "Mixer" and lane.parameter.startswith("Volume")


def _is_in_decibels(lane: Lane) -> bool:
    """Whether the range can only be one of levels in decibels: silence far below, the top near 0.

    A gain that goes as far up as down, or a transposition, is none: its middle would be full scale.
    """
    low, high = lane.range
    return (lane.low, lane.high) != (None, None) and low <= SOFTEST_DB and LOUDEST_DB < high <= MAX_HEADROOM_DB


def _in_decibels(drawn: Automation, loop_beats: Fraction) -> tuple[Breakpoint, ...]:
    frames = max(1, int(loop_beats * FRAMES_PER_BEAT))
    levels = amplitude_to_db(sample(drawn, loop_beats, frames), FADER_FLOOR_DB) + LOUDEST_DB
    beats = (loop_beats * frame / frames for frame in range(frames + 1))
    ends = np.append(levels, amplitude_to_db(drawn.points[-1].value, FADER_FLOOR_DB) + LOUDEST_DB)
    return thin([Breakpoint(beat, float(level)) for beat, level in zip(beats, ends, strict=True)], FADER_ERROR_DB)


def _points(points: tuple[Breakpoint, ...], unit: str) -> Curve:
    values = tuple(Point(short_beat(point.beat), point.value) for point in points)
    return Curve(points=values, unit=unit, low=-36.0, high=LOUDEST_DB)  # type: ignore[arg-type]  # "db" or "unit"


def short_beat(beat: Fraction) -> Fraction:
    """Return the beat, or the nearest that is written in few figures: every tuplet up to ten stays exact."""
    return beat if TICKS_PER_BEAT % beat.denominator == 0 else snapped(beat)

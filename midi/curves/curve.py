"""Automation as exact breakpoints, and the same as one value per frame.

Between breakpoints the value runs straight, or along a cubic Bezier where the segment's first
breakpoint carries four handles (x1, y1, x2, y2) in the unit box of the segment; 0.5 each is
straight. Two breakpoints at one beat are a jump, and the later one counts from that beat on.
Before the first and after the last breakpoint the value is held.

That Live draws its curved segments so is an assumption: docs/midi.md.
"""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import MidiError
from ..tempo import Beats
from .bezier import STRAIGHT, Handles, along_and_height, bend


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A `value` at `beat`; `curve` bends the segment that starts here.

    Raises `MidiError` for a value that is not finite and for handles outside the unit box,
    where the curve could leave the two values or run back in time.
    """

    beat: Beats
    value: float
    curve: Handles | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise MidiError(
                "bad_value",
                f"The value at beat {float(self.beat):g} is {self.value}; a number is needed.",
                "Write points like 0:-30 8:-9.",
            )
        if self.curve is not None and not all(0 <= handle <= 1 for handle in self.curve):
            raise MidiError(
                "bad_curve",
                f"The curve at beat {float(self.beat):g} has handles {self.curve}; each must be within 0 and 1.",
                "Leave the handles out for a straight line.",
            )


@dataclass(frozen=True, slots=True)
class Curve:
    """Breakpoints in order; at least one. Raises `MidiError` where they are not."""

    points: tuple[Breakpoint, ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise MidiError("empty_curve", "The curve holds no breakpoints.", "Give at least one, like 0:-20.")
        for before, after in pairwise(self.points):
            if after.beat < before.beat:
                raise MidiError(
                    "wrong_order",
                    f"Beat {float(after.beat):g} comes after beat {float(before.beat):g}; beats must not go back.",
                    "Put the points in the order of their beats.",
                )

    def value_at(self, beat: Beats) -> float:
        """Return the value at `beat`; at a jump the later one."""
        index = bisect_right(self.points, beat, key=lambda point: point.beat)
        if index == 0:
            return self.points[0].value
        if index == len(self.points):
            return self.points[-1].value
        return _between(self.points[index - 1], self.points[index], beat)

    def cut(self, from_beat: Beats, to_beat: Beats) -> "Curve":
        """Return the part from `from_beat` to `to_beat`, re-zeroed, with breakpoints at both ends.

        A bent segment that a border cuts becomes short straight ones. Raises `MidiError` for an
        empty range.
        """
        if to_beat <= from_beat:
            raise MidiError(
                "empty_range",
                f"The range from beat {float(from_beat):g} to {float(to_beat):g} has no length.",
                "Give an end after the start.",
            )
        points = _with_point(_with_point(self.points, from_beat), to_beat)
        first = bisect_right(points, from_beat, key=lambda point: point.beat) - 1
        last = bisect_left(points, to_beat, key=lambda point: point.beat)  # before a jump there
        return Curve(tuple(replace(p, beat=p.beat - from_beat) for p in points[first : last + 1]))


def sample(curve: Curve, loop_beats: Beats, frames: int) -> NDArray[np.float64]:
    """Return the curve at `frames` frames of a loop, float64 [frames].

    Frame `i` stands at beat `i * loop_beats / frames`, the frame's start; which frames lie
    on which side of a breakpoint is decided exactly. The values stay within the breakpoints' bounds.
    """
    points = curve.points
    places = [point.beat * frames / loop_beats for point in points]  # in frames, exactly
    first_frames = np.array([min(max(math.ceil(place), 0), frames) for place in places])
    index = np.searchsorted(first_frames, np.arange(frames), side="right") - 1
    values = np.array([point.value for point in points])
    sampled = values[np.clip(index, 0, None)].copy()
    inner = np.flatnonzero((index >= 0) & (index < len(points) - 1))
    starts = index[inner]
    position = np.array([float(place) for place in places])
    span = position[starts + 1] - position[starts]  # 0 where a float cannot tell the two apart
    along = np.divide(inner - position[starts], span, out=np.zeros(len(inner)), where=span > 0)
    along = _bend_segments(np.clip(along, 0.0, 1.0), starts, points)
    low, high = values[starts], values[starts + 1]
    between = low * (1 - along) + high * along
    sampled[inner] = np.clip(between, np.minimum(low, high), np.maximum(low, high))
    return sampled


def flattened(curve: Curve) -> Curve:
    """Return the curve with every bent segment as many short straight ones."""
    if all(point.curve is None for point in curve.points):
        return curve
    points = [p for start, end in pairwise(curve.points) for p in _flat_segment(start, end)]
    return Curve((*points, replace(curve.points[-1], curve=None)))


def _between(start: Breakpoint, end: Breakpoint, beat: Beats) -> float:
    place = np.array([float((beat - start.beat) / (end.beat - start.beat))])
    height = float(bend(place, start.curve)[0])
    value = start.value * (1 - height) + end.value * height
    return min(max(value, min(start.value, end.value)), max(start.value, end.value))


def _bend_segments(
    along: NDArray[np.float64], starts: NDArray[np.intp], points: tuple[Breakpoint, ...]
) -> NDArray[np.float64]:
    """Bend the frames of each curved segment; frames of one segment lie together."""
    for start in np.unique(starts):
        handles = points[start].curve
        if handles is not None:
            here = slice(*np.searchsorted(starts, [start, start + 1]))
            along[here] = bend(along[here], handles)
    return along


def _with_point(points: tuple[Breakpoint, ...], beat: Beats) -> tuple[Breakpoint, ...]:
    """Return the points with one at `beat`, added where none is; the curve stays the same."""
    index = bisect_left(points, beat, key=lambda point: point.beat)
    if index == len(points):
        return (*points, Breakpoint(beat, points[-1].value))
    if points[index].beat == beat:
        return points
    if index == 0:
        return (Breakpoint(beat, points[0].value), *points)
    start, end = points[index - 1], points[index]
    flat = _flat_segment(start, end)
    if len(flat) > 1:
        return _with_point((*points[: index - 1], *flat, *points[index:]), beat)
    return (*points[:index], Breakpoint(beat, _between(start, end, beat)), *points[index:])


def _flat_segment(start: Breakpoint, end: Breakpoint) -> list[Breakpoint]:
    """Return the segment's start and, if it is bent, points between, without its end."""
    if start.curve is None or start.curve == STRAIGHT or start.value == end.value:
        return [replace(start, curve=None)]
    along, height = along_and_height(start.curve)
    beats = (start.beat + (end.beat - start.beat) * Fraction(x) for x in along[:-1].tolist())
    values = (start.value * (1 - height) + end.value * height)[:-1].tolist()
    return [Breakpoint(beat, value) for beat, value in zip(beats, values, strict=True)]

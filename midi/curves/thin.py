"""Fewer breakpoints for the same curve, within an error that is stated.

Douglas and Peucker (Cartographica 10, 1973), with the error measured along the value and
not across the line, because a listener hears values at times.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import MidiError
from .curve import Breakpoint, Curve, flattened


def thin(points: Sequence[Breakpoint], max_error: float) -> tuple[Breakpoint, ...]:
    """Return straight breakpoints that differ from the given curve by at most `max_error` anywhere.

    Bent segments are first made of short straight ones. Jumps and both ends are kept, and
    every breakpoint returned lies on the given curve. `max_error` is in the values' unit.
    """
    if not (math.isfinite(max_error) and max_error >= 0):
        raise MidiError("bad_error", f"The largest error is {max_error}; 0 or more is allowed.")
    flat = flattened(Curve(tuple(points))).points
    return tuple(flat[i] for first, last in _pieces(flat) for i in _kept(flat[first:last], max_error, first))


def _pieces(points: Sequence[Breakpoint]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of points between jumps; of three or more at one beat the inner ones go."""
    first = 0
    for index in range(1, len(points) + 1):
        if index == len(points) or points[index].beat == points[index - 1].beat:
            crowded = index - first == 1 and first > 0 and index < len(points)
            if not (crowded and points[first].beat == points[first - 1].beat == points[index].beat):
                yield first, index
            first = index


def _kept(points: Sequence[Breakpoint], max_error: float, offset: int) -> list[int]:
    """Return the indices to keep, counted from `offset`."""
    origin = points[0].beat
    beats = np.array([float(point.beat - origin) for point in points])
    values = np.array([point.value for point in points])
    keep = {0, len(points) - 1}
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        worst = _worst(beats[first : last + 1], values[first : last + 1], max_error)
        if worst is not None:
            keep.add(first + worst)
            waiting += [(first, first + worst), (first + worst, last)]
    return [offset + index for index in sorted(keep)]


def _worst(beats: NDArray[np.float64], values: NDArray[np.float64], max_error: float) -> int | None:
    """Return the inner point farthest from the straight line, if it is too far."""
    if len(beats) < 3:
        return None
    span = (beats[-1] - beats[0]) or 1.0  # beats closer than a float can tell
    along = (beats[1:-1] - beats[0]) / span
    error = np.abs(values[1:-1] - (values[0] * (1 - along) + values[-1] * along))
    worst = int(np.argmax(error))
    rounding = 1e-12 * float(np.abs(values).max())
    return worst + 1 if error[worst] > max_error + rounding else None

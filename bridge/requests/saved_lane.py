"""A look at a saved set: whether its file has changed, and the lane as it is now."""

from fractions import Fraction
from pathlib import Path

from engine.errors import BadInputError, BadRequestError, DittoError
from engine.request import Curve, Point
from midi.curves.automation import Breakpoint, thin
from midi.files.opening import state_of_file
from midi.live.set import parse_lane_reference

from ..osc.addresses import MAX_LOOP_BEATS
from ..session.effects import CheckLane, Stamp
from .live_lane import LaneReference, read_lane
from .targets import beat_range

MAX_POINTS = 1_200  # more would not be seen, and UDP loses long bursts
FIRST_ERROR = {"db": 0.05, "unit": 0.001, "hz": 10.0}  # in the curve's unit, where it has more; doubled until they fit
CHANGED_MEANWHILE = BadInputError("The set was saved again while it was read.")
NO_STAMP: Stamp = (-1, -1)


def check_lane(check: CheckLane) -> tuple[Stamp, Curve | DittoError | None]:
    """Return the file's stamp and, where that is not the known one, the lane or the error of reading it."""
    stamp = NO_STAMP
    try:
        path, lane = parse_lane_reference(check.lane)
        stamp = _stamp(Path(path))
        if stamp == check.known:
            return stamp, None
        first, last = beat_range(check.beats, "beats")
        if last - first > MAX_LOOP_BEATS:
            raise BadRequestError(f"beats is {check.beats!r}; {MAX_LOOP_BEATS:,} beats are the most.")
        curve = sparse(read_lane(LaneReference(Path(path), lane, first), last - first))
        return (stamp, curve) if _stamp(Path(path)) == stamp else (stamp, CHANGED_MEANWHILE)
    except DittoError as error:
        return stamp, error if stamp != check.known else None


def _stamp(path: Path) -> Stamp:
    found = state_of_file(path, "Save the Live set.")
    return found.st_mtime_ns, found.st_size


def sparse(curve: Curve) -> Curve:
    """Return the curve with at most `MAX_POINTS` points."""
    error = FIRST_ERROR[curve.unit]
    points = [Breakpoint(Fraction(point.beat), point.value) for point in curve.points]
    while len(points) > MAX_POINTS:
        points, error = list(thin(points, error)), 2 * error
    return Curve(points=tuple(Point(p.beat, p.value) for p in points), unit=curve.unit, low=curve.low, high=curve.high)

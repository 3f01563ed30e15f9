"""Values recorded while the loop played, made into one clean curve.

The device reads its own knob at control rate: the beats jitter and may come out of order, some
readings are lost, recording starts late, and the loop may pass more than once.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ..errors import MidiError
from ..tempo import Beats, exact
from .curve import Breakpoint, Curve
from .thin import thin

MAX_READINGS = 1_000_000  # ten minutes at over a kilohertz
GAP_BEATS = Fraction(1)  # a longer silence in a pass is filled from the pass before
JITTER_BEATS = Fraction(1, 4)  # a longer way back is the loop's wrap or a jump of the transport

TICKS_PER_BEAT = 15_360  # readings are put on this grid, a hundred times finer than control rate

_Reading = tuple[Beats, float]


def record_to_curve(
    pairs: Iterable[tuple[float | Beats, float]], loop_beats: Beats, *, max_error: float | None = None
) -> Curve:
    """Return a curve over 0..`loop_beats` from readings in the order in which they came.

    Beats count from the loop's start; they may jump back to 0 at the wrap or run on past the
    loop's end. Where passes overlap the latest wins; a gap of over a beat is filled from an earlier pass
    and else drawn through straight; before the first and after the last reading the value is held.
    `max_error` (the values' unit; 1/500 of their span by default) is what thinning may change.
    Raises `MidiError` for no readings, too many, or a value that is not a number.
    """
    merged: list[_Reading] = []
    for readings in _passes(pairs, loop_beats):
        merged = _overwritten(merged, readings)
    if not merged:
        raise MidiError("nothing_recorded", "No value was recorded.", "Let the loop play once while recording.")
    start, end = (Fraction(0), merged[0][1]), (loop_beats, merged[-1][1])
    points = tuple(Breakpoint(beat, value) for beat, value in (start, *merged, end))
    points = tuple(p for i, p in enumerate(points) if i == 0 or p.beat != points[i - 1].beat)
    if max_error is None:
        values = [point.value for point in points]
        max_error = (max(values) - min(values)) / 500
    return Curve(thin(points, max_error))


def _passes(pairs: Iterable[tuple[float | Beats, float]], loop_beats: Beats) -> Iterator[list[_Reading]]:
    """Yield the readings of each pass, oldest pass first, sorted, the last of equal beats kept."""
    passes: dict[tuple[int, int], dict[Beats, float]] = {}
    jumps_back, latest = 0, None
    for count, (raw_beat, value) in enumerate(pairs):
        if count >= MAX_READINGS:
            raise MidiError(
                "too_many_readings",
                f"Over {MAX_READINGS} values were recorded.",
                "Record a single pass of the loop.",
            )
        beat = Fraction(round(exact(raw_beat) * TICKS_PER_BEAT), TICKS_PER_BEAT)
        if latest is not None and beat < latest - JITTER_BEATS:
            jumps_back += 1
            latest = beat
        latest = beat if latest is None else max(latest, beat)
        lap, inside = divmod(beat, loop_beats)
        passes.setdefault((jumps_back, int(lap)), {})[inside] = value
    for key in sorted(passes):
        yield sorted(passes[key].items())


def _overwritten(older: Sequence[_Reading], newer: Sequence[_Reading]) -> list[_Reading]:
    """Return the newer readings, with older ones before, after and in their gaps."""
    beats = [beat for beat, _ in newer]

    def in_a_gap(beat: Beats) -> bool:
        index = bisect_left(beats, beat)
        return index in (0, len(beats)) or beats[index] - beats[index - 1] > GAP_BEATS

    return sorted([*newer, *(reading for reading in older if in_a_gap(reading[0]))])

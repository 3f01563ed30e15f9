"""A Live clip's markers, and the notes that sound between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..bars import EARLY_BEATS
from ..errors import MidiError
from ..notes import Note, cut, unroll
from ..tempo import Beats

MAX_PASSES = 10_000


@dataclass(frozen=True, slots=True)
class ClipMarkers:
    """A clip's start and end markers and its loop, in beats of the clip."""

    start_marker: Beats
    end_marker: Beats
    loop_start: Beats
    loop_end: Beats
    looping: bool = True


def passes(markers: ClipMarkers, length: Beats) -> Iterator[tuple[Beats, Beats, Beats]]:
    """Yield the stretches that a clip plays in `length` beats from its launch: where each begins, and its range.

    A clip that does not loop, and one that is launched behind its loop, goes straight on. Raises `MidiError` for a
    loop of no length and for one so short that it would go round more than `MAX_PASSES` times.
    """
    start, turn = markers.start_marker, markers.loop_end - markers.loop_start
    if not markers.looping or start >= markers.loop_end:
        yield Fraction(0), start, start + length
        return
    if turn <= 0 or length / turn > MAX_PASSES:
        raise MidiError(
            "empty_loop", f"The clip's loop is {float(turn):g} beats long.", "Make the clip's loop longer in Live."
        )
    at, first = Fraction(0), start
    while at < length:
        last = min(markers.loop_end, first + length - at)
        yield at, first, last
        at, first = at + last - first, markers.loop_start


def clip_notes(notes: Sequence[Note], markers: ClipMarkers, length: Beats) -> tuple[Note, ...]:
    """Return the notes that sound in `length` beats from the clip's launch, from beat 0 on.

    A looping clip is repeated; one that does not loop falls silent at its end marker. A note just before the
    launch is its downbeat.
    """
    if markers.looping:
        return unroll(
            notes,
            start=markers.start_marker,
            loop_start=markers.loop_start,
            loop_end=markers.loop_end,
            length=length,
        )
    start, end = markers.start_marker, min(markers.end_marker, markers.start_marker + length)
    return cut((replace(n, start=start) if start - EARLY_BEATS < n.start < start else n for n in notes), start, end)

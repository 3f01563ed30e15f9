"""A Live clip's markers, and the notes that sound between them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..notes import EARLY_BEATS, Note, cut, unroll
from ..tempo import Beats


@dataclass(frozen=True, slots=True)
class ClipMarkers:
    """A clip's start and end markers and its loop, in beats of the clip."""

    start_marker: Beats
    end_marker: Beats
    loop_start: Beats
    loop_end: Beats
    looping: bool = True


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

"""Notes that were read for a loop, and sentences on how they were understood."""

from dataclasses import dataclass

from ..notes import Note
from ..tempo import Meter


@dataclass(frozen=True, slots=True)
class NotesRead:
    """Notes within a loop, from beat 0 on, and sentences on how they were understood.

    `kit` says whether notes that are asked for as drums can be distinguished by their pitches.
    """

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()
    kit: bool = False


def meter_said(name: str, own: Meter, of_loop: Meter | None) -> tuple[str, ...]:
    """Return a sentence where a file's signature is not the loop's; 4/4 is what programs write without being asked."""
    if of_loop is None or own == Meter() or own.beats_per_bar == of_loop.beats_per_bar:
        return ()
    return (f"{name} is in {own} there, the loop in {of_loop}: a time signature of {own} keeps its bars.",)

"""Notes that were read for a loop, and sentences on how they were understood."""

from dataclasses import dataclass

from ..notes import Note


@dataclass(frozen=True, slots=True)
class NotesRead:
    """Notes within a loop, from beat 0 on, and sentences on how they were understood.

    `kit` says whether notes that are asked for as drums can be distinguished by their pitches.
    """

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()
    kit: bool = False

"""Notes that were read for a loop, and sentences on how they were understood."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..bars import Bars
from ..errors import MidiError
from ..notes import Note
from ..tempo import Beats, Meter

_TUNE_WORDS = re.compile(
    r"\b(melod\w*|mélod\w*|lead|vocals?|vox|voice|solo|theme|tune|topline|gesang|stimme|voix|chant|voz|canto)\b|メロディ",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NotesRead:
    """Notes within a loop, from beat 0 on, and sentences on how they were understood.

    `kit` says whether notes that are asked for as drums can be distinguished by their pitches. `tracks` are those of a
    MIDI file with pitched notes, by number and name, where no part of it was named and all are read together.
    """

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()
    kit: bool = False
    tracks: tuple[tuple[int, str], ...] = ()


def several_said(file_name: str, tracks: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """Return a sentence for whoever follows one voice of several `tracks`, with the likeliest of them by name."""
    if len(tracks) < 2:
        return ()
    number, name = likeliest_tune(tracks)
    one = f"{file_name}#{number} is {name!r} alone" if name else f"{file_name}#{number} is one of them"
    return (f"{file_name} has {len(tracks)} tracks with pitched notes; the highest voice of all counts. {one}.",)


def likeliest_tune(tracks: Sequence[tuple[int, str]]) -> tuple[int, str]:
    """Return the first of `tracks`, by number and name, that is called like a tune; else the first."""
    return next((track for track in tracks if _TUNE_WORDS.search(track[1])), tracks[0])


def no_notes_from(what: str, bars: Bars, start: Beats, loop_beats: Beats, starts: Iterable[Beats]) -> MidiError:
    """Return the error that in `what`, as "There are no notes", is so for a loop; `starts` are those of its notes."""
    later = min((beat for beat in starts if beat >= start), default=None)
    there = "it has none after that" if later is None else f"the next is in {bars.position_of(later)}"
    return MidiError(
        "no_notes",
        f"{what} from {bars.position_of(start)} on for {float(loop_beats):g} beats; {there}.",
        "Name another position behind the @, such as @bar 33.",
    )


def meter_said(name: str, own: Meter, of_loop: Meter | None) -> tuple[str, ...]:
    """Return a sentence where a file's signature is not the loop's; 4/4 is what programs write without being asked."""
    if of_loop is None or own == Meter() or own.beats_per_bar == of_loop.beats_per_bar:
        return ()
    return (f"{name} is in {own} there, the loop in {of_loop}: a time signature of {own} keeps its bars.",)

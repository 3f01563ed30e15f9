"""Notes as values: what sounds, when, how hard.

Times and lengths are beats (quarter notes). Pitches are MIDI numbers; Live calls 60 C3.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .bars import EARLY_BEATS
from .errors import MidiError
from .tempo import Beats

DRUM_CHANNEL = 9  # MIDI channel 10, counted from 0
LATE_BEATS = Fraction(1, 16)  # beats before its end, where the last 64th may be meant
MIN_HELD_BEATS = Fraction(1, 4)  # shorter rests of a note that began before a passage are left out
MAX_UNROLLED_NOTES = 200_000  # far above any clip; a loop of one tick would never end


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    `pitch` 0..127, `start` and `duration` in beats (duration above 0), `velocity` 1..127,
    `channel` 0..15, `probability` 0..1, `velocity_deviation` -127..127 and
    `release_velocity` 0..127 as Live has them. Raises `MidiError` outside these.
    """

    pitch: int
    start: Beats
    duration: Beats
    velocity: int = 100
    channel: int = 0
    muted: bool = False
    probability: float = 1.0
    velocity_deviation: float = 0.0
    release_velocity: int = 64

    def __post_init__(self) -> None:
        _within("pitch", self.pitch, 0, 127)
        _within("velocity", self.velocity, 1, 127)
        _within("channel", self.channel, 0, 15)
        _within("probability", self.probability, 0, 1)
        _within("velocity deviation", self.velocity_deviation, -127, 127)
        _within("release velocity", self.release_velocity, 0, 127)
        if self.duration <= 0:
            raise MidiError(
                "bad_note",
                f"A note at beat {float(self.start):g} has length {float(self.duration):g}; above 0 is allowed.",
            )

    @property
    def end(self) -> Beats:
        """The beat at which the note stops."""
        return self.start + self.duration


def _within(what: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:  # false for nan, too
        raise MidiError("bad_note", f"A note's {what} is {value}; {low} to {high} is allowed.")


def sort_notes(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return the notes by start, then pitch, then channel, then length, then all else: in one order, however given."""
    return tuple(sorted(notes, key=_place))


def _place(note: Note) -> tuple[Beats | float, ...]:
    place = note.start, note.pitch, note.channel, note.duration
    return (*place, note.velocity, note.release_velocity, note.muted, note.probability, note.velocity_deviation)


def audible(notes: Iterable[Note], least_probability: float = 0.5) -> tuple[Note, ...]:
    """Return the notes that are not muted and at least as likely as not to sound."""
    return tuple(n for n in notes if not n.muted and n.probability >= least_probability)


def shift(notes: Iterable[Note], beats: Beats) -> tuple[Note, ...]:
    """Return the notes moved in time by `beats`."""
    return tuple(replace(note, start=note.start + beats) for note in notes)


def cut(notes: Iterable[Note], from_beat: Beats, to_beat: Beats) -> tuple[Note, ...]:
    """Return the notes that start in the range, moved so that `from_beat` is 0, and ended at its end.

    A note that began before the range does not sound in it: so it is when Live
    starts a clip in the middle of a note.
    """
    inside = (note for note in notes if from_beat <= note.start < to_beat)
    return sort_notes(
        replace(note, start=note.start - from_beat, duration=min(note.end, to_beat) - note.start) for note in inside
    )


def passage(notes: Iterable[Note], from_beat: Beats, to_beat: Beats, *, chase: bool = False) -> tuple[Note, ...]:
    """Return what a song plays between two beats, from 0 on and ended at the passage's end.

    A note struck just before it is its downbeat, played early. With `chase` one that sounds on into it for a sixteenth
    or longer begins there, as where Live starts to play with *Chase MIDI Notes*.
    """
    played = []
    for note in notes:
        early = from_beat - EARLY_BEATS < note.start < from_beat
        held = chase and note.start < from_beat and note.end - from_beat >= MIN_HELD_BEATS
        if held:
            note = replace(note, start=from_beat, duration=note.end - from_beat)
        elif early:
            note = replace(note, start=from_beat)
        played.append(note)
    return cut(played, from_beat, to_beat)


def settled(notes: Iterable[Note], loop_start: Beats, loop_end: Beats) -> tuple[Note, ...]:
    """Return the notes of a loop, with those moved to its downbeat that are early for it: its end is its start.

    A note that was played just before the loop's start, or just before its end, is the downbeat played early.
    Its length stays. Other notes outside the loop are left out.
    """
    moved = []
    for note in notes:
        early = loop_start - EARLY_BEATS < note.start < loop_start
        if early or max(loop_start, loop_end - LATE_BEATS) < note.start < loop_end:
            moved.append(replace(note, start=loop_start))
        elif loop_start <= note.start < loop_end:
            moved.append(note)
    return sort_notes(moved)


def unroll(
    notes: Sequence[Note],
    *,
    start: Beats,
    loop_start: Beats,
    loop_end: Beats,
    length: Beats,
) -> tuple[Note, ...]:
    """Play a looped clip for `length` beats from `start` and return the notes that sound, from 0 on.

    Play runs from `start` to `loop_end`, then from `loop_start` to `loop_end` again
    and again. A start after the loop's end never meets it, as in Live. Notes are ended
    where the play position jumps; a note just before the loop's start or end is its downbeat.
    Raises `MidiError` for an empty loop or too many notes.
    """
    if loop_end <= loop_start:
        raise MidiError(
            "empty_loop",
            f"The clip loops from beat {float(loop_start):g} to {float(loop_end):g}, which is no length.",
            "Set the loop's end after its start.",
        )
    if start >= loop_end:
        return cut(notes, start, start + length)
    body = cut(settled(notes, loop_start, loop_end), loop_start, loop_end)
    head = body if start == loop_start else _launched(notes, start, loop_end)
    position = loop_end - start
    passes = math.ceil(max(Fraction(0), length - position) / (loop_end - loop_start))
    if len(head) + passes * max(1, len(body)) > MAX_UNROLLED_NOTES:
        raise MidiError(
            "too_many_notes",
            f"The clip's loop would be repeated {passes} times, over {MAX_UNROLLED_NOTES} notes.",
            "Make the clip's loop longer or ask for fewer bars.",
        )
    played = list(cut(head, Fraction(0), length))
    for turn in range(passes):
        played += shift(body, position + turn * (loop_end - loop_start))
    return cut(played, Fraction(0), length)


def _launched(notes: Sequence[Note], start: Beats, loop_end: Beats) -> tuple[Note, ...]:
    """Return the notes from the launch to the loop's end; an early note there sounds after the jump."""
    first = (replace(n, start=start) if start - EARLY_BEATS < n.start < start else n for n in notes)
    return cut((n for n in first if n.start <= loop_end - LATE_BEATS), start, loop_end)

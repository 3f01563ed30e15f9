"""Curves, notes and onsets that are sent as numbers, row by row, as targets of a request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.errors import BadRequestError
from engine.request import Curve, Notes, Onsets, Point, Target
from midi.bars import EARLY_BEATS
from midi.grooves.rhythm import Onset, is_kit, kind_of, onsets
from midi.melody import melody
from midi.notes import Note, cut, settled
from midi.tempo import TICKS_PER_BEAT, snapped


@dataclass(frozen=True, slots=True)
class Rows:
    """One curve, clip or rhythm.

    Rows of a curve are (beat, value) in `unit` db, hz or unit, of notes (pitch, beat, duration, velocity), of onsets
    (beat, strength, group). Beats are quarter notes from the loop's start.
    """

    rows: tuple[tuple[Any, ...], ...]
    unit: str = ""


Chunks = Mapping[tuple[str, str], Rows]
"""By part (`curve`, `notes` or `onsets`) and control."""


def read_rows(
    part: str, kind: str, sent: Rows, loop_beats: Fraction, say: Callable[[str], None] = lambda _: None
) -> Target:
    """Return rows as the target of the control `kind`: a rhythm's notes are strokes, a melody's are one voice.

    `say` gets a sentence on what lies behind the loop's end. Raises `BadRequestError` where all of it does, and for a
    rhythm without hits.
    """
    if part == "curve":
        points = tuple(Point(max(snapped(beat), Fraction(0)), float(value)) for beat, value in sent.rows)
        return Curve(points=points, unit=sent.unit or "db")  # type: ignore[arg-type]  # checked by the table of OSC
    if part == "onsets":
        _say_outside(kind, "hits", [beat for beat, _strength, _group in sent.rows], loop_beats, say)
        strokes = (Onset(_on_downbeat(snapped(beat)), float(strength), group) for beat, strength, group in sent.rows)
        inside = tuple(sorted(stroke for stroke in strokes if 0 <= stroke.beat < loop_beats))
        if not inside:
            raise BadRequestError(f"The {kind} has no hits.", remedy="Send one at least, or leave it out.")
        return Onsets(onsets=inside)
    played = sounding(sent, loop_beats, kind, say)
    if kind == "rhythm":
        return Onsets(onsets=onsets(played, kind_of(played, kit=is_kit(played))))
    return Notes(notes=melody(played) if kind == "melody" else played)


def velocities(chunks: Chunks, loop_beats: Fraction) -> Curve:
    """Return a curve of steps in 0..1: at each note's start the loudest velocity / 127, held to the next.

    Raises `BadRequestError` for a clip without notes in the loop.
    """
    sent = chunks.get(("notes", "intensity")) or chunks.get(("notes", "melody"))
    loudest: dict[Fraction, float] = {}
    for note in sounding(sent, loop_beats) if sent else ():
        loudest[note.start] = max(loudest.get(note.start, 0.0), note.velocity / 127)
    if not loudest:
        raise BadRequestError("The clip whose velocities are the intensity has no notes in the loop.")
    points: list[Point] = []
    for beat, level in sorted(loudest.items()):
        if points:
            points.append(Point(beat, points[-1].value))
        points.append(Point(beat, level))
    return Curve(points=tuple(points), unit="unit")


def _say_outside(
    kind: str, what: str, starts: Sequence[float], loop_beats: Fraction, say: Callable[[str], None]
) -> None:
    behind = sum(snapped(start) >= loop_beats for start in starts)
    if behind and behind == len(starts):
        raise BadRequestError(
            f"The first of the {kind}'s {what} is at beat {min(starts):g}; this loop has beats 0 to "
            f"{float(loop_beats):g}.",
            remedy="Count beats from the loop's start, or ask for more bars.",
        )
    if behind:
        say(f"{kind}: {behind} of {len(starts)} {what} lie behind the loop's end and are left out.")


def _on_downbeat(beat: Fraction) -> Fraction:
    """Return the beat of a stroke, 0 for one that is early for the downbeat."""
    return Fraction(0) if -EARLY_BEATS < beat < 0 else beat


def sounding(
    sent: Rows, loop_beats: Fraction, kind: str = "clip", say: Callable[[str], None] = lambda _: None
) -> tuple[Note, ...]:
    """Return the notes of rows that sound in the loop, early ones on its downbeat.

    `say` gets a sentence on those of the `kind` behind the loop's end; raises `BadRequestError` where all are there.
    """
    starts = [start for _pitch, start, _duration, velocity in sent.rows if int(velocity)]
    _say_outside(kind, "notes", starts, loop_beats, say)
    return cut(settled(_notes(sent.rows), Fraction(0), loop_beats), Fraction(0), loop_beats)


def _notes(rows: tuple[tuple[Any, ...], ...]) -> Iterator[Note]:
    """Yield the notes of rows; one of velocity 0 is MIDI's other spelling of a note off, and does not sound."""
    for pitch, start, duration, velocity in rows:
        if int(velocity) == 0:
            continue
        length = max(snapped(duration), Fraction(1, TICKS_PER_BEAT))
        yield Note(pitch=int(pitch), start=snapped(start), duration=length, velocity=int(velocity))

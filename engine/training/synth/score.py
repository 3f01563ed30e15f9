"""Notes and drum hits in beats: the musical half of a loop, before any sound."""

from __future__ import annotations

import msgspec


class Note(msgspec.Struct, frozen=True):
    """A held note: start and length in beats (quarter notes), MIDI pitch, velocity 0..1.

    `slide` marks a note that glides from the one before it.
    """

    beat: float
    beats: float
    pitch: int
    velocity: float
    slide: bool = False


class Hit(msgspec.Struct, frozen=True):
    """A drum hit: start in beats, its piece and velocity 0..1."""

    beat: float
    piece: str
    velocity: float


class Score(msgspec.Struct, frozen=True):
    """All that sounds: drum hits, and the notes of each part by the part's index in the recipe."""

    beats: float
    hits: tuple[Hit, ...]
    parts: tuple[tuple[Note, ...], ...]


def swung(beat: float, swing: float) -> float:
    """Return a straight position in beats moved to the swung grid of sixteenths (`swing` 0.5 is straight)."""
    pair = beat * 2.0
    whole = int(pair // 1.0)
    part = pair - whole
    bent = part * 2.0 * swing if part < 0.5 else swing + (part - 0.5) * 2.0 * (1.0 - swing)
    return (whole + bent) / 2.0


def swing_note(note: Note, swing: float) -> Note:
    """Return the note with both ends on the swung grid."""
    start = swung(note.beat, swing)
    end = swung(note.beat + note.beats, swing)
    return msgspec.structs.replace(note, beat=round(start, 6), beats=round(max(end - start, 0.02), 6))

"""A Live clip as the device reads it: note dictionaries and the clip's markers.

`get_notes_extended` and its relatives give a JSON text or a dictionary with nine keys a note;
`mute` is 0 or 1, velocities are floats, times are beats of the clip. Keys may be missing where
the caller asked for some only; `pitch`, `start_time` and `duration` must be there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from ..errors import MidiError
from ..files.text import decoded
from ..notes import EARLY_BEATS, Note, cut, sort_notes, unroll
from ..tempo import Beats, exact

MAX_CLIP_NOTES = 100_000
MAX_TEXT_BYTES = 64 * 2**20


class _LiveNote(msgspec.Struct):
    """One note with Live's names; keys that a later Live adds are passed over."""

    pitch: float
    start_time: float
    duration: float
    velocity: float = 100.0
    mute: bool | float = False
    probability: float = 1.0
    velocity_deviation: float = 0.0
    release_velocity: float = 64.0
    note_id: float | None = None  # names a note inside Live only


class _LiveNotes(msgspec.Struct):
    notes: list[_LiveNote]


@dataclass(frozen=True, slots=True)
class ClipMarkers:
    """A clip's start and end markers and its loop, in beats of the clip."""

    start_marker: Beats
    end_marker: Beats
    loop_start: Beats
    loop_end: Beats
    looping: bool = True

    @classmethod
    def from_live(cls, properties: Mapping[str, float | int | str | bool]) -> "ClipMarkers":
        """Read the Live properties of the same names; raises `MidiError` if one is missing."""
        try:
            start, end, loop_start, loop_end = (
                exact(properties[name]) for name in ("start_marker", "end_marker", "loop_start", "loop_end")
            )
        except KeyError as error:
            raise MidiError("bad_clip", f"The clip's {error.args[0]} is missing.", "Send all four markers.") from None
        return cls(start, end, loop_start, loop_end, bool(properties.get("looping", True)))


def notes_from_live(data: str | bytes | Mapping[str, object] | Sequence[object]) -> tuple[Note, ...]:
    """Return the notes of a Live note dictionary, its list of notes, or its JSON text, sorted.

    Muted and unlikely notes are kept as such, and so are those of velocity 0, as muted. Velocities are rounded and
    held within 1..127; notes of no length are left out, as Live does not play them. Raises `MidiError`.
    """
    try:
        notes = _decoded(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise _bad_notes(str(error)) from error
    if len(notes) > MAX_CLIP_NOTES:
        raise MidiError(
            "too_many_notes",
            f"The clip holds {len(notes)} notes; {MAX_CLIP_NOTES} are allowed.",
            "Choose a shorter clip.",
        )
    return sort_notes(_note(note) for note in notes if note.duration != 0)


def clip_notes(notes: Sequence[Note], markers: ClipMarkers, length: Beats) -> tuple[Note, ...]:
    """Return what is heard in `length` beats from the clip's launch, from beat 0 on.

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


def _decoded(data: str | bytes | Mapping[str, object] | Sequence[object]) -> list[_LiveNote]:
    if isinstance(data, str | bytes):
        if len(data) > MAX_TEXT_BYTES:
            raise _bad_notes("the text is too long")
        raw = (data if isinstance(data, str) else decoded(data)).lstrip("\ufeff").encode()
        if raw.lstrip()[:1] == b"[":
            return msgspec.json.decode(raw, type=list[_LiveNote])
        return msgspec.json.decode(raw, type=_LiveNotes).notes
    if isinstance(data, Mapping):
        return msgspec.convert(data, _LiveNotes, strict=False).notes
    return msgspec.convert(data, list[_LiveNote], strict=False)


def _note(live: _LiveNote) -> Note:
    numbers = (live.pitch, live.velocity, live.release_velocity, live.probability, live.velocity_deviation)
    if not all(math.isfinite(number) for number in numbers):
        raise _bad_notes("a note has a value that is not a number")
    return Note(
        pitch=round(live.pitch),
        start=exact(live.start_time),
        duration=exact(live.duration),
        velocity=min(max(round(live.velocity), 1), 127),
        muted=bool(live.mute) or live.velocity <= 0,
        probability=min(max(live.probability, 0.0), 1.0),
        velocity_deviation=min(max(live.velocity_deviation, -127.0), 127.0),
        release_velocity=min(max(round(live.release_velocity), 0), 127),
    )


def _bad_notes(reason: str) -> MidiError:
    return MidiError(
        "bad_live_notes",
        f"The clip's notes are not as Live gives them: {reason[:120].rstrip('.')}.",
        "Pass on what get_notes_extended returns.",
    )

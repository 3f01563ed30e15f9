"""From what a producer types or points at to a target: curves, notes, onsets, words, audio.

Each function returns a value that the request carries, and the sentences worth saying about it. All raise
`MidiError` or `BadInputError` with the file's name in the sentence.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.audio.wav import read_audio
from engine.errors import BadRequestError
from engine.request import Audio, Curve, Notes, Onsets, Point, Words
from midi.curves.automation import Curve as Automation
from midi.curves.automation import flattened, from_json, parse_points
from midi.errors import MidiError
from midi.melody import melody
from midi.notes import Note, cut, shift, sort_notes
from midi.rhythm import onsets
from midi.tempo import exact

from .live_lane import LaneReference, read_lane, short_beat

if TYPE_CHECKING:
    from midi.smf.read import ScoreTrack

_PAIRS = re.compile(r"[\s\d.]|$")  # an empty one is refused in better words later
_FORM = re.compile(r"[A-Za-z]{1,32}")


class Clip(NamedTuple):
    """The notes of a file within the loop, and what was said about them."""

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()


def curve(text: str, loop_beats: Fraction, unit: str = "db") -> Curve:
    """Read `0:-30 8:-9`, a JSON file, or a lane of a Live set such as `SET.als#Track/Device/Parameter@16`."""
    if ".als" in text.lower():
        return read_lane(LaneReference.parse(text), loop_beats)
    if text.lower().endswith(".json"):
        return as_curve(from_json(Path(text), loop_beats), unit)
    if not _PAIRS.match(text):
        raise MidiError(
            "not_a_curve",
            f"{text[:80]!r} is no curve: beat:value pairs, a .json file or a lane of an .als file are.",
            "Write points like 0:-30 8:-9 16:-30.",
        )
    return as_curve(parse_points(text, loop_beats), unit)


def as_curve(automation: Automation, unit: str) -> Curve:
    """Return breakpoints as the request has them, bent segments as many straight ones."""
    points = (Point(short_beat(point.beat), float(point.value)) for point in flattened(automation).points)
    return Curve(points=tuple(points), unit=unit)  # type: ignore[arg-type]  # callers pass one of three


def melody_notes(text: str, loop_beats: Fraction) -> tuple[Notes, tuple[str, ...]]:
    """Read one voice from `FILE.mid` or `FILE.mid#Track`."""
    clip = read_clip(text, loop_beats)
    with _naming(text):
        return Notes(notes=melody(clip.notes)), clip.remarks


def rhythm_onsets(text: str, loop_beats: Fraction) -> tuple[Onsets, tuple[str, ...]]:
    """Read strokes from `FILE.mid` or `FILE.mid#Track`."""
    clip = read_clip(text, loop_beats)
    with _naming(text):
        return Onsets(onsets=onsets(clip.notes)), clip.remarks


def read_clip(text: str, loop_beats: Fraction) -> Clip:
    """Return the notes of a MIDI file, or of one of its tracks, that lie in the loop.

    A clip whose length fits into the loop several times is repeated, as Live would play it.
    """
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    path, track_name = split_name(text)
    score = read_midi(path)
    with _naming(text):
        tracks = (score.track(track_name),) if track_name else score.tracks
        notes, end = _together(tracks)
        inside = cut(notes, Fraction(0), loop_beats)
        if notes and not inside:
            raise MidiError(
                "outside_loop",
                f"The first note is at beat {float(notes[0].start):g}; this loop has beats 0 to {float(loop_beats):g}.",
                "Move the notes to the start of the file, or ask for more bars.",
            )
    turns = int(loop_beats / end) if end >= 1 and loop_beats % end == 0 else 1
    if turns < 2:
        return Clip(inside, score.remarks)
    repeated = tuple(note for turn in range(turns) for note in shift(inside, turn * end))
    return Clip(repeated, (*score.remarks, f"{path.name} lasts {float(end):g} beats and is played {turns} times."))


def _together(tracks: "Sequence[ScoreTrack]") -> tuple[tuple[Note, ...], Fraction]:
    """Return the notes of all tracks and the beat at which the longest one ends."""
    notes = sort_notes(note for track in tracks for note in track.notes)
    return notes, max((track.end for track in tracks), default=Fraction(0))


def split_name(text: str) -> tuple[Path, str]:
    """Return path and track of `FILE.mid#Track`; a file whose own name holds # is taken as it is."""
    whole = Path(text)
    if "#" not in text or _exists(whole):
        return whole, ""
    file, _, name = text.partition("#")
    return Path(file), name


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


@contextmanager
def _naming(text: str) -> Iterator[None]:
    """Put the file's name in front of what is said about its notes."""
    try:
        yield
    except MidiError as error:
        raise MidiError(error.code, f"{Path(text).name}: {error.sentence}", error.remedy) from error


def structure(text: str) -> Words | Audio:
    """Read a form such as `AABA`, or reference audio."""
    return Words(text=text.upper()) if _FORM.fullmatch(text) and not _exists(Path(text)) else audio(Path(text))


def audio(path: Path, keep: tuple[tuple[Fraction, Fraction], ...] = ()) -> Audio:
    """Read reference audio; `keep` are ranges of beats."""
    samples, sample_rate = read_audio(path)
    return Audio(
        samples=samples.T.astype("<f4").tobytes(),
        sample_rate=sample_rate,
        channels=samples.shape[0],
        keep=keep,
    )


def beat_range(text: str, what: str) -> tuple[Fraction, Fraction]:
    """Read `FROM:TO` in beats."""
    start, colon, end = text.partition(":")
    if not colon:
        raise BadRequestError(f"{what} is {text!r}; write two beats with a colon, such as 0:8.")
    first, last = exact(start), exact(end)
    if not 0 <= first < last:
        raise BadRequestError(f"{what} is {text!r}; the beats must rise from 0.")
    return first, last


def named_value(text: str, what: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise BadRequestError(f"{what} is {text!r}; write a name, = and a value.")
    return name.strip(), value.strip()

"""From what a producer types or points at to a target: curves, notes, onsets, words, audio.

Each function returns a value that the request carries, and the sentences worth saying about it. All raise
`MidiError` or `BadInputError` with the file's name in the sentence.
"""

import re
from fractions import Fraction
from pathlib import Path

from engine.audio.wav import read_audio
from engine.errors import BadRequestError
from engine.request import Audio, Curve, Notes, Onsets, Point, Words
from midi.curves.automation import Curve as Automation
from midi.curves.automation import flattened, from_json, parse_points
from midi.errors import MidiError
from midi.files.file_part import split_file_part
from midi.live.note_file import naming, read_notes
from midi.melody import melody, pitched
from midi.rhythm import kind_of, onsets
from midi.tempo import exact

from .live_lane import LaneReference, names_set, read_lane, short_beat

_PAIRS = re.compile(r"[\s\d.+\-\u2212]|$")  # an empty one is refused in better words later
_FORM = re.compile(r"[A-Za-z]{1,32}")


def curve(text: str, loop_beats: Fraction, unit: str = "db") -> Curve:
    """Read `0:-30 8:-9`, a JSON file, or a lane of a Live set such as `SET.als#Track/Device/Parameter@16`."""
    if names_set(text):
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
    """Read one voice from `FILE.mid`, `FILE.mid#Track`, `SET.als#Track` or `CLIP.alc`."""
    found = read_notes(text, loop_beats)
    with naming(split_file_part(text).path):
        line = pitched(found.notes)
        return Notes(notes=melody(line.notes)), (*found.remarks, *line.remarks)


def rhythm_onsets(text: str, loop_beats: Fraction) -> tuple[Onsets, tuple[str, ...]]:
    """Read strokes from `FILE.mid`, `FILE.mid#Track`, `SET.als#Track` or `CLIP.alc`."""
    found = read_notes(text, loop_beats)
    with naming(split_file_part(text).path):
        return Onsets(onsets=onsets(found.notes, kind_of(found.notes, kit=found.kit))), found.remarks


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


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

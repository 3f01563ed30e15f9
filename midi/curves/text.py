"""Curves as people and files write them: `0:-30 8:-9 16:-30`, `0: -30dB`, one number for all, or JSON."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..errors import MidiError
from ..files.names import printable
from ..files.opening import read_bytes
from ..files.text import decoded
from ..tempo import Beats, exact
from .bezier import Handles
from .curve import Breakpoint, Curve

MAX_POINTS = 100_000
MAX_FILE_BYTES = 16 * 2**20
_COLON = re.compile(r"\s*:\s*")
_SEPARATORS = re.compile(r"[\s,;]+")
_UNITS = r"(dBFS|dB|kHz|Hz)"
_UNIT = re.compile(rf"(.*?){_UNITS}", re.IGNORECASE)
_UNIT_APART = re.compile(rf"(?<=[0-9.])\s+{_UNITS}\b", re.IGNORECASE)
REMEDY = "Write points like 0:-30 8:-9 16:-30, each beat:value."


class _Point(msgspec.Struct, forbid_unknown_fields=True):
    beat: float
    value: float
    curve: Handles | None = None


class _Points(msgspec.Struct):
    points: list[_Point]


def parse_points(text: str, loop_beats: Beats | None = None) -> Curve:
    """Read `beat:value` pairs, apart by blanks, commas or semicolons; beats are decimals or `n/d`.

    A value may carry its unit, dB, Hz or kHz. One value alone holds for the whole loop. Raises `MidiError` for what
    is not a number, beats that go back, and beats outside 0..`loop_beats` where that is given.
    """
    words = _SEPARATORS.split(_UNIT_APART.sub(r"\1", _COLON.sub(":", text)).strip())
    words = [word for word in words if word]
    if len(words) > MAX_POINTS:
        raise _too_many(len(words))
    if len(words) == 1 and ":" not in words[0] and words[0].strip("0."):  # 0 alone is no level, but half of a point
        words = [f"0:{words[0]}"]
    points = tuple(_parse_point(word) for word in words)
    return within_loop(Curve(points), loop_beats)


def from_json(source: Path | str | bytes, loop_beats: Beats | None = None) -> Curve:
    """Read a curve from a JSON file's path, or from its bytes.

    Either `[[beat, value], ...]` or `{"points": [{"beat": 0, "value": -30, "curve": [x1, y1, x2, y2]},
    ...]}`, or that list alone; `curve` may be left out. One number alone holds for the whole loop. The text is UTF-8,
    with or without a mark, or UTF-16. Raises `MidiError` as `parse_points` does.
    """
    name, data = ("the curve", source) if isinstance(source, bytes) else _load(Path(source))
    points = _decode(name, data)
    if len(points) > MAX_POINTS:
        raise _too_many(len(points))
    breakpoints = (Breakpoint(exact(p.beat), p.value, p.curve) for p in points)
    return within_loop(Curve(tuple(breakpoints)), loop_beats)


def within_loop(curve: Curve, loop_beats: Beats | None) -> Curve:
    """Return the curve; raises `MidiError` for a beat outside 0..`loop_beats`."""
    if loop_beats is None:
        return curve
    for point in curve.points:
        if not 0 <= point.beat <= loop_beats:
            raise MidiError(
                "beat_outside_loop",
                f"Beat {float(point.beat):g} is outside the loop; 0 to {float(loop_beats):g} is allowed.",
                "Beats are quarter notes from the loop's start; more bars make it longer.",
            )
    return curve


def _parse_point(word: str) -> Breakpoint:
    beat, colon, value = word.partition(":")
    if not colon or not beat or not value:
        raise MidiError("bad_point", f"{word[:40]!r} is not beat:value.", REMEDY)
    try:
        return Breakpoint(exact(beat), _value(value))
    except MidiError as error:
        raise MidiError("bad_point", f"In {word[:40]!r}: {error.sentence}", REMEDY) from None
    except OverflowError:
        raise MidiError("bad_point", f"In {word[:40]!r} the value is too large.", REMEDY) from None


def _value(text: str) -> float:
    """Return a value in its curve's unit: dB, or Hz where it is a frequency."""
    match = _UNIT.fullmatch(text)
    number, unit = match.groups() if match else (text, "")
    return float(exact(number)) * (1000.0 if unit.lower() == "khz" else 1.0)


def _load(path: Path) -> tuple[str, bytes]:
    data = read_bytes(path, MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        raise MidiError("curve_too_big", f"{path.name} is over {MAX_FILE_BYTES // 2**20} MB.", "Thin the curve.")
    return path.name, data


def _decode(name: str, data: bytes) -> Sequence[_Point]:
    try:
        text = decoded(data).strip()
        if text[:1] == "[" and text[1:].lstrip()[:1] == "{":
            return msgspec.json.decode(text, type=list[_Point])
        if text[:1] == "[":
            return [_Point(beat, value) for beat, value in msgspec.json.decode(text, type=list[tuple[float, float]])]
        if text[:1] == "{":
            return msgspec.json.decode(text, type=_Points).points
        return [_Point(0.0, msgspec.json.decode(text, type=float))]
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MidiError(
            "bad_curve_file",
            f"{name} is not a curve: {printable(str(error)[:120]).rstrip('.')}.",
            "Write [[0, -30], [8, -9], [16, -30]].",
        ) from error


def _too_many(count: int) -> MidiError:
    return MidiError(
        "too_many_points",
        f"The curve has {count} breakpoints; {MAX_POINTS} are allowed.",
        "Thin the curve first.",
    )

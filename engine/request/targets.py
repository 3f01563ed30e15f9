"""The targets of controls: a curve, notes, onsets, words, a number or audio."""

import math
from fractions import Fraction
from typing import Literal, get_args

import msgspec

from midi.grooves.rhythm import Group, Onset
from midi.notes import Note
from midi.tempo import exact

from ..errors import BadRequestError
from .values import Value, beat_range, make_tuple, shown

CurveUnit = Literal["db", "hz", "unit"]
CURVE_UNITS = get_args(CurveUnit)

MIN_AUDIO_RATE_HZ, MAX_AUDIO_RATE_HZ = 8_000, 192_000  # of reference audio on the wire


class Point(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A breakpoint of a curve: `beat` in quarter notes from the loop's start, `value` in the curve's unit."""

    beat: Fraction
    value: float


class Curve(Value, frozen=True, tag="curve"):
    """Breakpoints, linear between, held at the ends; two at one beat are a jump.

    Unit `db` is dBFS RMS, `hz` is hertz, `unit` is 0..1 of the range `low`..`high` (in the control's own unit).
    """

    points: tuple[Point, ...]
    unit: CurveUnit = "db"
    low: float = -36.0
    high: float = -14.0

    def __post_init__(self) -> None:
        """Convert pairs of beat and value to points; raise `BadRequestError` for bad values or beats out of order."""
        make_tuple(self, "points", lambda row: Point(exact(row[0]), float(row[1])), Point, "pairs of beat and value")
        if not self.points:
            raise BadRequestError("A curve needs at least one breakpoint.")
        if self.unit not in CURVE_UNITS:
            raise BadRequestError(f"unit of Curve is {shown(self.unit)}; write {', '.join(CURVE_UNITS)}.")
        if len(self.points) > 100_000:
            raise BadRequestError(f"A curve may have 100,000 breakpoints, this one has {len(self.points)}.")
        for before, point in zip(self.points[:1] + self.points, self.points, strict=False):
            if not math.isfinite(point.value) and point.value != -math.inf:
                raise BadRequestError(f"The value at beat {float(point.beat):g} is {point.value}, not a number.")
            if point.beat < before.beat:
                raise BadRequestError(
                    f"Beat {float(point.beat):g} comes after {float(before.beat):g}; put them in order."
                )


class Notes(Value, frozen=True, tag="notes"):
    """Notes of a melody; beats and durations are in quarter notes, from the loop's start."""

    notes: tuple[Note, ...]

    def __post_init__(self) -> None:
        """Convert rows of pitch, beat, duration and perhaps velocity; raise `BadRequestError` for bad or too many."""
        make_tuple(
            self,
            "notes",
            lambda row: Note(int(row[0]), exact(row[1]), exact(row[2]), *row[3:]),
            Note,
            "rows of pitch, beat, duration and velocity",
        )
        if len(self.notes) > 20_000:
            raise BadRequestError(f"A clip may have 20,000 notes, this one has {len(self.notes)}.")


class Onsets(Value, frozen=True, tag="onsets"):
    """Hits of a rhythm: beats in quarter notes from the loop's start, strengths 0..1, and drum groups."""

    onsets: tuple[Onset, ...]

    def __post_init__(self) -> None:
        """Convert rows of beat, strength and perhaps group; raise `BadRequestError` for others."""
        make_tuple(
            self,
            "onsets",
            lambda row: Onset(exact(row[0]), float(row[1]), *row[2:]),
            Onset,
            "rows of beat, strength and group",
        )
        for onset in self.onsets:
            if not 0 <= onset.strength <= 1 or onset.group not in get_args(Group):
                raise BadRequestError(
                    f"The onset at beat {float(onset.beat):g} has strength {onset.strength:g} and group "
                    f"{onset.group!r}; strengths 0 to 1 and {', '.join(get_args(Group))} are allowed."
                )


class Words(Value, frozen=True, tag="words"):
    """A text: the form `AABA` of a structure, or a prompt of its own for the text control."""

    text: str


class Number(Value, frozen=True, tag="number"):
    """A single number, in the control's own unit."""

    value: float

    def __post_init__(self) -> None:
        """Raise `BadRequestError` for a value that is not finite."""
        if not math.isfinite(self.value):
            raise BadRequestError(f"The value is {self.value:g}, not a finite number.")


class Audio(Value, frozen=True, tag="audio"):
    """Reference audio: float32 little-endian samples, full scale 1, channels interleaved, at `sample_rate` in hertz.

    What the engine makes is an `engine.events.Sound`, whose fields need no checks.
    """

    samples: bytes
    sample_rate: int
    channels: int = 2
    keep: tuple[tuple[Fraction, Fraction], ...] = ()  # beats to keep (inpaint, outpaint)

    def __post_init__(self) -> None:
        """Raise `BadRequestError` for other channels or rates, and for samples that are empty or not whole frames."""
        make_tuple(self, "keep", beat_range, None, "ranges of beats")
        if self.channels not in (1, 2):
            raise BadRequestError(f"Reference audio may be mono or stereo, this has {self.channels} channels.")
        if not MIN_AUDIO_RATE_HZ <= self.sample_rate <= MAX_AUDIO_RATE_HZ:
            raise BadRequestError(f"Reference audio may have 8,000 to 192,000 Hz, this has {self.sample_rate}.")
        if len(self.samples) % (4 * self.channels) or not self.samples:
            raise BadRequestError("The reference audio is empty or not whole frames of float32.")


Target = Curve | Notes | Onsets | Words | Number | Audio
TARGETS = get_args(Target)

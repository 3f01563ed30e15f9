"""What a producer asks for: one loop, the same type from command line, OSC and ZeroMQ.

A `LoopRequest` that exists is valid: everything is checked when it is made, and nowhere else.
Musical time is beats (quarter notes) as exact fractions; it becomes samples in `midi.tempo` only.
Targets are values, never paths: whoever sits beside the files (command line, bridge) reads them.
"""

import math
import re
import secrets
from fractions import Fraction
from typing import Literal

import msgspec

from midi.errors import MidiError
from midi.key import Key
from midi.notes import Note
from midi.rhythm import Onset
from midi.tempo import Meter, loop_beats, loop_samples

from .errors import BadRequestError

Method = Literal["ditto2", "ditto", "ditto-paper", "guidance", "none"]
Quality = Literal["draft", "normal", "best"]

MAX_BARS = 16
MAX_COUNT = 8
MAX_SOUND_BYTES = 240 * 2**20  # of a take, stereo float32; with its noise it crosses the wire as one message
MAX_SEED = 2**53 - 1  # the largest whole number that a Max float carries without loss
ASK_LEVELS = ("intensity", "intensity-paper")  # controls that ask for a level, which one gain for all could miss
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common form of all parts of a request."""


class Point(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A breakpoint of a curve: `beat` in quarter notes from the loop's start, `value` in the curve's unit."""

    beat: Fraction
    value: float


class Curve(_Value, frozen=True, tag="curve"):
    """Breakpoints, linear between, held at the ends; two at one beat are a jump.

    Unit `db` is dBFS RMS, `hz` is hertz, `unit` is 0..1 of the range `low`..`high` (in the control's own unit).
    """

    points: tuple[Point, ...]
    unit: Literal["db", "hz", "unit"] = "db"
    low: float = -36.0
    high: float = -14.0

    def __post_init__(self) -> None:
        """Refuse a curve that has no meaning."""
        if not self.points:
            raise BadRequestError("A curve needs at least one breakpoint.")
        if len(self.points) > 100_000:
            raise BadRequestError(f"A curve may have 100,000 breakpoints, this one has {len(self.points)}.")
        for before, point in zip(self.points[:1] + self.points, self.points, strict=False):
            if not math.isfinite(point.value) and point.value != -math.inf:
                raise BadRequestError(f"The value at beat {float(point.beat):g} is {point.value}, not a number.")
            if point.beat < before.beat:
                raise BadRequestError(
                    f"Beat {float(point.beat):g} comes after {float(before.beat):g}; put them in order."
                )


class Notes(_Value, frozen=True, tag="notes"):
    """Notes of a melody, at beats within the loop."""

    notes: tuple[Note, ...]

    def __post_init__(self) -> None:
        """Refuse what no clip holds."""
        if len(self.notes) > 20_000:
            raise BadRequestError(f"A clip may have 20,000 notes, this one has {len(self.notes)}.")


class Onsets(_Value, frozen=True, tag="onsets"):
    """Hits of a rhythm with their strengths 0..1."""

    onsets: tuple[Onset, ...]


class Words(_Value, frozen=True, tag="words"):
    """A text: the form `AABA` of a structure, or a prompt of its own for the text control."""

    text: str


class Audio(_Value, frozen=True, tag="audio"):
    """Reference audio: float32 little-endian samples, channels interleaved."""

    samples: bytes
    sample_rate: int
    channels: int = 2
    keep: tuple[tuple[Fraction, Fraction], ...] = ()  # beats to keep (inpaint, outpaint)

    def __post_init__(self) -> None:
        """Refuse audio that is not whole frames."""
        if self.channels not in (1, 2):
            raise BadRequestError(f"Reference audio may be mono or stereo, this has {self.channels} channels.")
        if not 8_000 <= self.sample_rate <= 192_000:
            raise BadRequestError(f"Reference audio may have 8,000 to 192,000 Hz, this has {self.sample_rate}.")
        if len(self.samples) % (4 * self.channels) or not self.samples:
            raise BadRequestError("The reference audio is empty or not whole frames of float32.")


Target = Curve | Notes | Onsets | Words | Audio


class Control(_Value, frozen=True):
    """One control: what kind, its target, how much it counts, and where it holds.

    `kind` is the name of a row in `engine.controls`; kinds are open, target types are not.
    `within` is a range of beats outside which the control is free.
    """

    kind: str
    target: Target
    weight: float = 1.0
    within: tuple[Fraction, Fraction] | None = None

    def __post_init__(self) -> None:
        """Check the weight and the range."""
        if not 0 < self.weight <= 1000:
            raise BadRequestError(f"The weight of {self.kind} is {self.weight:g}; it may be above 0 up to 1000.")
        if self.within is not None and not 0 <= self.within[0] < self.within[1]:
            raise BadRequestError(f"The beats of {self.kind} must rise from 0; they are {_beats(self.within)}.")


class Budget(_Value, frozen=True):
    """When to stop optimising, whichever comes first; `None` leaves it to method and quality."""

    steps: int | None = None
    seconds: float | None = None
    until_tolerance: bool = True  # stop when each control is within its tolerance

    def __post_init__(self) -> None:
        """Check the limits."""
        if self.steps is not None and not 0 <= self.steps <= 10_000:
            raise BadRequestError(f"Steps may be 0 to 10,000, not {self.steps}.")
        if self.seconds is not None and not 0 < self.seconds <= 3_600:
            raise BadRequestError(f"Seconds may be above 0 up to 3,600, not {self.seconds:g}.")


class Start(_Value, frozen=True):
    """A warm start: the stored noise of an earlier take (safetensors) and how far to vary it, 0..1."""

    noise: bytes
    variation: float = 0.0
    take_id: str = ""

    def __post_init__(self) -> None:
        """Check the amount."""
        if not 0 <= self.variation <= 1:
            raise BadRequestError(f"Variation may be 0 to 1, not {self.variation:g}.")


def new_id() -> str:
    """Return a fresh request id."""
    return secrets.token_hex(6)


class LoopRequest(_Value, frozen=True):
    """One loop of `bars` bars at `tempo_bpm`; see `docs/request.md` for every field."""

    prompt: str = ""
    negative_prompt: str = ""
    tempo_bpm: Fraction = Fraction(120)
    meter: Meter = Meter(4, 4)
    bars: int = 4
    key: str | None = None
    seed: int = 0
    count: int = 1
    model: str = "pocket"
    method: Method = "ditto2"
    quality: Quality = "normal"
    budget: Budget = Budget()
    controls: tuple[Control, ...] = ()
    loop: bool = True
    start: Start | None = None
    slot: str = ""
    sample_rate: int = 44_100
    request_id: str = msgspec.field(default_factory=new_id)

    def __post_init__(self) -> None:
        """Refuse, in one sentence, whatever cannot be made."""
        _in_range("Tempo", float(self.tempo_bpm), 20, 999, " BPM")
        _in_range("Bars", self.bars, 1, MAX_BARS)
        _in_range("Count", self.count, 1, MAX_COUNT)
        _in_range("Seed", self.seed, 0, MAX_SEED)
        _in_range("Sample rate", self.sample_rate, 8_000, 192_000, " Hz")
        for name, text, limit in (
            ("prompt", self.prompt, 2_000),
            ("negative prompt", self.negative_prompt, 2_000),
            ("slot", self.slot, 200),
            ("model", self.model, 500),
        ):
            if len(text) > limit:
                raise BadRequestError(f"The {name} has {len(text)} characters; it may have {limit}.")
        self._check_size()
        if not _ID.fullmatch(self.request_id):
            raise BadRequestError("A request id is 1 to 64 letters, digits, - or _.")
        if self.key is not None:
            try:
                Key.parse(self.key)
            except MidiError as error:
                raise BadRequestError(error.sentence, remedy=error.remedy) from error
        for control in self.controls:
            self._check_beats(control)

    def _check_size(self) -> None:
        """Refuse a loop whose take would not cross the wire."""
        size_bytes = 8 * self.samples
        if size_bytes > MAX_SOUND_BYTES:
            raise BadRequestError(
                f"A loop of {self.seconds:,.0f} s at {self.sample_rate:,} Hz takes {size_bytes / 2**20:,.0f} MB; "
                f"{MAX_SOUND_BYTES // 2**20} MB is the most.",
                remedy="Ask for fewer bars, a faster tempo or a lower sample rate.",
            )

    def _check_beats(self, control: Control) -> None:
        """Refuse targets that lie outside the loop."""
        target, end = control.target, self.beats
        if control.within is not None and control.within[1] > end:
            raise BadRequestError(
                f"The beats of {control.kind} are {_beats(control.within)}, but the loop ends at {float(end):g}."
            )
        if isinstance(target, Curve):
            for point in target.points:
                if not 0 <= point.beat <= end:
                    raise BadRequestError(
                        f"The {control.kind} curve has a breakpoint at beat {float(point.beat):g}; "
                        f"this loop has beats 0 to {float(end):g}."
                    )

    @property
    def beats(self) -> Fraction:
        """Length in quarter notes."""
        return loop_beats(self.bars, self.meter)

    @property
    def samples(self) -> int:
        """Length in samples at the request's rate, rounded once."""
        return loop_samples(self.bars, self.meter, self.tempo_bpm, self.sample_rate)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.beats * 60 / self.tempo_bpm)


def _in_range(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:
        raise BadRequestError(f"{name} may be {low:,g} to {high:,g}{unit}, not {value:g}.")


def _beats(within: tuple[Fraction, Fraction]) -> str:
    return f"{float(within[0]):g}:{float(within[1]):g}"

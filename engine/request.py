"""What a producer asks for: one loop, the same type from command line, OSC and ZeroMQ.

A `LoopRequest` that exists is valid: everything is checked when it is made, and nowhere else.
Musical time is beats (quarter notes) as exact fractions; it becomes samples in `midi.tempo` only.
Targets are values, never paths: whoever sits beside the files (command line, bridge) reads them.
In Python plain lists and numbers will do: `Curve([(0, -30), (8, -12)])`, `LoopRequest(tempo_bpm=93.7, meter="7/8")`.
"""

import math
import re
import secrets
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal, get_args

import msgspec

from midi.key import Key
from midi.notes import Note
from midi.rhythm import Group, Onset
from midi.tempo import Beats, Meter, exact, loop_beats, loop_samples

from .errors import BadInputError, BadRequestError

Method = Literal["ditto2", "ditto", "ditto-paper", "guidance", "none"]
Quality = Literal["draft", "normal", "best"]
CurveUnit = Literal["db", "hz", "unit"]
CURVE_UNITS = get_args(CurveUnit)

MAX_BARS = 16
MAX_COUNT = 8
MIN_AUDIO_RATE_HZ, MAX_AUDIO_RATE_HZ = 8_000, 192_000  # of reference audio on the wire
MAX_SOUND_BYTES = 240 * 2**20  # of a take, stereo float32; with its noise it crosses the wire as one message
MAX_SEED = 2**53 - 1  # the largest whole number that a Max float carries without loss
CHANCE = secrets.SystemRandom()
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
    unit: CurveUnit = "db"
    low: float = -36.0
    high: float = -14.0

    def __post_init__(self) -> None:
        """Refuse a curve that has no meaning; pairs of beat and value become points."""
        _plainly(self, "points", lambda row: Point(exact(row[0]), float(row[1])), Point, "pairs of beat and value")
        if not self.points:
            raise BadRequestError("A curve needs at least one breakpoint.")
        if self.unit not in CURVE_UNITS:
            raise BadRequestError(f"unit of Curve is {_shown(self.unit)}; write {', '.join(CURVE_UNITS)}.")
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
        """Refuse what no clip holds; rows of pitch, beat, duration and perhaps velocity become notes."""
        _plainly(
            self,
            "notes",
            lambda row: Note(int(row[0]), exact(row[1]), exact(row[2]), *row[3:]),
            Note,
            "rows of pitch, beat, duration and velocity",
        )
        if len(self.notes) > 20_000:
            raise BadRequestError(f"A clip may have 20,000 notes, this one has {len(self.notes)}.")


class Onsets(_Value, frozen=True, tag="onsets"):
    """Hits of a rhythm with their strengths 0..1."""

    onsets: tuple[Onset, ...]

    def __post_init__(self) -> None:
        """Refuse what is no rhythm; rows of beat, strength and perhaps group become onsets."""
        _plainly(
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


class Words(_Value, frozen=True, tag="words"):
    """A text: the form `AABA` of a structure, or a prompt of its own for the text control."""

    text: str


class Number(_Value, frozen=True, tag="number"):
    """A single number, in the control's own unit."""

    value: float

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        if not math.isfinite(self.value):
            raise BadRequestError(f"The value is {self.value:g}, not a finite number.")


class Audio(_Value, frozen=True, tag="audio"):
    """Reference audio: float32 little-endian samples, channels interleaved."""

    samples: bytes
    sample_rate: int
    channels: int = 2
    keep: tuple[tuple[Fraction, Fraction], ...] = ()  # beats to keep (inpaint, outpaint)

    def __post_init__(self) -> None:
        """Refuse audio that is not whole frames."""
        _plainly(self, "keep", _range, None, "ranges of beats")
        if self.channels not in (1, 2):
            raise BadRequestError(f"Reference audio may be mono or stereo, this has {self.channels} channels.")
        if not MIN_AUDIO_RATE_HZ <= self.sample_rate <= MAX_AUDIO_RATE_HZ:
            raise BadRequestError(f"Reference audio may have 8,000 to 192,000 Hz, this has {self.sample_rate}.")
        if len(self.samples) % (4 * self.channels) or not self.samples:
            raise BadRequestError("The reference audio is empty or not whole frames of float32.")


Target = Curve | Notes | Onsets | Words | Number | Audio
_TARGETS = get_args(Target)


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
        """Check the weight, the target and the range."""
        if not isinstance(self.target, _TARGETS):
            raise BadRequestError(
                f"The target of {self.kind} is {_shown(self.target)}; Curve, Notes, Onsets, Words or Audio is needed.",
                remedy="Write it like Control(kind='intensity', target=Curve([(0, -30), (8, -12)])).",
            )
        if self.within is not None:
            _set(self, "within", _range, self.within, "two beats")
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


def new_seed() -> int:
    """Return a seed for who names none: who asks again wants another loop."""
    return CHANCE.randrange(2**31)


class LoopRequest(_Value, frozen=True):
    """One loop of `bars` bars at `tempo_bpm`; see `docs/request.md` for every field."""

    prompt: str = ""
    negative_prompt: str = ""
    tempo_bpm: Fraction = Fraction(120)
    meter: Meter = Meter(4, 4)
    bars: int = 4
    key: str | None = None
    seed: int = msgspec.field(default_factory=new_seed)
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
        """Refuse, in one sentence, whatever cannot be made; plain numbers and texts become exact."""
        _set(self, "tempo_bpm", exact, self.tempo_bpm, "a number")
        if not isinstance(self.meter, Meter):
            _set(self, "meter", Meter.parse, self.meter, "a text such as 7/8")
        _plainly(self, "controls", None, Control, "a list of controls")
        self._check_types()
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
            Key.parse(self.key)
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

    def _check_types(self) -> None:
        """Refuse what Python does not check: a text for a number, a method that there is not."""
        for kind, wanted, names in (
            (int, "a whole number", ("bars", "count", "seed", "sample_rate")),
            (str, "a text", ("prompt", "negative_prompt", "model", "slot", "request_id")),
            (str | None, "a key such as F minor", ("key",)),
            (bool, "True or False", ("loop",)),
        ):
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                    raise BadRequestError(f"{name} of LoopRequest is {_shown(value)}; write {wanted}.")
        for name, allowed in (("method", get_args(Method)), ("quality", get_args(Quality))):
            if getattr(self, name) not in allowed:
                shown = _shown(getattr(self, name))
                raise BadRequestError(f"{name} of LoopRequest is {shown}; write {', '.join(allowed)}.")

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


def _plainly(value: _Value, name: str, make: Callable[[Any], Any] | None, kind: type | None, wanted: str) -> None:
    """Make the field `name` a tuple of `kind`, each item of another type by `make`; refuse what cannot be made so."""
    items = getattr(value, name)
    if isinstance(items, tuple) and kind is not None and all(isinstance(item, kind) for item in items):
        return

    def one(item: Any) -> Any:
        if kind is not None and isinstance(item, kind):
            return item
        if make is None:
            raise TypeError(item)
        return make(item)

    _set(value, name, lambda rows: tuple(one(row) for row in rows), items, wanted)


def _set(value: _Value, name: str, make: Callable[[Any], Any], given: Any, wanted: str) -> None:
    try:
        made = make(given)
    except (BadInputError, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        said = f" {error.sentence}" if isinstance(error, BadInputError) else ""
        raise BadRequestError(f"{name} of {type(value).__name__} is {_shown(given)}; write {wanted}.{said}") from error
    msgspec.structs.force_setattr(value, name, made)


def _range(pair: Any) -> tuple[Beats, Beats]:
    start, end = pair
    return exact(start), exact(end)


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:60]}…"

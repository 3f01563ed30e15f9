"""The request for one loop, with its controls, its budget and its start."""

import re
import secrets
from enum import StrEnum
from fractions import Fraction

import msgspec

from midi.errors import MidiError
from midi.key import Key
from midi.tempo import Meter, exact, loop_beats, loop_samples

from ..errors import BadRequestError
from .layers import LAYERS, MIX, begun, called, check_heard, check_named, chord_spans, set_layers
from .targets import TARGETS, Audio, Curve, Point, Target
from .values import Value, beat_range, beats_text, in_range, make_tuple, set_field, shown

MAX_BARS = 16
MAX_COUNT = 8
MAX_CHORDS_CHARACTERS = 2_000
MAX_SOUND_BYTES = 240 * 2**20  # of a take, stereo float32; with its noise it crosses the wire as one message
MAX_SEED = 2**53 - 1  # the largest whole number that a Max float carries without loss
CHANCE = secrets.SystemRandom()
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Method(StrEnum):
    """How the noise of a loop is found; see `engine.search.methods`."""

    DITTO2 = "ditto2"
    DITTO = "ditto"
    DITTO_PAPER = "ditto-paper"
    GUIDANCE = "guidance"
    NONE = "none"


class Quality(StrEnum):
    """How long to search where the budget does not say."""

    DRAFT = "draft"
    NORMAL = "normal"
    BEST = "best"


class Control(Value, frozen=True):
    """One control: its kind, its target, its weight, and its range of beats.

    `kind` is the name of a row in `engine.controls`; kinds are open, target types are not.
    `weight_curve` says how the weight changes, as breakpoints of beat and factor of `weight`, linear between; where it
    is 0 the control is free. `within` is a range of beats outside which it is free. `on` names the layers that the
    control is evaluated on and moves; empty for the layers of its row. Raises `BadRequestError` for other values.
    """

    kind: str
    target: Target
    weight: float = 1.0
    within: tuple[Fraction, Fraction] | None = None
    on: tuple[str, ...] = ()
    weight_curve: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        """Check the weight, the target, the range and the layers."""
        set_layers(self, "on")
        if not isinstance(self.target, TARGETS):
            raise BadRequestError(
                f"The target of {self.kind} is {shown(self.target)}; Curve, Notes, Onsets, Words or Audio is needed.",
                remedy="Write it like Control(kind='intensity', target=Curve([(0, -30), (8, -12)])).",
            )
        if self.within is not None:
            set_field(self, "within", beat_range, self.within, "two beats")
        if not 0 < self.weight <= 1000:
            raise BadRequestError(f"The weight of {self.kind} is {self.weight:g}; it may be above 0 up to 1000.")
        if self.within is not None and not 0 <= self.within[0] < self.within[1]:
            raise BadRequestError(f"The beats of {self.kind} must rise from 0; they are {beats_text(self.within)}.")
        if self.weight_curve:
            self._check_weights()

    def _check_weights(self) -> None:
        """Refuse a curve of weights that is none, or that leaves the control out altogether."""
        factors = Curve(points=self.weight_curve, unit="unit")
        set_field(self, "weight_curve", lambda curve: curve.points, factors, "pairs of beat and factor")
        for point in factors.points:
            if not 0 <= point.value <= 1000:
                raise BadRequestError(
                    f"The weight of {self.kind} at beat {float(point.beat):g} is {point.value:g}; it may be 0 to 1000."
                )
        if not any(point.value for point in factors.points):
            raise BadRequestError(f"The weight of {self.kind} is 0 all along.", remedy=f"Leave {self.kind} out.")


class Budget(Value, frozen=True):
    """When to stop optimising, whichever comes first; `None` leaves it to method and quality.

    With `plain_start` the search begins at the seed's own noise and the model is shown no target, though it may have
    learnt a first step or control inputs.
    """

    steps: int | None = None
    seconds: float | None = None
    until_tolerance: bool = True  # stop when each control is within its tolerance
    plain_start: bool = False

    def __post_init__(self) -> None:
        """Check the limits."""
        if self.steps is not None and not 0 <= self.steps <= 10_000:
            raise BadRequestError(f"Steps may be 0 to 10,000, not {self.steps}.")
        if self.seconds is not None and not 0 < self.seconds <= 3_600:
            raise BadRequestError(f"Seconds may be above 0 up to 3,600, not {self.seconds:g}.")


class Start(Value, frozen=True):
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
    """Return a random seed, 0 to 2**31 - 1, for requests without one."""
    return CHANCE.randrange(2**31)


class LoopRequest(Value, frozen=True):
    """One loop of `bars` bars at `tempo_bpm`; see `docs/request.md` for every field.

    Without `layers` words and seed choose them; `("mix",)` is one sound of everything. The layers `again` are made
    anew and the others stay; those of `mute` are heard by the others, and not in the mix. The recording `beside`
    conditions the layers and is never delivered. An instance that exists is valid: construction raises
    `BadRequestError` otherwise.
    """

    prompt: str = ""
    negative_prompt: str = ""
    tempo_bpm: Fraction = Fraction(120)
    meter: Meter = Meter(4, 4)
    bars: int = 4
    key: str | None = None
    seed: int = msgspec.field(default_factory=new_seed)
    count: int = 1
    model: str = "pocket"
    method: Method = Method.DITTO2
    quality: Quality = Quality.NORMAL
    budget: Budget = Budget()
    controls: tuple[Control, ...] = ()
    layers: tuple[str, ...] = ()
    chords: str = ""
    again: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    beside: Audio | None = None
    stems: bool = False
    loop: bool = True
    start: Start | None = None
    slot: str = ""
    sample_rate: int = 44_100
    request_id: str = msgspec.field(default_factory=new_id)

    def __post_init__(self) -> None:
        """Refuse, in one sentence, whatever cannot be made; plain numbers and texts become exact."""
        set_field(self, "tempo_bpm", exact, self.tempo_bpm, "a number")
        if not isinstance(self.meter, Meter):
            set_field(self, "meter", Meter.parse, self.meter, "a text such as 7/8")
        make_tuple(self, "controls", None, Control, "a list of controls")
        set_layers(self, "layers", mix=True)
        set_layers(self, "again")
        set_layers(self, "mute")
        self._check_types()
        in_range("Tempo", float(self.tempo_bpm), 20, 999, " BPM")
        in_range("Bars", self.bars, 1, MAX_BARS)
        in_range("Count", self.count, 1, MAX_COUNT)
        in_range("Seed", self.seed, 0, MAX_SEED)
        in_range("Sample rate", self.sample_rate, 8_000, 192_000, " Hz")
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
            _check_beats(self, control)
        _check_layers(self)

    def _check_size(self) -> None:
        """Refuse a loop whose take would not cross the wire."""
        sounds = (len(self.layers) or len(LAYERS)) if self.stems else 1
        size_bytes = 8 * self.samples * sounds
        if size_bytes > MAX_SOUND_BYTES:
            much = f"{'With stems a' if self.stems else 'A'} loop of {self.seconds:,.0f} s at {self.sample_rate:,} Hz"
            raise BadRequestError(
                f"{much} takes {size_bytes / 2**20:,.0f} MB; {MAX_SOUND_BYTES // 2**20} MB is the most.",
                remedy="Ask for fewer bars, a faster tempo or a lower sample rate.",
            )

    def _check_types(self) -> None:
        """Raise `BadRequestError` for fields of another type; the names of method and quality become members."""
        for kind, wanted, names in (
            (int, "a whole number", ("bars", "count", "seed", "sample_rate")),
            (str, "a text", ("prompt", "negative_prompt", "model", "slot", "request_id", "chords")),
            (str | None, "a key such as F minor", ("key",)),
            (bool, "True or False", ("loop", "stems")),
            (Audio | None, "reference audio", ("beside",)),
            (Budget, "a Budget, such as Budget(steps=20)", ("budget",)),
            (Start | None, "a Start, which holds the noise of a take", ("start",)),
        ):
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                    raise BadRequestError(f"{name} of LoopRequest is {shown(value)}; write {wanted}.")
        set_field(self, "method", Method, self.method, ", ".join(Method))
        set_field(self, "quality", Quality, self.quality, ", ".join(Quality))

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


def _check_beats(request: LoopRequest, control: Control) -> None:
    """Refuse targets that lie outside the loop."""
    target, end = control.target, request.beats
    if control.within is not None and control.within[1] > end:
        raise BadRequestError(
            f"The beats of {control.kind} are {beats_text(control.within)}, but the loop ends at {float(end):g}."
        )
    for name, points in (
        (control.kind, target.points if isinstance(target, Curve) else ()),
        (f"{control.kind}.weight", control.weight_curve),
    ):
        for point in points:
            if not 0 <= point.beat <= end:
                raise BadRequestError(
                    f"The {name} curve has a breakpoint at beat {float(point.beat):g}; "
                    f"this loop has beats 0 to {float(end):g}."
                )


def layers_of_controls(request: LoopRequest) -> dict[str, tuple[str, ...]]:
    """Return the layers of each control's `on`, by the control's name in a sentence."""
    return {f"the control {control.kind}": control.on for control in request.controls}


def refuse_layers(request: LoopRequest) -> None:
    """Raise `BadRequestError` for a field that needs layers, of a model that makes one sound without them."""
    asked = [called(name) for name in ("chords", "again", "mute", "beside", "stems") if getattr(request, name)]
    asked += ["layers"] if request.layers not in ((), (MIX,)) else []
    asked += [f"layers of its own for {control.kind}" for control in request.controls if control.on]
    if asked:
        raise BadRequestError(
            f"{request.model} makes one sound without layers, so that {asked[0]} cannot be used.",
            remedy=f"Leave out {asked[0]}, or use the model pocket.",
        )


def _check_layers(request: LoopRequest) -> None:
    """Raise `BadRequestError` for layers that contradict each other, and chords that do not fit the loop."""
    named = {"again": request.again, "mute": request.mute} | layers_of_controls(request)
    if request.layers == (MIX,):
        _check_mix(request, named)
    elif request.layers:
        check_named(named, request.layers, "but the layers are")
    if request.again and request.start is None:
        raise BadRequestError(
            f"again {', '.join(request.again)} makes layers of an earlier take anew, and no take is given.",
            remedy="Give the take that keeps its other layers (--from-take).",
        )
    check_heard(request.mute, request.layers or LAYERS)
    _check_chords(request)


def _check_mix(request: LoopRequest, named: dict[str, tuple[str, ...]]) -> None:
    """Refuse whatever needs layers, where the full mix is asked for."""
    asked = [name for name, layers in named.items() if layers]
    asked += [called(name) for name in ("chords", "beside", "stems") if getattr(request, name)]
    if asked:
        raise BadRequestError(
            f"{begun(asked[0])} needs layers, and the full mix has none.",
            remedy=f"Leave out layers mix, or {asked[0]}.",
        )


def _check_chords(request: LoopRequest) -> None:
    if len(request.chords) > MAX_CHORDS_CHARACTERS:
        raise BadRequestError(
            f"The chords have {len(request.chords)} characters; they may have {MAX_CHORDS_CHARACTERS}."
        )
    key = None if request.key is None else Key.parse(request.key)
    try:
        chord_spans(request.chords, key, request.bars, request.meter.beats_per_bar)
    except BadRequestError as error:
        cause = error.__cause__
        # The prompt may name the key; the model that reads it says so where it does not.
        if not (isinstance(cause, MidiError) and cause.fault == "no_key" and request.prompt):
            raise

"""The controls of a request: their targets, sent as rows or named by settings, their weights and ranges of beats."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from engine.audio.repeat import NEAR_BEATS
from engine.errors import BadInputError, BadRequestError
from engine.request import BUILTIN_CONTROLS, Audio, Control, Curve, LoopRequest, Target, Words
from midi.live.set import parse_lane_reference
from midi.tempo import Meter, samples_to_beats

from . import targets
from .chords import SETTING as CHORDS
from .fields import BY_NAME, OUTPAINT_FILE, Frontend, IntensitySource
from .layers import NONE, layer_names
from .live_lane import LaneReference, read_lane
from .scalars import number_of, read_scalars
from .sent import Chunks, read_rows, velocities
from .sounds import SoundPart
from .targets import Say, TargetRow

_DEFAULTS = LoopRequest(seed=0)
_LAST = ("text",)  # after the controls that are not our own
_PAINTED = ("inpaint", "outpaint")
_LEVELS = ("intensity", "intensity-paper")  # controls whose curve in decibels is a level


@dataclass(frozen=True, slots=True)
class Controlled:
    """A request with its controls; `inherited` where it has them from the take that it starts from."""

    request: LoopRequest
    inherited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSource:
    """All that the controls of `loop` are read from.

    `rows` finds the row of a control by its name, `say` gets sentences for the producer. Without a control of its own
    the loop has those of `parent`, None where there is no take to begin from or its beats are others.
    """

    settings: Mapping[str, str]
    chunks: Chunks
    loop: LoopRequest
    frontend: Frontend
    rows: Callable[[str], TargetRow | None]
    say: Say
    parent: LoopRequest | None

    def called(self, name: str) -> str:
        """Return the name of a field as this way in has it."""
        return BY_NAME[name].called(self.frontend)

    def called_of(self, kind: str, part: str) -> str:
        """Return the name of a part of a control, such as its weight, as this way in has it."""
        return self.called(f"CONTROL.{part}") if self.frontend is Frontend.COMMAND_LINE else f"{kind}.{part}"


def read_controls(source: ControlSource) -> Controlled:
    """Return the loop with the controls that settings and chunks name, else with the parent's controls and method.

    Raises `DittoError`.
    """
    settings, loop, parent = source.settings, source.loop, source.parent
    found = tuple(_read(source))
    inherits = parent is not None and not found and "intensity_source" not in settings
    request = loop
    if inherits and parent is not None:
        found = parent.controls
        if "method" not in settings:
            request = msgspec.structs.replace(loop, method=parent.method)
    if settings.get("text.weight") and all(control.kind != "text" for control in found):
        found = (*found, Control(kind="text", target=Words(text=loop.prompt)))
    return Controlled(msgspec.structs.replace(request, controls=_tuned(source, found)), inherits)


def added_bars(settings: Mapping[str, str], values: Mapping[str, Any], frontend: Frontend, say: Say) -> int:
    """Return the loop's bars; with `outpaint` the reference's own and those to add.

    Raises `BadRequestError` without a reference, and `BadInputError` for one that is shorter than half a bar.
    """
    bars = int(values.get("bars", _DEFAULTS.bars))
    outpaint, inpaint = BY_NAME["outpaint"].called(frontend), BY_NAME["inpaint"].called(frontend)
    if settings.get(OUTPAINT_FILE):
        return bars
    if "outpaint" not in values:
        return bars
    if not settings.get("inpaint"):
        raise BadRequestError(f"{outpaint} needs the audio to go on from: {inpaint} FILE.wav.")
    if values["outpaint"] < 1:
        raise BadRequestError(f"{outpaint} may be 1 bar or more, not {values['outpaint']}.")
    own = _reference_bars(SoundPart.parse(settings["inpaint"]), values)
    whole = own + int(values["outpaint"])
    if "bars" in values and bars != whole:
        say(f"The loop has {whole} bars, {own} of the audio and {values['outpaint']} more; {bars} bars are not asked.")
    return whole


def _reference_bars(sound: SoundPart, values: Mapping[str, Any]) -> int:
    tempo_bpm = values.get("tempo_bpm", _DEFAULTS.tempo_bpm)
    meter: Meter = values.get("time_signature", _DEFAULTS.meter)
    recording = sound.read()
    bars = round(samples_to_beats(recording.samples.shape[1], tempo_bpm, recording.sample_rate) / meter.beats_per_bar)
    if bars < 1:
        raise BadInputError(f"{sound.path} is shorter than half a bar at {float(tempo_bpm):g} BPM.")
    return bars


def _read(source: ControlSource) -> Iterator[Control]:
    """Yield the controls that are named, ours in the order of the table, then the others, then a text."""
    found = {kind: target for kind, target in (*_sent(source), *_painted(source))}
    for kind, text in _written(source.settings):
        if kind in found:
            raise BadRequestError(f"{kind} is asked for twice, as numbers and as {text[:40]!r}.")
        row = BUILTIN_CONTROLS.get(kind) or source.rows(kind)
        found[kind] = targets.read_target(row, text, source.loop, source.say)
    order = {kind: place for place, kind in enumerate(kind for kind in BUILTIN_CONTROLS if kind not in _LAST)}
    order |= {kind: len(order) + 1 for kind in _LAST}
    for kind in sorted(found, key=lambda kind: order.get(kind, len(BUILTIN_CONTROLS) - len(_LAST))):
        _refuse_too_loud(kind, found[kind])
        yield Control(kind=kind, target=found[kind])


def _refuse_too_loud(kind: str, target: Target) -> None:
    """Raise `BadRequestError` for a level above full scale: a forgotten sign would be searched for in vain."""
    if kind not in _LEVELS or not isinstance(target, Curve) or target.unit != "db":
        return
    loudest = max(target.points, key=lambda point: point.value)
    if loudest.value > 0:
        raise BadRequestError(
            f"{kind} is {loudest.value:g} dB at beat {float(loudest.beat):g}; 0 dBFS is as loud as a file can be.",
            remedy="Levels lie below 0: -12 is loud, -30 soft.",
        )


def _written(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each control whose target is a text, and that text."""
    for name, text in settings.items():
        kind, dot, part = name.partition(".")
        if (kind in BUILTIN_CONTROLS and not dot and kind not in _PAINTED) or part == "target":
            yield kind, text


def _sent(source: ControlSource) -> Iterator[tuple[str, Target]]:
    """Yield the targets that were sent as rows; the intensity comes from where `intensity_source` says."""
    beats = source.loop.beats
    named = {name: text for name, text in source.settings.items() if name == "intensity_source"}
    chosen = read_scalars(named, source.frontend).get("intensity_source", IntensitySource.CURVE)
    for (part, kind), sent in source.chunks.items():
        if (part, kind) == ("notes", CHORDS):
            continue
        if kind != "intensity" or chosen is IntensitySource.CURVE:
            yield kind, read_rows(part, kind, sent, beats, source.say)
    if chosen is IntensitySource.LANE:
        yield "intensity", _lane(source.settings, beats, source.say)
    if chosen is IntensitySource.VELOCITIES:
        yield "intensity", velocities(source.chunks, beats)


def _lane(settings: Mapping[str, str], beats: Fraction, say: Say) -> Curve:
    if not settings.get("lane"):
        raise BadRequestError(
            "The intensity is to come from the saved set, but no set is named.",
            remedy="Save the Live set first, and choose the lane again.",
        )
    path, lane = parse_lane_reference(settings["lane"])
    start = targets.beat_range(settings["lane_beats"], "lane_beats")[0] if settings.get("lane_beats") else None
    return read_lane(LaneReference(Path(path), lane, start), beats, say)


def _painted(source: ControlSource) -> Iterator[tuple[str, Target]]:
    """Yield the control that keeps a part of reference audio."""
    settings, loop = source.settings, source.loop
    inpaint, keep, outpaint = (source.called(name) for name in ("inpaint", "keep", "outpaint"))
    if before := settings.get(OUTPAINT_FILE):
        sound = SoundPart.parse(before)
        continued = (Fraction(0), _continued(sound, loop))
        yield "outpaint", _kept_audio(sound, (continued,), source)
    ranges = [text for text in settings.get("keep", "").split(",") if text.strip()]
    if not settings.get("inpaint"):
        if ranges:
            raise BadRequestError(f"{keep} needs the audio whose beats are kept: {inpaint} FILE.wav.")
        return
    sound = SoundPart.parse(settings["inpaint"])
    if settings.get("outpaint"):
        if ranges:
            raise BadRequestError(f"{outpaint} keeps all of the audio.", remedy=f"Leave out {keep}.")
        added = int(read_scalars(settings, source.frontend)["outpaint"]) * loop.meter.beats_per_bar
        whole = (Fraction(0), loop.beats - added)
        yield "outpaint", _kept_audio(sound, (whole,), source)
        return
    if not ranges:
        raise BadRequestError(f"{inpaint} needs the beats to keep, such as {keep} 0:8.")
    kept = tuple(_kept(text, keep, loop) for text in ranges)
    yield "inpaint", _kept_audio(sound, kept, source)


def _kept_audio(sound: SoundPart, keep: tuple[tuple[Fraction, Fraction], ...], source: ControlSource) -> Audio:
    """Return the reference whose beats `keep` stay, and say which of them it has no sound for."""
    loop = source.loop
    found = targets.audio(sound, keep, source.say, loop_seconds=loop.seconds)
    kept = [targets.samples_of(found, part, loop.tempo_bpm) for part in keep]
    ends = samples_to_beats(len(targets.samples_of(found)), loop.tempo_bpm, found.sample_rate)
    last = max(end for _, end in keep)
    if all(targets.is_silent(samples) for samples in kept):
        source.say(f"{sound.name} is silent in the beats that are kept, and so they will be.")
    elif ends < last - NEAR_BEATS:
        source.say(f"{sound.name} ends at beat {float(ends):.3g}; what is kept after it is silence.")
    return found


def _kept(text: str, keep: str, loop: LoopRequest) -> tuple[Fraction, Fraction]:
    start, end = targets.beat_range(text.strip(), keep)
    if end > loop.beats:
        raise BadRequestError(
            f"{keep} {float(start):g}:{float(end):g} ends outside the loop; it has beats 0 to {float(loop.beats):g}."
        )
    return start, end


def _continued(sound: SoundPart, loop: LoopRequest) -> Fraction:
    """Return the beats of audio that an earlier version's outpaint continues to the loop's length."""
    bars = _reference_bars(sound, {"tempo_bpm": loop.tempo_bpm, "time_signature": loop.meter})
    if bars >= loop.bars:
        raise BadRequestError(
            f"{sound.name} has {bars} bars and the loop {loop.bars}: there is nothing to add.",
            remedy="Ask for more bars, or set inpaint and outpaint (bars to add).",
        )
    return bars * loop.meter.beats_per_bar


def _tuned(source: ControlSource, controls: tuple[Control, ...]) -> tuple[Control, ...]:
    """Return the controls with their weights, their beats and, for curves, the range of their unit.

    Raises `BadRequestError` for a setting of a control that the loop does not have: a misspelt name would be ignored.
    """
    kinds = [control.kind for control in controls]
    for name in source.settings:
        kind, dot, _part = name.partition(".")
        if dot and kind not in kinds:
            raise BadRequestError(f"{kind[:40]!r} is not among this loop's controls ({', '.join(kinds) or 'none'}).")
    return tuple(_tuned_one(source, control) for control in controls)


def _tuned_one(source: ControlSource, control: Control) -> Control:
    settings, kind = source.settings, control.kind
    numbers = {part: number_of(settings, f"{kind}.{part}", source.frontend) for part in ("low", "high")}
    changes = _weighted(source, kind)
    if within := settings.get(f"{kind}.within"):
        changes["within"] = targets.beat_range(within, source.called_of(kind, "within"))
    if on := settings.get(f"{kind}.on"):
        called = source.called_of(kind, "on")
        if not (names := layer_names(on, called, offer_none=False)):
            raise BadRequestError(f"{called} is {NONE}, but a control moves some layer.", remedy=f"Leave out {kind}.")
        changes["on"] = names
    if isinstance(control.target, Curve):
        bounds = {part: value for part in ("low", "high") if (value := numbers[part]) is not None}
        changes["target"] = msgspec.structs.replace(control.target, **bounds)
    return msgspec.structs.replace(control, **changes)


def _weighted(source: ControlSource, kind: str) -> dict[str, Any]:
    """Return a control's weight as its setting says: a number, or beat:weight pairs."""
    setting = f"{kind}.weight"
    text = source.settings.get(setting, "")
    if ":" in text:
        return {"weight": 1.0, "weight_curve": targets.curve(text, source.loop.beats, "unit").points}
    number = number_of(source.settings, setting, source.frontend)
    return {} if number is None else {"weight": number, "weight_curve": ()}

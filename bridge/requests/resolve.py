"""From what a device sent to a valid request: text becomes values, files become targets.

The bridge sits on the computer with the set, so it reads what the device only names: a saved set's lane, MIDI
files, reference audio, an earlier take's noise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import msgspec

from engine.errors import BadInputError, BadRequestError
from engine.request import Budget, Control, Curve, LoopRequest, Notes, Onsets, Point, Start, Target, Words
from engine.service.messages import Priority
from midi.errors import MidiError
from midi.live.set import parse_lane_reference
from midi.melody import melody
from midi.notes import Note, cut
from midi.rhythm import Onset, onsets
from midi.tempo import Meter, exact, parse_tempo

from ..osc.addresses import PER_CONTROL, TICKS_PER_BEAT
from ..osc.assembly import Assembly, Chunks, Group
from ..takes import library as takes
from . import targets
from .live_lane import LaneReference, read_lane

_YES = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
_SOURCES = ("curve", "lane", "velocities", "none")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A valid request and what to tell the producer about it."""

    request: LoopRequest
    priority: Priority
    notes: tuple[str, ...] = ()


def resolve(request_id: str, instance: str, assembly: Assembly, takes_folder: Path) -> Resolved:
    """Return the request; raises `DittoError` for whatever is not allowed or cannot be read."""
    try:
        return _resolve(request_id, instance, assembly, takes_folder)
    except MidiError as error:
        raise BadInputError(error.sentence, remedy=error.remedy or None) from error
    except (OSError, ValueError) as error:  # a path that no file can have
        raise BadInputError(f"A file cannot be read: {error}.") from error


def _resolve(request_id: str, instance: str, assembly: Assembly, takes_folder: Path) -> Resolved:
    settings = assembly.settings
    notes: list[str] = []
    bare = _bare(request_id, instance, settings, _start(settings, takes_folder))
    controls = tuple(_tuned(control, settings) for control in _controls(assembly, bare.beats, notes.append))
    notes += _unused(settings, controls)
    priority = settings.get("priority", "interactive")
    if priority not in ("interactive", "batch"):
        raise BadRequestError(f"The priority is {priority[:40]!r}; interactive and batch are allowed.")
    request = msgspec.structs.replace(bare, controls=controls)
    return Resolved(request, "batch" if priority == "batch" else "interactive", tuple(notes))


def _bare(request_id: str, instance: str, settings: dict[str, str], start: Start | None) -> LoopRequest:
    """Return the request without its controls; a field that was not sent has its default."""
    fields: dict[str, object] = {"request_id": request_id, "start": start}
    for name, read in _FIELDS.items():
        if name in settings:
            fields["meter" if name == "time_signature" else name] = read(name, settings[name])
    if settings.get("slot"):
        fields["slot"] = f"{instance}/{settings['slot']}"
    fields["budget"] = _budget(settings)
    for name, allowed in _CHOICES.items():
        if fields.get(name, allowed[0]) not in allowed:
            raise BadRequestError(f"The {name} is {settings[name][:40]!r}; {', '.join(allowed)} are allowed.")
    return LoopRequest(**fields)  # type: ignore[arg-type]  # each was read by its own reader


def _budget(settings: dict[str, str]) -> Budget:
    steps, seconds = settings.get("steps", ""), settings.get("seconds", "")
    return Budget(
        steps=_whole("steps", steps) if steps else None,
        seconds=float(exact(seconds)) if seconds else None,
        until_tolerance=_truth("until_tolerance", settings.get("until_tolerance", "1")),
    )


def _start(settings: dict[str, str], folder: Path) -> Start | None:
    variation = float(exact(settings.get("variation") or "0"))
    if settings.get("from_take"):
        return takes.start(folder, settings["from_take"], variation)
    return None


def _controls(assembly: Assembly, beats: Fraction, say: Callable[[str], None]) -> Iterator[Control]:
    """Yield the controls: what was sent in chunks, then what the settings name."""
    source = assembly.settings.get("intensity_source", "curve")
    if source not in _SOURCES:
        raise BadRequestError(f"The intensity source is {source[:40]!r}; {', '.join(_SOURCES)} are allowed.")
    for (part, kind), chunks in assembly.chunks.items():
        if kind != "intensity" or source == "curve":
            yield Control(kind=kind, target=_target(part, kind, chunks, beats))
    if source == "lane":
        yield Control(kind="intensity", target=_lane(assembly.settings, beats))
    if source == "velocities":
        yield Control(kind="intensity", target=_velocities(assembly, beats))
    yield from _from_files(assembly.settings, beats, say)


def _target(part: str, kind: str, chunks: Chunks, beats: Fraction) -> Target:
    groups = chunks.whole()
    if part == "curve":
        points = tuple(Point(snapped(beat), float(value)) for beat, value in groups)
        return Curve(points=points, unit=chunks.unit)  # type: ignore[arg-type]  # the table allows only ours
    if part == "onsets":
        strokes = tuple(Onset(snapped(b), float(s), str(g)) for b, s, g in groups)  # type: ignore[arg-type]  # idem
        return Onsets(onsets=tuple(sorted(stroke for stroke in strokes if stroke.beat < beats)))
    played = cut(_notes(groups), Fraction(0), beats)
    if kind == "rhythm":
        return Onsets(onsets=onsets(played))
    return Notes(notes=melody(played) if kind == "melody" else played)


def _notes(groups: tuple[Group, ...]) -> Iterator[Note]:
    for pitch, start, duration, velocity in groups:
        length = max(snapped(duration), Fraction(1, TICKS_PER_BEAT))
        yield Note(pitch=int(pitch), start=snapped(start), duration=length, velocity=int(velocity))


def snapped(beat: object) -> Fraction:
    """Return the nearest beat on the grid that holds every common tuplet; a float has only 24 bits."""
    return Fraction(round(float(beat) * TICKS_PER_BEAT), TICKS_PER_BEAT)  # type: ignore[arg-type]  # a number


def _lane(settings: dict[str, str], beats: Fraction) -> Curve:
    if not settings.get("lane"):
        raise BadRequestError(
            "The intensity is to come from the saved set, but no set is named.",
            remedy="Save the Live set first, and choose the lane again.",
        )
    path, lane = parse_lane_reference(settings["lane"])
    start = targets.beat_range(settings["lane_beats"], "lane_beats")[0] if settings.get("lane_beats") else Fraction(0)
    return read_lane(LaneReference(Path(path), lane, start), beats)


def _velocities(assembly: Assembly, beats: Fraction) -> Curve:
    """Return a curve of steps: at each note's start the loudest velocity there, held to the next."""
    chunks = assembly.chunks.get(("notes", "intensity")) or assembly.chunks.get(("notes", "melody"))
    loudest: dict[Fraction, float] = {}
    for note in cut(_notes(chunks.whole()) if chunks else (), Fraction(0), beats):
        loudest[note.start] = max(loudest.get(note.start, 0.0), note.velocity / 127)
    if not loudest:
        raise BadRequestError("The clip whose velocities are the intensity has no notes in the loop.")
    points: list[Point] = []
    for beat, level in sorted(loudest.items()):
        if points:
            points.append(Point(beat, points[-1].value))
        points.append(Point(beat, level))
    return Curve(points=tuple(points), unit="unit")


def _from_files(settings: dict[str, str], beats: Fraction, say: Callable[[str], None]) -> Iterator[Control]:
    for name, read in (("melody", targets.melody_notes), ("rhythm", targets.rhythm_onsets)):
        if settings.get(f"{name}_file"):
            target, remarks = read(settings[f"{name}_file"], beats)
            for remark in remarks:
                say(remark)
            yield Control(kind=name, target=target)
    if settings.get("structure"):
        yield Control(kind="structure", target=targets.structure(settings["structure"]))
    if settings.get("text") or settings.get("text.weight"):
        yield Control(kind="text", target=Words(text=settings.get("text") or settings.get("prompt", "")))
    for name in ("structure", "timbre"):
        if settings.get(f"{name}_file"):
            yield Control(kind=name, target=targets.audio(Path(settings[f"{name}_file"])))
    yield from _painted(settings)


def _painted(settings: dict[str, str]) -> Iterator[Control]:
    if settings.get("inpaint_file"):
        ranges = [text for text in settings.get("inpaint_keep", "").split(",") if text.strip()]
        if not ranges:
            raise BadRequestError("inpaint_file needs the beats to keep: set inpaint_keep, such as 0:8.")
        keep = tuple(targets.beat_range(text, "inpaint_keep") for text in ranges)
        yield Control(kind="inpaint", target=targets.audio(Path(settings["inpaint_file"]), keep))
    if settings.get("outpaint_file"):
        yield Control(kind="outpaint", target=targets.audio(Path(settings["outpaint_file"])))


def _tuned(control: Control, settings: dict[str, str]) -> Control:
    """Return a control with its weight, its beats and, for curves, the range of its unit."""
    own = {part: settings[f"{control.kind}.{part}"] for part in PER_CONTROL if settings.get(f"{control.kind}.{part}")}
    changes: dict[str, object] = {}
    if "weight" in own:
        changes["weight"] = float(exact(own["weight"]))
    if "within" in own:
        changes["within"] = targets.beat_range(own["within"], f"{control.kind}.within")
    if isinstance(control.target, Curve):
        bounds = {part: float(exact(own[part])) for part in ("low", "high") if part in own}
        changes["target"] = msgspec.structs.replace(control.target, **bounds)
    return msgspec.structs.replace(control, **changes)


def _unused(settings: dict[str, str], controls: tuple[Control, ...]) -> Iterator[str]:
    """Say what was set for a control that is not there: a slip of the pen would pass unheard."""
    kinds = {control.kind for control in controls}
    for name in settings:
        kind, dot, _ = name.partition(".")
        if dot and kind not in kinds:
            yield f"{name[:60]} was not used: this request has no {kind[:40]}."


def _whole(name: str, text: str) -> int:
    number = exact(text)
    if number.denominator != 1:
        raise BadRequestError(f"{name} is {text[:40]!r}; a whole number is allowed.")
    return int(number)


def _truth(name: str, text: str) -> bool:
    if text.lower() not in _YES:
        raise BadRequestError(f"{name} is {text[:40]!r}; 1 and 0 are allowed.")
    return _YES[text.lower()]


def _plain(_name: str, text: str) -> str:
    return text


_FIELDS: dict[str, Callable[[str, str], object]] = {
    "prompt": _plain,
    "negative_prompt": _plain,
    "model": _plain,
    "method": _plain,
    "quality": _plain,
    "tempo_bpm": lambda _, text: parse_tempo(text),
    "time_signature": lambda _, text: Meter.parse(text),
    "bars": _whole,
    "seed": _whole,
    "count": _whole,
    "sample_rate": _whole,
    "loop": _truth,
    "key": lambda _, text: text or None,
}
_CHOICES = {
    "method": ("ditto2", "ditto", "ditto-paper", "guidance", "none"),
    "quality": ("normal", "draft", "best"),
}

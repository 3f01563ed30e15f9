"""The command line that makes a take's request again: curves in the line, notes and sounds as files beside it."""

import io
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from engine.files import publish
from engine.request import BUILTIN_CONTROLS, Audio, Control, Curve, LoopRequest, Notes, Number, Onsets, Target, Words
from midi.grooves.rhythm import DRUM_GROUPS, Onset
from midi.notes import DRUM_CHANNEL, Note

from ..osc.request import weight_text
from ..requests.fields import BY_NAME
from ..requests.written import exact_text, settings_of

_STROKE_BEATS = Fraction(1, 16)
_PERCUSSION = 75  # claves, which is in no other group
_ALWAYS = ("tempo_bpm", "bars", "time_signature", "seed")  # written where they are at their defaults, too
_CURVE_UNITS = {"db": "intensity", "hz": "brightness"}


def command_line(request: LoopRequest, folder: Path, name: str) -> str:
    """Return the line that asks for `request`; its notes and sounds are written to `folder` as `name-KIND.*`."""
    return quoted(["ditto-live", "render", *arguments(request, folder, name)])


def quoted(words: list[str]) -> str:
    """Return words as this system's shell takes them."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def arguments(request: LoopRequest, folder: Path, name: str) -> list[str]:
    """Return the options and their values without those at their defaults; `folder` and `name` as in `command_line`."""
    usual = settings_of(LoopRequest(seed=0, request_id=request.request_id))
    found: list[str] = []
    for setting, text in settings_of(request).items():
        field = BY_NAME[setting]
        if field.option and (text != usual[setting] or setting in _ALWAYS):
            switch = field.flag if text == "1" else f"--no-{field.option}"
            found += [switch] if field.kind is bool else _said(field.flag, text)
    if request.beside is not None:
        found += ["--with", _file(request.beside, request, folder / f"{name}-with")]
    if request.start is not None and request.start.take_id:
        found += ["--from-take", request.start.take_id, "--variation", repr(request.start.variation)]
    for control in request.controls:
        found += _control(control, request, folder, name)
    return found


def _said(option: str, value: str) -> tuple[str, ...]:
    """Return an option and its value; as one word where the value could be taken for an option."""
    return (f"{option}={value}",) if value.startswith("-") else (option, value)


def _control(control: Control, request: LoopRequest, folder: Path, name: str) -> Iterator[str]:
    """Yield the words of one control."""
    kind, target = control.kind, control.target
    if kind in ("inpaint", "outpaint") and isinstance(target, Audio):
        yield from ("--inpaint", _file(target, request, folder / f"{name}-{kind}"))
        yield from _painted(kind, target, request)
    else:
        text = _text(target, request, folder / f"{name}-{kind}")
        yield from (
            ("--control", f"{kind}={text}") if kind == "text" or kind not in BUILTIN_CONTROLS else (f"--{kind}", text)
        )
    if control.weight != 1 or control.weight_curve:
        yield from ("--weight", f"{kind}={weight_text(control)}")
    if control.on:
        yield from ("--on", f"{kind}={','.join(control.on)}")
    if control.within is not None:
        yield from ("--only", f"{kind}={_range(control.within)}")


def _painted(kind: str, target: Audio, request: LoopRequest) -> Iterator[str]:
    """Yield which beats of the reference stay."""
    if kind == "outpaint":
        added = (request.beats - max(end for _start, end in target.keep)) / request.meter.beats_per_bar
        yield from ("--outpaint", exact_text(added))
        return
    for kept in target.keep:
        yield from ("--keep", _range(kept))


def _text(target: Target, request: LoopRequest, stem: Path) -> str:
    match target:
        case Curve():
            return " ".join(f"{exact_text(point.beat)}:{_valued(target, point.value)}" for point in target.points)
        case Words():
            return target.text
        case Number():
            return repr(target.value)
        case _:
            return _file(target, request, stem)


def _valued(curve: Curve, value: float) -> str:
    """Return a curve's value in the control's own unit, which is what the command line takes."""
    return repr(value if curve.unit in _CURVE_UNITS else curve.low + (curve.high - curve.low) * value)


def _file(target: Target, request: LoopRequest, stem: Path) -> str:
    """Write notes, hits or a sound as a file and return its path."""
    path, data = stem.with_suffix(".mid"), b""
    match target:
        case Notes():
            data = _midi(target.notes, request)
        case Onsets():
            data = _midi([_stroke(onset) for onset in target.onsets], request)
        case Audio():
            path, data = stem.with_suffix(".wav"), _wav(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        publish(path, data, overwrite=True)
    return str(path.absolute())


def _midi(notes: Iterable[Note], request: LoopRequest) -> bytes:
    """Return notes as a file that is as long as the loop: a shorter one would be read as a clip that repeats."""
    from midi.smf.score import score_of_notes
    from midi.smf.write import write_midi  # here, because it loads a library

    score = score_of_notes(notes, tempo_bpm=request.tempo_bpm, meter=request.meter)
    (track,) = score.tracks
    return write_midi(replace(score, tracks=(replace(track, end=request.beats),)))


def _stroke(onset: Onset) -> Note:
    pitch = min(DRUM_GROUPS.get(onset.group, {_PERCUSSION}))
    channel = 0 if onset.group == "any" else DRUM_CHANNEL
    velocity = min(max(round(onset.strength * 127), 1), 127)
    return Note(pitch=pitch, start=onset.beat, duration=_STROKE_BEATS, velocity=velocity, channel=channel)


def _wav(sound: Audio) -> bytes:
    """Return a sound as WAV of 32-bit floats: the same samples."""
    file = io.BytesIO()
    samples = np.frombuffer(sound.samples, "<f4").reshape(-1, sound.channels)
    soundfile.write(file, samples, sound.sample_rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def _range(beats: tuple[Fraction, Fraction]) -> str:
    return ":".join(exact_text(beat) for beat in beats)

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
from engine.request import Audio, Control, Curve, LoopRequest, Notes, Number, Onsets, Target, Words
from midi.notes import DRUM_CHANNEL, Note
from midi.rhythm import DRUM_GROUPS, Onset

from ..osc.request import weight_text
from ..requests.targets import OWN_ROWS

_STROKE_BEATS = Fraction(1, 16)
_PERCUSSION = 75  # claves, which is in no other group
_CURVE_UNITS = {"db": "intensity", "hz": "brightness"}


def command_line(request: LoopRequest, folder: Path, name: str) -> str:
    """Return the line that asks for `request`; its notes and sounds are written to `folder` as `name-KIND.*`."""
    return quoted(["ditto-live", "render", *arguments(request, folder, name)])


def quoted(words: list[str]) -> str:
    """Return words as this system's shell takes them."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def arguments(request: LoopRequest, folder: Path, name: str) -> list[str]:
    """Return the options and their values, those that are as always left out."""
    bare = LoopRequest(seed=0, request_id=request.request_id)
    plain = (
        ("--prompt", request.prompt),
        ("--negative-prompt", request.negative_prompt),
        ("--tempo", _decimal(request.tempo_bpm)),
        ("--bars", str(request.bars)),
        ("--time-signature", str(request.meter)),
        ("--key", request.key or ""),
        ("--layers", ",".join(request.layers)),
        ("--chords", request.chords),
        ("--mute", ",".join(request.mute)),
        ("--again", ",".join(request.again)),
        ("--seed", str(request.seed)),
        ("--count", "" if request.count == bare.count else str(request.count)),
        ("--model", "" if request.model == bare.model else request.model),
        ("--method", "" if request.method == bare.method else request.method),
        ("--quality", "" if request.quality == bare.quality else request.quality),
        ("--sample-rate", "" if request.sample_rate == bare.sample_rate else str(request.sample_rate)),
        ("--steps", "" if request.budget.steps is None else str(request.budget.steps)),
        ("--seconds", "" if request.budget.seconds is None else repr(request.budget.seconds)),
    )
    found = [word for option, value in plain if value for word in _said(option, value)]
    found += [] if request.loop else ["--no-loop"]
    found += ["--stems"] if request.stems else []
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
        yield from ("--control", f"{kind}={text}") if kind == "text" or kind not in OWN_ROWS else (f"--{kind}", text)
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
        yield from ("--outpaint", _decimal(added))
        return
    for kept in target.keep:
        yield from ("--keep", _range(kept))


def _text(target: Target, request: LoopRequest, stem: Path) -> str:
    match target:
        case Curve():
            return " ".join(f"{_decimal(point.beat)}:{_valued(target, point.value)}" for point in target.points)
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
    return ":".join(_decimal(beat) for beat in beats)


def _decimal(value: Fraction) -> str:
    """Return a fraction as a decimal where that is exact, else as n/d."""
    text = f"{float(value):.12g}"
    return text if "e" not in text and Fraction(text) == value else f"{value.numerator}/{value.denominator}"

"""From the options of a command line to one valid request, with the sentences worth saying about it."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import msgspec

from engine.audio.wav import read_audio
from engine.errors import BadInputError, BadRequestError
from engine.request import Budget, Control, LoopRequest, Notes, Start, Target, Words
from midi.key import guess_key
from midi.tempo import Meter, exact, parse_tempo, samples_to_beats

from ..cli.options import LoopOptions
from . import targets

Remarks = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and what to tell the producer about how it was understood."""

    request: LoopRequest
    remarks: Remarks = ()


def build_request(options: LoopOptions, start: Start | None = None) -> Asked:
    """Return the request that `options` describe; raise `DittoError` or `MidiError` in one sentence.

    `start` is the noise of the take that `options.from_take` names, read by the caller.
    """
    tempo_bpm, meter = parse_tempo(options.tempo), Meter.parse(options.time_signature)
    # Made once without its controls, so that a wrong length is said before any file is read.
    request = LoopRequest(
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        tempo_bpm=tempo_bpm,
        meter=meter,
        bars=_bars(options, tempo_bpm, meter),
        key=options.key,
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        count=options.count,
        model=options.model,
        method=options.method,
        quality=options.quality,
        budget=Budget(steps=options.steps, seconds=options.seconds),
        loop=options.loop,
        start=start,
        sample_rate=options.sample_rate,
    )
    remarks: list[str] = []
    controls = tuple(_controls(options, request, remarks.append))
    return Asked(_with_key(request, _tuned(options, controls, request), remarks.append), tuple(remarks))


def _bars(options: LoopOptions, tempo_bpm: Fraction, meter: Meter) -> int:
    """Return the bars asked for; with `--outpaint` the reference's own and those to add."""
    if options.outpaint is None:
        return options.bars
    return _reference_bars(options, tempo_bpm, meter) + options.outpaint


def _reference_bars(options: LoopOptions, tempo_bpm: Fraction, meter: Meter) -> int:
    if options.inpaint is None:
        raise BadRequestError("--outpaint needs the audio to go on from: --inpaint FILE.wav.")
    if options.outpaint is None or options.outpaint < 1:
        raise BadRequestError(f"--outpaint may be 1 bar or more, not {options.outpaint}.")
    samples, sample_rate = read_audio(options.inpaint)
    bars = round(samples_to_beats(samples.shape[1], tempo_bpm, sample_rate) / meter.beats_per_bar)
    if bars < 1:
        raise BadInputError(f"{options.inpaint} is shorter than half a bar at {float(tempo_bpm):g} BPM.")
    return bars


def _controls(options: LoopOptions, request: LoopRequest, say: Callable[[str], None]) -> Iterator[Control]:
    beats = request.beats
    if options.intensity is not None:
        yield Control(kind="intensity", target=targets.curve(options.intensity, beats))
    if options.melody is not None:
        notes, remarks = targets.melody_notes(options.melody, beats)
        for remark in remarks:
            say(remark)
        yield Control(kind="melody", target=notes)
    if options.rhythm is not None:
        strokes, remarks = targets.rhythm_onsets(options.rhythm, beats)
        for remark in remarks:
            say(remark)
        yield Control(kind="rhythm", target=strokes)
    if options.structure is not None:
        yield Control(kind="structure", target=targets.structure(options.structure))
    if options.brightness is not None:
        yield Control(kind="brightness", target=targets.curve(options.brightness, beats, "hz"))
    if options.timbre is not None:
        yield Control(kind="timbre", target=targets.audio(options.timbre))
    if options.inpaint is not None:
        yield _painted(options, request)
    for text in options.control:
        yield _other(text, beats)


def _painted(options: LoopOptions, request: LoopRequest) -> Control:
    """Return the control that keeps a part of the reference audio."""
    assert options.inpaint is not None
    if options.outpaint is not None:
        end = request.beats - options.outpaint * request.meter.beats_per_bar
        return Control(kind="outpaint", target=targets.audio(options.inpaint, ((Fraction(0), end),)))
    if not options.keep:
        raise BadRequestError("--inpaint needs the beats to keep, such as --keep 0:8.")
    keep = tuple(targets.beat_range(text, "--keep") for text in options.keep)
    for start, end in keep:
        if end > request.beats:
            raise BadRequestError(
                f"--keep {float(start):g}:{float(end):g} ends outside the loop; "
                f"it has beats 0 to {float(request.beats):g}."
            )
    return Control(kind="inpaint", target=targets.audio(options.inpaint, keep))


def _other(text: str, beats: Fraction) -> Control:
    """Return a control by its name; the value's form says what it is."""
    kind, value = targets.named_value(text, "--control")
    lowered = value.lower().partition("#")[0]
    target: Target
    if lowered.endswith((".mid", ".midi")):
        target = targets.melody_notes(value, beats)[0]
    elif lowered.endswith((".wav", ".aif", ".aiff", ".flac", ".ogg", ".mp3")):
        target = targets.audio(Path(value))
    elif lowered.endswith((".json", ".als")) or value[0].isdigit():
        target = targets.curve(value, beats)
    else:
        target = Words(text=value)
    return Control(kind=kind, target=target)


def _tuned(options: LoopOptions, controls: tuple[Control, ...], request: LoopRequest) -> tuple[Control, ...]:
    """Return the controls with their weights and the beats where they hold."""
    weights = dict(targets.named_value(text, "--weight") for text in options.weight)
    ranges = dict(targets.named_value(text, "--only") for text in options.only)
    if "text" in weights and all(control.kind != "text" for control in controls):
        controls = (*controls, Control(kind="text", target=Words(text=options.prompt)))
    known = [control.kind for control in controls]
    for name in (*weights, *ranges):
        if name not in known:
            raise BadRequestError(f"{name!r} is not among this loop's controls ({', '.join(known) or 'none'}).")
    tuned = []
    for control in controls:
        weight = float(exact(weights.get(control.kind, "1")))
        within = targets.beat_range(ranges[control.kind], "--only") if control.kind in ranges else None
        tuned.append(msgspec.structs.replace(control, weight=weight, within=within))
    return tuple(tuned)


def _with_key(request: LoopRequest, controls: tuple[Control, ...], say: Callable[[str], None]) -> LoopRequest:
    """Return the request with its controls, in the melody's key where none was given."""
    key = request.key
    for control in controls:
        if key is None and control.kind == "melody" and isinstance(control.target, Notes):
            guess = guess_key(control.target.notes)
            key = str(guess.key)
            say(guess.sentence)
    return msgspec.structs.replace(request, controls=controls, key=key)

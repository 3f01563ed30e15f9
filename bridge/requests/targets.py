"""From what a producer types or points at to a target: curves, notes, onsets, words, audio.

`read_target` chooses the reader by the types that a control takes, and by the text's form where it takes several or
is not known here. All raise `MidiError` or `BadInputError` with the file's name in the sentence.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.audio.repeat import NEAR_BEATS
from engine.audio.resample import resampled
from engine.errors import BadInputError, BadRequestError
from engine.request import (
    MAX_AUDIO_RATE_HZ,
    MIN_AUDIO_RATE_HZ,
    Audio,
    Curve,
    LoopRequest,
    Notes,
    Number,
    Onsets,
    Point,
    Target,
    Words,
)
from midi.curves.automation import Curve as Automation
from midi.curves.automation import flattened, from_json, parse_points
from midi.errors import MidiError
from midi.files.file_part import existing, split_file_part
from midi.grooves.groove import groove_from_audio
from midi.grooves.rhythm import kind_of, onsets
from midi.live.lane_path import is_set
from midi.live.note_file import holds_notes, naming, read_notes
from midi.live.notes_read import several_said
from midi.melody import melody, pitched
from midi.tempo import SIXTEENTH, Meter, beats_to_samples, exact, samples_to_beats

from .live_lane import LaneReference, names_set, read_lane, short_beat
from .recorded import tempo_of
from .sounds import SoundPart

Say = Callable[[str], None]
"""Takes a sentence for the producer."""

_AUDIO = (".wav", ".w64", ".rf64", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".caf", ".au")
_PAIRS = re.compile(r"[\s\d.]|[+\-\u2212][\d.][^:]*$|$")  # an empty one is refused in better words later
SPARE_SECONDS = 1.0  # beyond the loop, so that a change of the sampling rate has its surroundings
SILENT_PEAK = 1e-4
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_FORM = re.compile(r"[A-Za-z]{1,32}")


class TargetRow(Protocol):
    """A control's name, and the types of target that it takes, as a `BuiltinControl` or an `engine.controls.Row`."""

    @property
    def kind(self) -> str:
        """The control's name."""
        ...

    @property
    def targets(self) -> tuple[type, ...]:
        """The types of target that it takes."""
        ...


def read_target(row: TargetRow | None, text: str, loop: LoopRequest, say: Say) -> Target:
    """Return the target that `text` means to the control of `row`, or by its form alone where that is `None`.

    `loop` has the tempo and the length; `say` gets sentences on how a file was understood.
    """
    kind = _type_of(row, text)
    if kind is Curve:
        return curve(text, loop.beats, getattr(row, "curve_unit", "db"), say)
    if kind is Notes:
        return _said(melody_notes(text, loop.beats, loop.meter), say)
    if kind is Onsets:
        return _said(rhythm(text, loop), say)
    if kind is Audio:
        return _sounding(SoundPart.parse(text), say, loop.seconds)
    if kind is Number:
        return number(row, text)
    if row is not None and row.kind == "structure":
        return structure(text, say, loop_seconds=loop.seconds)
    return Words(text=text)


def number(row: TargetRow | None, text: str) -> Number:
    """Return a single number; raise `BadRequestError` with the control's name for anything else."""
    if not _NUMBER.fullmatch(text.strip()):
        name = "value" if row is None else f"{row.kind} control"
        raise BadRequestError(f"The {name} takes a number, not {text[:40]!r}.")
    return Number(value=float(text))


def _type_of(row: TargetRow | None, text: str) -> type:
    """Return the type of target: the only one that the control takes, else the first that fits the text's form."""
    allowed = row.targets if row is not None else ()
    if len(allowed) == 1:
        return allowed[0]
    fitting = _fitting(text)
    return next((kind for kind in fitting if not allowed or kind in allowed), allowed[0] if allowed else fitting[0])


def _fitting(text: str) -> tuple[type, ...]:
    """Return the types of target that a text of this form can be, the likeliest first."""
    path = split_file_part(text).path
    if is_set(path):  # a lane by its three names, a clip by its one or two
        return (Curve, Notes, Onsets) if text.rpartition("#")[2].count("/") >= 2 else (Notes, Onsets, Curve)
    if holds_notes(path):
        return Notes, Onsets
    if path.suffix.lower() in _AUDIO:
        return Audio, Onsets
    if path.suffix.lower() == ".json" or (":" in text and _PAIRS.match(text)):
        return (Curve,)
    return (Number, Words) if _NUMBER.fullmatch(text.strip()) else (Words,)


def _said(read: "tuple[Notes | Onsets, Sequence[str]]", say: Say) -> Target:
    target, remarks = read
    for remark in remarks:
        say(remark)
    return target


def curve(text: str, loop_beats: Fraction, unit: str = "db", say: Say = lambda _: None) -> Curve:
    """Read `0:-30 8:-9`, a JSON file, or a lane of a Live set such as `SET.als#Track/Device/Parameter@16`.

    `unit` is `db`, `hz` or `unit` (0..1), except for a lane, which has its own. Raises `MidiError`.
    """
    if names_set(text):
        return read_lane(LaneReference.parse(text), loop_beats, say)
    if text.lower().endswith(".json"):
        with naming(Path(text)):
            return as_curve(from_json(Path(text), loop_beats), unit)
    if not _PAIRS.match(text):
        raise MidiError(
            "not_a_curve",
            f"{text[:80]!r} is no curve: beat:value pairs, a .json file or a lane of an .als file are.",
            "Write points like 0:-30 8:-9 16:-30.",
        )
    return as_curve(parse_points(text, loop_beats), unit)


def as_curve(automation: Automation, unit: str) -> Curve:
    """Return breakpoints as the request has them, bent segments as many straight ones."""
    points = (Point(short_beat(point.beat), float(point.value)) for point in flattened(automation).points)
    return Curve(points=tuple(points), unit=unit)  # type: ignore[arg-type]  # callers pass one of three


def melody_notes(text: str, loop_beats: Fraction, meter: Meter | None = None) -> tuple[Notes, tuple[str, ...]]:
    """Read one voice from `FILE.mid`, `FILE.mid#Track`, `SET.als#Track/Clip` or `CLIP.alc`."""
    found, path = read_notes(text, loop_beats, meter), split_file_part(text).path
    with naming(path):
        line = pitched(found.notes)
        said = (*found.remarks, *several_said(path.name, found.tracks), *line.remarks)
        return Notes(notes=melody(line.notes)), said


def rhythm(text: str, loop: LoopRequest) -> tuple[Onsets, tuple[str, ...]]:
    """Read strokes from `FILE.mid#Track`, `SET.als#Track/Clip` or `CLIP.alc`, or the groove of a recorded loop."""
    if split_file_part(text).path.suffix.lower() in _AUDIO:
        return _recorded(SoundPart.parse(text), loop)
    found = read_notes(text, loop.beats, loop.meter, chase=False)
    with naming(split_file_part(text).path):
        return Onsets(onsets=onsets(found.notes, kind_of(found.notes, kit=found.kit))), found.remarks


def _recorded(sound: SoundPart, loop: LoopRequest) -> tuple[Onsets, tuple[str, ...]]:
    path, recording = sound.path, sound.read()
    samples, sample_rate = recording.samples, recording.sample_rate
    beats, remarks = _recorded_beats(path, samples.shape[1], sample_rate, loop)
    with naming(path):
        groove = groove_from_audio(samples, sample_rate, beats)
    strokes = groove.onsets(loop.beats)
    if not strokes:
        raise BadInputError(f"{path.name} has no strokes in the first {float(loop.beats):g} beats.")
    played = loop.beats / beats
    turns = f", played {float(played):g} times" if played > 1 else ""
    length = f"{path.name} is {float(beats):g} beats long, with {len(strokes)} strokes{turns}."
    return Onsets(onsets=strokes), (*remarks, length)


def _recorded_beats(path: Path, samples: int, sample_rate: int, loop: LoopRequest) -> tuple[Fraction, tuple[str, ...]]:
    """Return how many beats a recorded loop has, by the tempo that its file or its name tells, and sentences.

    Without such a tempo it lasts whole bars, as near as possible to the request's tempo.
    """
    told_bpm, where = tempo_of(path)
    beats = samples_to_beats(samples, told_bpm or loop.tempo_bpm, sample_rate)
    bar = loop.meter.beats_per_bar
    if told_bpm is None and beats < bar / 2:
        raise BadInputError(f"{path} is shorter than half a bar at {float(loop.tempo_bpm):g} BPM.")
    step = SIXTEENTH if told_bpm is not None and bar % SIXTEENTH == 0 else bar
    whole = max(step, round(beats / step) * step)
    if told_bpm is None and abs(whole - beats) > NEAR_BEATS:
        heard_bpm = float(loop.tempo_bpm * whole / beats)
        return whole, (f"{path.name} does not tell its tempo; it is heard at {heard_bpm:.4g} BPM, in whole bars.",)
    if told_bpm is not None and where != path.name:
        return whole, (f"{where} says {float(told_bpm):g} BPM, at which its groove is heard.",)
    return whole, ()


def structure(text: str, say: Say = lambda _: None, *, loop_seconds: float | None = None) -> Words | Audio:
    """Read a form such as `AABA`, or reference audio."""
    if _FORM.fullmatch(text) and existing(Path(text)) is None:
        return Words(text=text.upper())
    return _sounding(SoundPart.parse(text), say, loop_seconds)


def _sounding(sound: SoundPart, say: Say, loop_seconds: float | None) -> Audio:
    """Read reference audio that a loop is to resemble; raises `BadInputError` for silence, which is like nothing."""
    found = audio(sound, say=say, loop_seconds=loop_seconds)
    if is_silent(samples_of(found)):
        raise BadInputError(f"{sound.name} is silent where it is heard: there is nothing to follow.")
    return found


def audio(
    sound: SoundPart,
    keep: tuple[tuple[Fraction, Fraction], ...] = (),
    say: Say = lambda _: None,
    *,
    loop_seconds: float | None = None,
) -> Audio:
    """Read reference audio, as much as a control of a loop of `loop_seconds` follows, all where None.

    `keep` are ranges of beats that stay as they are, `say` gets sentences on how the file was understood. Raises
    `BadInputError` for a file that cannot be read.
    """
    recording = sound.read(None if loop_seconds is None else loop_seconds + SPARE_SECONDS)
    for remark in recording.remarks:
        say(remark)
    samples, sample_rate = recording.samples, min(max(recording.sample_rate, MIN_AUDIO_RATE_HZ), MAX_AUDIO_RATE_HZ)
    if sample_rate != recording.sample_rate:
        count = max(1, round(samples.shape[1] * sample_rate / recording.sample_rate))
        samples = resampled(samples.astype(np.float64), count, circular=False).astype(np.float32)
    return Audio(
        samples=samples.T.astype("<f4").tobytes(),
        sample_rate=sample_rate,
        channels=samples.shape[0],
        keep=keep,
    )


def samples_of(
    sound: Audio, within: tuple[Fraction, Fraction] | None = None, tempo_bpm: Fraction = Fraction(120)
) -> NDArray[np.float32]:
    """Return the samples [samples, channels] of a sound, `within` beats at a tempo where given."""
    samples = np.frombuffer(sound.samples, "<f4").reshape(-1, sound.channels)
    if within is None:
        return samples
    first, last = (beats_to_samples(beat, tempo_bpm, sound.sample_rate) for beat in within)
    return samples[first:last]


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Whether nothing is heard of samples: none, or all below -80 dBFS, where dither and codecs lie."""
    return not (np.abs(samples) > SILENT_PEAK).any()


def beat_range(text: str, what: str) -> tuple[Fraction, Fraction]:
    """Read `FROM:TO` in beats; raises `BadRequestError`, in which `what` is the setting's name, or `MidiError`."""
    start, colon, end = text.partition(":")
    if not colon:
        raise BadRequestError(f"{what} is {text!r}.", remedy="Write two beats with a colon, such as 0:8.")
    first, last = exact(start), exact(end)
    if not 0 <= first < last:
        raise BadRequestError(f"{what} is {text!r}; the beats must rise from 0.", remedy="")
    return first, last

"""From what a producer types or points at to a target: curves, notes, onsets, words, audio.

`read_target` chooses the reader by the types that a control takes, and by the text's form where it takes several or
is not known here. All raise `MidiError` or `BadInputError` with the file's name in the sentence.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from engine.audio.wav import read_audio, read_loop_info
from engine.errors import BadInputError, BadRequestError
from engine.request import Audio, Curve, LoopRequest, Notes, Number, Onsets, Point, Target, Words
from midi.curves.automation import Curve as Automation
from midi.curves.automation import flattened, from_json, parse_points
from midi.errors import MidiError
from midi.groove import SIXTEENTH, groove_from_audio
from midi.melody import melody
from midi.notes import Note, cut, shift, sort_notes
from midi.rhythm import onsets
from midi.tempo import exact, samples_to_beats

from .live_lane import LaneReference, read_lane, short_beat

if TYPE_CHECKING:
    from midi.smf.read import ScoreTrack

Say = Callable[[str], None]
"""Takes a sentence for the producer."""

_MIDI = (".mid", ".midi")
_AUDIO = (".wav", ".aif", ".aiff", ".flac", ".ogg", ".mp3")
_PAIRS = re.compile(r"[\s\d.]|$")  # an empty one is refused in better words later
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_FORM = re.compile(r"[A-Za-z]{1,32}")


class Clip(NamedTuple):
    """The notes of a file within the loop, and what was said about them."""

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()


class TargetRow(Protocol):
    """What is known of a control: its name, and the types of target that it takes (`engine.controls.registry.Row`)."""

    @property
    def kind(self) -> str:
        """The control's name."""
        ...

    @property
    def targets(self) -> tuple[type, ...]:
        """The types of target that it takes."""
        ...


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A control that ships with Ditto Live, as far as reading its target goes, without loading torch."""

    kind: str
    targets: tuple[type, ...]
    curve_unit: str = "db"


OWN_ROWS: dict[str, OwnRow] = {
    row.kind: row
    for row in (
        OwnRow("intensity", (Curve,)),
        OwnRow("melody", (Notes,)),
        OwnRow("rhythm", (Onsets,)),
        OwnRow("structure", (Words, Audio)),
        OwnRow("brightness", (Curve,), "hz"),
        OwnRow("timbre", (Audio,)),
        OwnRow("inpaint", (Audio,)),
        OwnRow("outpaint", (Audio,)),
        OwnRow("text", (Words,)),
    )
}


def read_target(row: TargetRow | None, text: str, loop: LoopRequest, say: Say) -> Target:
    """Return the target that `text` means to the control of `row`, or by its form alone where that is `None`.

    `loop` has the tempo and the length; `say` takes what is worth saying about the file.
    """
    kind = _type_of(row, text)
    if kind is Curve:
        return curve(text, loop.beats, getattr(row, "curve_unit", "db"))
    if kind is Notes:
        return _said(melody_notes(text, loop.beats), say)
    if kind is Onsets:
        return _said(rhythm(text, loop), say)
    if kind is Audio:
        return audio(Path(text))
    if kind is Number:
        return number(row, text)
    return structure(text) if row is not None and row.kind == "structure" else Words(text=text)


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
    file = text.lower().partition("#")[0]
    if file.endswith(_MIDI):
        return Notes, Onsets
    if file.endswith(_AUDIO):
        return Audio, Onsets
    if file.endswith((".json", ".als")) or (":" in text and _PAIRS.match(text)):
        return (Curve,)
    return (Number, Words) if _NUMBER.fullmatch(text.strip()) else (Words,)


def _said(read: "tuple[Notes | Onsets, Sequence[str]]", say: Say) -> Target:
    target, remarks = read
    for remark in remarks:
        say(remark)
    return target


def curve(text: str, loop_beats: Fraction, unit: str = "db") -> Curve:
    """Read `0:-30 8:-9`, a JSON file, or a lane of a Live set such as `SET.als#Track/Device/Parameter@16`."""
    if ".als" in text.lower():
        return read_lane(LaneReference.parse(text), loop_beats)
    if text.lower().endswith(".json"):
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


def melody_notes(text: str, loop_beats: Fraction) -> tuple[Notes, tuple[str, ...]]:
    """Read one voice from `FILE.mid` or `FILE.mid#Track`."""
    clip = read_clip(text, loop_beats)
    with _naming(text):
        return Notes(notes=melody(clip.notes)), clip.remarks


def rhythm(text: str, loop: LoopRequest) -> tuple[Onsets, tuple[str, ...]]:
    """Read strokes from `FILE.mid`, from `FILE.mid#Track`, or the groove of a recorded loop."""
    if text.lower().endswith(_AUDIO):
        return _recorded(Path(text), loop)
    clip = read_clip(text, loop.beats)
    with _naming(text):
        return Onsets(onsets=onsets(clip.notes)), clip.remarks


def _recorded(path: Path, loop: LoopRequest) -> tuple[Onsets, tuple[str, ...]]:
    samples, sample_rate = read_audio(path)
    beats = _recorded_beats(path, samples.shape[1], sample_rate, loop)
    with _naming(str(path)):
        groove = groove_from_audio(samples, sample_rate, beats)
    strokes = groove.onsets(loop.beats)
    if not strokes:
        raise BadInputError(f"{path.name} has no strokes in the first {float(loop.beats):g} beats.")
    played = loop.beats / beats
    turns = f", played {float(played):g} times" if played > 1 else ""
    return Onsets(onsets=strokes), (f"{path.name} is {float(beats):g} beats long, with {len(strokes)} strokes{turns}.",)


def _recorded_beats(path: Path, samples: int, sample_rate: int, loop: LoopRequest) -> Fraction:
    """Return how many beats a recorded loop has: by the tempo in its file, else whole bars at the request's."""
    info = read_loop_info(path)
    tempo_bpm = exact(info.tempo_bpm) if info is not None and info.tempo_bpm > 0 else loop.tempo_bpm
    beats = samples_to_beats(samples, tempo_bpm, sample_rate)
    bar = loop.meter.beats_per_bar
    step = SIXTEENTH if info is not None and bar % SIXTEENTH == 0 else bar
    return max(step, round(beats / step) * step)


def read_clip(text: str, loop_beats: Fraction) -> Clip:
    """Return the notes of a MIDI file, or of one of its tracks, that lie in the loop.

    A clip whose length fits into the loop several times is repeated, as Live would play it.
    """
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    path, track_name = split_name(text)
    score = read_midi(path)
    with _naming(text):
        tracks = (score.track(track_name),) if track_name else score.tracks
        notes, end = _together(tracks)
        inside = cut(notes, Fraction(0), loop_beats)
        if notes and not inside:
            raise MidiError(
                "outside_loop",
                f"The first note is at beat {float(notes[0].start):g}; this loop has beats 0 to {float(loop_beats):g}.",
                "Move the notes to the start of the file, or ask for more bars.",
            )
    turns = int(loop_beats / end) if end >= 1 and loop_beats % end == 0 else 1
    if turns < 2:
        return Clip(inside, score.remarks)
    repeated = tuple(note for turn in range(turns) for note in shift(inside, turn * end))
    return Clip(repeated, (*score.remarks, f"{path.name} lasts {float(end):g} beats and is played {turns} times."))


def _together(tracks: "Sequence[ScoreTrack]") -> tuple[tuple[Note, ...], Fraction]:
    """Return the notes of all tracks and the beat at which the longest one ends."""
    notes = sort_notes(note for track in tracks for note in track.notes)
    return notes, max((track.end for track in tracks), default=Fraction(0))


def split_name(text: str) -> tuple[Path, str]:
    """Return path and track of `FILE.mid#Track`; a file whose own name holds # is taken as it is."""
    whole = Path(text)
    if "#" not in text or _exists(whole):
        return whole, ""
    file, _, name = text.partition("#")
    return Path(file), name


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


@contextmanager
def _naming(text: str) -> Iterator[None]:
    """Put the file's name in front of what is said about its notes."""
    try:
        yield
    except MidiError as error:
        raise MidiError(error.fault, f"{Path(text).name}: {error.sentence}", error.remedy) from error


def structure(text: str) -> Words | Audio:
    """Read a form such as `AABA`, or reference audio."""
    return Words(text=text.upper()) if _FORM.fullmatch(text) and not _exists(Path(text)) else audio(Path(text))


def audio(path: Path, keep: tuple[tuple[Fraction, Fraction], ...] = ()) -> Audio:
    """Read reference audio; `keep` are ranges of beats."""
    samples, sample_rate = read_audio(path)
    return Audio(
        samples=samples.T.astype("<f4").tobytes(),
        sample_rate=sample_rate,
        channels=samples.shape[0],
        keep=keep,
    )


def beat_range(text: str, what: str) -> tuple[Fraction, Fraction]:
    """Read `FROM:TO` in beats."""
    start, colon, end = text.partition(":")
    if not colon:
        raise BadRequestError(f"{what} is {text!r}; write two beats with a colon, such as 0:8.")
    first, last = exact(start), exact(end)
    if not 0 <= first < last:
        raise BadRequestError(f"{what} is {text!r}; the beats must rise from 0.")
    return first, last

"""Whether a verdict says what the file holds: takes with one to three controls, measured once more on what was written.

    python -m benchmarks verdicts [--takes 200] [--seconds 5] [--publish]

Loops of one to four bars at many tempi, each control's target its own. Of a loop in layers a melody hears the lead, a
rhythm drums and percussion, a harmony chords and bass, so their stems are delivered and measured. What a verdict says,
such as "missed by 4.5 dB between bars 2 and 3", is compared with the same measure by another implementation
(`measured.py`) on the delivered files, and so is the grade. Each take is a row that is kept as it comes. 200 take some
30 minutes of two cores.
"""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, beside_bars
from benchmarks.quality import measured, tasks
from benchmarks.quality.control import weights_of
from benchmarks.quality.measured import Loop
from benchmarks.rows import Row, Rows
from bridge.takes.delivery import write_files
from engine import pipeline
from engine.events import Stems, Take
from engine.models import catalogue
from engine.models.protocol import Model
from engine.request import Budget, Control, Curve, LoopRequest, Notes, Onsets, Point, Quality, Target, Words
from engine.settings import Settings
from midi.grooves.rhythm import Onset
from midi.notes import Note
from midi.tempo import Meter

KINDS = ("intensity", "brightness", "melody", "rhythm", "structure", "harmony")
SHAPES = ((1, 4), (1, 4), (2, 4), (2, 4), (2, 3), (4, 4))  # bars, and beats of a bar
TEMPI_BPM = (96, 110, 124, 133, 140, 174)
WITHIN = {"dB": 0.3, "octaves": 0.05, "%": 5.0, "times": 0.1}  # how far apart the two may be
GRADES_AT = {
    "intensity": (1.0, 2.0),
    "brightness": (0.2, 0.35),
    "melody": (95, 85),
    "rhythm": (90, 75),
    "structure": (1, 3),
    "harmony": (80, 60),
}
FOLLOWED_MSE = 0.001  # of a structure: its verdict counts in this
OWN_LAYERS = {  # which these hear, where a loop has them
    "melody": ("lead",),
    "rhythm": ("drums", "percussion"),
    "harmony": ("chords", "bass"),
}
FORMS = ("AB", "AAB", "ABAC", "ABBA", "AABB")
CHORDS = ("C Am", "F G", "Dm G", "Am F", "Em C", "Bb Gm")
CEILING_DBTP = -1.0
BARS = {"agree, %": Bar(98, least=True), "true peak, dBTP": Bar(CEILING_DBTP)}
BAR = (
    "Bars: the project's own, set before measuring. A verdict and the other implementation may differ by 0.3 dB, 0.05 "
    "octaves, 5 % of frames, hits or chords, of a structure by 0.1 of the distance that counts as followed, or 5 %; "
    "the grade by no more than that. Peaks by two other implementations, the larger."
)


def request_of(number: int, seconds: float) -> LoopRequest:
    """Return the request of a take: its own shape, tempo, words and one to three controls."""
    chance = Random(f"verdicts {number}")
    bars, beats_a_bar = chance.choice(SHAPES)
    beats = bars * beats_a_bar
    kinds = chance.sample(KINDS, 1 + number % 3)
    controls = [Control(kind=kind, target=_TARGETS[kind](chance, beats)) for kind in KINDS if kind in kinds]
    return LoopRequest(
        prompt=chance.choice(tasks.PROMPTS),
        tempo_bpm=Fraction(chance.choice(TEMPI_BPM)),
        bars=bars,
        meter=Meter(beats_a_bar, 4),
        seed=number,
        key=chance.choice(("A minor", "C major", "F minor", "D dorian")),
        controls=tuple(controls),
        quality=Quality.DRAFT,
        stems=True,
        budget=Budget(seconds=seconds),
    )


def _level(chance: Random, beats: int) -> Curve:
    low, high = chance.uniform(-34, -24), chance.uniform(-22, -12)
    return Curve(points=tuple(Point(Fraction(at), value) for at, value in _swell(chance, beats, low, high)))


def _centroid(chance: Random, beats: int) -> Curve:
    low, high = chance.uniform(400, 900), chance.uniform(1500, 4000)
    points = tuple(Point(Fraction(at), value) for at, value in _swell(chance, beats, low, high))
    return Curve(points=points, unit="hz")


def _swell(chance: Random, beats: int, low: float, high: float) -> list[tuple[int, float]]:
    """Return a line that goes from one value to the other and back, so that it closes at the wrap."""
    first, second = (low, high) if chance.random() < 0.5 else (high, low)
    return [(0, first), (max(1, beats // 2), second), (beats, first)]


def _tune(chance: Random, beats: int) -> Notes:
    scale = (0, 3, 5, 7, 10, 12)
    length = chance.choice((1, 1, 2))
    notes = [Note(69 + chance.choice(scale), Fraction(at), Fraction(length)) for at in range(0, beats, length)]
    return Notes(notes=tuple(note for note in notes if note.start + note.duration <= beats))


def _groove(chance: Random, beats: int) -> Onsets:
    steps = chance.choice(tasks.GROOVES)
    strokes = sorted({Fraction(4 * bar * 4 + step, 4) for bar in range(-(-beats // 4)) for step in steps})
    return Onsets(onsets=tuple(Onset(at, 1.0) for at in strokes if at < beats))


def _form(chance: Random, beats: int) -> Words:
    return Words(text=chance.choice(FORMS))


def _progression(chance: Random, beats: int) -> Words:
    return Words(text=chance.choice(CHORDS))  # without bar lines: they share the loop


_TARGETS: dict[str, Callable[[Random, int], Target]] = {
    "intensity": _level,
    "brightness": _centroid,
    "melody": _tune,
    "rhythm": _groove,
    "structure": _form,
    "harmony": _progression,
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a verdict says: the grade, the amount with its unit, and the bars, from 0 to before `last`."""

    grade: str
    amount: float
    unit: str
    first: int
    last: int


_AMOUNT = re.compile(r"([\d.]+) (dB|octaves|%|times)")
_BARS = re.compile(r"between bars (\d+) and (\d+)|in bar (\d+)")


def said_of(grade: str, sentence: str, bars: int) -> Said:
    """Read a verdict's sentence; raises `ValueError` for one without an amount."""
    found, place = _AMOUNT.search(sentence), _BARS.search(sentence)
    if found is None:
        raise ValueError(f"{sentence!r} says no amount")
    numbers = [int(text) for text in place.groups() if text] if place else [1, bars]
    amount, unit = float(found[1]), found[2]
    if "likeness" in sentence:  # said in per cent of likeness, compared as the squared distance that is measured
        amount, unit = (amount / 100) ** 2 / FOLLOWED_MSE, "times"
    return Said(grade, amount, unit, numbers[0] - 1, numbers[-1])


def heard(loop: Loop, request: LoopRequest, control: Control) -> NDArray[np.float64] | float:
    """Return the error of each frame in the control's unit, or the share in per cent."""
    match control.target:
        case Curve(unit="hz") as curve:
            values = measured.brightness_octaves(loop)
            wanted = _line(curve, request, len(values), np.log2)
            return values - measured.second_long(wanted, float(request.seconds))
        case Curve() as curve:
            values = measured.level_db(loop)
            wanted = np.maximum(_line(curve, request, len(values), np.asarray), measured.FLOOR_DB)
            return values - measured.smoothed(wanted, float(request.seconds))
        case Notes(notes=notes):
            classes = measured.pitch_classes(loop)
            beat = np.arange(len(classes)) * float(request.beats) / len(classes)
            right = sounding = 0
            for note in notes:
                inside = (beat >= float(note.start)) & (beat < float(note.start + note.duration))
                right += int((classes[inside] == note.pitch % 12).sum())
                sounding += int(inside.sum())
            return 100 * right / sounding
        case Onsets(onsets=onsets):
            wanted_seconds = [float(one.beat) * 60 / float(request.tempo_bpm) for one in onsets]
            return 100 * measured.f1(measured.onsets_seconds(loop), wanted_seconds, float(request.seconds))
        case Words(text=text) if control.kind == "structure":
            return measured.form_mse(loop, text) / FOLLOWED_MSE
        case Words(text=text) if control.kind == "harmony":
            return _chords_heard(loop, text, float(request.seconds))
    raise ValueError(f"{control.kind} is not measured here")


def _chords_heard(loop: Loop, text: str, seconds: float) -> float:
    """Return how many per cent of the plain major and minor chords, which share the loop, are heard."""
    roots = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "Bb": 10}
    names = text.split()
    wanted = [(roots[name.removesuffix("m")], "minor" if name.endswith("m") else "major") for name in names]
    edges = np.linspace(0, seconds, len(names) + 1)
    right = [measured.chord(loop, *edges[at : at + 2]) == one for at, one in enumerate(wanted)]
    return 100 * sum(right) / len(right)


def _line(
    curve: Curve, request: LoopRequest, frames: int, mapped: Callable[..., NDArray[np.float64]]
) -> NDArray[np.float64]:
    beat = np.arange(frames) * float(request.beats) / frames
    values = mapped(np.array([point.value for point in curve.points]))
    return np.interp(beat, [float(point.beat) for point in curve.points], values)


def agrees(said: Said, kind: str, found: NDArray[np.float64] | float, bars: int) -> tuple[bool, float]:
    """Return whether a verdict says what was found, in amount and grade, and the amount that was found."""
    room = WITHIN[said.unit]
    if isinstance(found, float):
        amount = whole = found
        room = max(room, 0.05 * found) if said.unit == "times" else room
    else:
        bar = np.arange(len(found)) * bars // len(found)
        named = (bar >= said.first) & (bar < said.last)
        amount, whole = (float(np.sqrt(np.mean(error**2))) for error in (found[named], found))
    good, near = GRADES_AT[kind]
    grades = {_grade(whole + shift, good, near) for shift in (-room, 0, room)}
    return abs(amount - said.amount) <= room and said.grade in grades, amount


def _grade(value: float, good: float, near: float) -> str:
    if good > near:  # a share
        value, good, near = -value, -good, -near
    return "good" if value <= good else "near" if value <= near else "miss"


def take_of(number: int, seconds: float, model: Model) -> Row:
    """Make a take, write it, and compare its verdicts and peaks with the file's."""
    request = request_of(number, seconds)
    events = list(pipeline.make_loop(request, model, Settings()))
    take = next(event for event in events if isinstance(event, Take))
    stems = next((event for event in events if isinstance(event, Stems)), None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loop.wav"
        write_files(path, request, take, stems)
        loop, verdicts = Loop.read(path), json.loads(path.with_suffix(".json").read_bytes())["verdicts"]
        parts = {stem.stem.partition("-")[2]: Loop.read(stem) for stem in path.parent.glob("loop-*.wav")}
    row: Row = {"controls": " ".join(control.kind for control in request.controls), "agree": 1}
    for control, verdict in zip(request.controls, verdicts, strict=True):
        said = said_of(verdict["grade"], verdict["sentence"], request.bars)
        agree, amount = agrees(said, control.kind, heard(_given(control, loop, parts), request, control), request.bars)
        row |= {control.kind: amount, f"{control.kind} said": verdict["sentence"]}
        row["agree"] = int(row["agree"] and agree)
    metered, exact = measured.true_peaks_dbtp(loop)
    return row | {"peak_dbtp": max(metered, exact), "metered_dbtp": metered, "exact_dbtp": exact}


def _given(control: Control, loop: Loop, stems: Mapping[str, Loop]) -> Loop:
    """Return what a control hears: the delivered stems of its layers, and of a loop that has none of them all of it."""
    own = [stems[layer].samples for layer in OWN_LAYERS.get(control.kind, ()) if layer in stems]
    return Loop(np.sum(own, axis=0), loop.rate) if own else loop


def summary(rows: Rows, prefix: str) -> dict[str, float]:
    """Return the share of takes whose verdicts agree, and the highest true peak."""
    takes = rows.below(prefix).values()
    return {
        "takes": len(takes),
        "verdicts": sum(len(row["controls"].split()) for row in takes),
        "agree, %": 100 * sum(row["agree"] for row in takes) / max(1, len(takes)),
        "true peak, dBTP": max((row["peak_dbtp"] for row in takes), default=-200.0),
    }


def table(rows: Rows) -> Table:
    """Return the summary of the published takes."""
    prefix = next(iter(rows)).rpartition("/")[0]
    return beside_bars(summary(rows, prefix), BARS, BAR)


def main() -> None:
    """Read the command line; make what is missing, and fail where a bar is missed."""
    options = parser(__doc__)
    options.add_argument("--takes", type=int, default=200)
    options.add_argument("--seconds", type=float, default=5.0, help="of search for a take")
    add_rows(options, "verdicts")
    chosen = options.parse_args()
    rows, prefix = open_rows(chosen, weights_of("pocket")), f"{chosen.seconds:g} s"
    missing = [number for number in range(chosen.takes) if f"{prefix}/{number}" not in rows]
    model = catalogue.load("pocket", Settings()) if missing else None
    for number in missing:
        assert model is not None
        row = rows.get(f"{prefix}/{number}", partial(take_of, number, chosen.seconds, model))
        print(f"{number + 1} of {chosen.takes}: {row['controls']}, {'agrees' if row['agree'] else row}", flush=True)
    found = summary(rows, prefix)
    print(found)
    if not all(bar.met(found[name]) for name, bar in BARS.items()):
        raise SystemExit(1)

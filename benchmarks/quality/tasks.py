"""What the control benchmark asks for: targets not used in tuning, one per seed, the same for every method."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import count

import msgspec
import numpy as np

from engine.request import Control, Curve, LoopRequest, Notes, Onsets, Point, Words
from midi.grooves.rhythm import Group, Onset
from midi.notes import Note

IN_LAYERS = ("drums", "bass", "chords", "lead")
TEMPO_BPM, BARS, BEATS = Fraction(120), 4, 16
MEAN_DB, MAX_EITHER_SIDE_DB = -25.0, 11.0  # bars are measured at -36 to -14 dBFS RMS
EITHER_SIDE_DB = (6.0, 9.0, 12.0, 15.0)  # Music ControlNet's, as far as that range allows

PROMPTS = (
    "house drums, bass and synth chords", "lo-fi hip hop with rhodes and drums", "ambient pad with piano",
    "techno with synth bass and hats", "funk with electric piano, bass and drums", "dub with bass and organ",
    "synthwave with arpeggio and pad", "jazz piano trio with bass and drums",
)  # fmt: skip

# The genre of each prompt, or the nearest that there is a grammar for: dub's is reggaeton's, jazz's is lo-fi's.
GENRES = ("house", "lo-fi", "ambient", "techno", "funk", "reggaeton", "synthwave", "lo-fi")
FIRST_GROOVE_SEED = 5_000_000
DRUMS: dict[str, Group] = {
    "kick": "kick", "snare": "snare", "clap": "snare", "rimshot": "snare", "hats": "hat", "open hat": "hat",
    "toms": "tom", "cymbal": "cymbal",
}  # fmt: skip

# Tunes older than any copyright, as (semitones above the tonic, beats); all are 16 beats long.
TUNES: tuple[tuple[tuple[int, float], ...], ...] = (
    ((0, 1), (2, 1), (4, 1), (0, 1)) * 2 + ((4, 1), (5, 1), (7, 2)) * 2,                                # round
    ((0, 1), (0, 1), (7, 1), (7, 1), (9, 1), (9, 1), (7, 2), (5, 1), (5, 1), (4, 1), (4, 1), (2, 1), (2, 1), (0, 2)),
    ((4, 1), (4, 1), (5, 1), (7, 1), (7, 1), (5, 1), (4, 1), (2, 1), (0, 1), (0, 1), (2, 1), (4, 1), (4, 1.5), (2, 0.5),
     (2, 2)),
    ((7, 1), (5, 1), (4, 1), (5, 1), (7, 1), (7, 1), (7, 2), (5, 1), (5, 1), (5, 2), (7, 1), (11, 1), (11, 2)),
    ((0, 2), (3, 1), (5, 2), (7, 1), (8, 2), (7, 2), (5, 1), (3, 1), (2, 2), (0, 2)),                    # in minor
    ((7, 1.5), (8, 0.5), (7, 1), (5, 1), (3, 2), (0, 2), (2, 1), (3, 1), (5, 1), (2, 1), (0, 4)),
)  # fmt: skip
FORMS = ("AABA", "ABAB", "AABB", "ABAC", "ABBA", "AAAB")
GROOVES = (  # strokes per bar, in sixteenths
    (0, 4, 8, 12), (0, 6, 10), (0, 3, 6, 10, 12), (2, 6, 10, 14),
    (0, 4, 7, 10, 12), (0, 3, 8, 11, 14), (0, 8), (0, 2, 4, 8, 10, 12),
)  # fmt: skip


def base(seed: int, *controls: Control, key: str | None = None) -> LoopRequest:
    """Return the request of one seed: 8 seconds at 120 BPM, a prompt of the list."""
    return LoopRequest(
        prompt=PROMPTS[seed % len(PROMPTS)], tempo_bpm=TEMPO_BPM, bars=BARS, seed=seed, controls=controls, key=key
    )


def has_tune(task: str) -> bool:
    """Whether the task asks for a tune."""
    return any(isinstance(control.target, Notes) for control in request(task, 0).controls)


def in_layers(request: LoopRequest) -> LoopRequest:
    """Return the request with layers that are named, so that no control of the whole loop makes it one full mix."""
    return msgspec.structs.replace(request, layers=IN_LAYERS)


def intensity(seed: int) -> Control:
    """Return a curve of the Music ControlNet specification, there and back, so that it closes at the wrap."""
    shapes: tuple[Callable[[float], float], ...] = (
        lambda x: 2 * x - 1, lambda x: math.tanh(6 * (x - 0.5)) / math.tanh(3), lambda x: -math.cos(math.pi * x),
    )  # fmt: skip
    shape, flipped, size = shapes[seed % 3], seed // 3 % 2, EITHER_SIDE_DB[seed // 6 % 4]
    size = min(size, MAX_EITHER_SIDE_DB) * (-1 if flipped else 1)
    points = []
    for i in range(4 * BEATS + 1):
        there = 1 - abs(2 * i / (4 * BEATS) - 1)
        points.append(Point(Fraction(i, 4), MEAN_DB + size * shape(there)))
    return Control(kind="intensity", target=Curve(points=tuple(points)))


def melody(seed: int) -> tuple[Control, str]:
    """Return a tune or a walk between C4 and C7, with its key."""
    draws = np.random.default_rng(seed)
    tonic = int(draws.integers(12))
    steps = TUNES[seed // 2 % len(TUNES)] if seed % 2 == 0 else walk(draws)
    lowest = 60 + tonic + (12 if draws.random() < 0.5 else 0)
    start, notes = Fraction(0), []
    for semitones, beats in steps:
        length = Fraction(beats).limit_denominator(16)
        notes.append(Note(lowest + semitones, start, length * Fraction(15, 16)))
        start += length
    minor = any(semitones in (3, 8) for semitones, _ in steps)
    names = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    return Control(kind="melody", target=Notes(notes=tuple(notes))), f"{names[tonic]} {'minor' if minor else 'major'}"


def walk(draws: np.random.Generator) -> tuple[tuple[int, float], ...]:
    """Return sixteen beats of a walk over a major or minor scale, in notes of half a beat to two beats."""
    scale = (0, 2, 4, 5, 7, 9, 11, 12) if draws.random() < 0.5 else (0, 2, 3, 5, 7, 8, 10, 12)
    at, left, found = int(draws.integers(len(scale))), 16.0, []
    while left > 0:
        beats = min(left, float(draws.choice([0.5, 1.0, 1.0, 2.0])))
        found.append((scale[at], beats))
        at = int(np.clip(at + draws.choice([-2, -1, 1, 2]), 0, len(scale) - 1))
        left -= beats
    return tuple(found)


def rhythm(seed: int) -> Control:
    """Return a groove in every bar."""
    strokes = GROOVES[seed % len(GROOVES)]
    onsets = tuple(
        Onset(Fraction(4 * bar) + Fraction(stroke, 4), 1.0 if stroke % 8 == 0 else 0.8)
        for bar in range(BARS)
        for stroke in strokes
    )
    return Control(kind="rhythm", target=Onsets(onsets=onsets))


def groove(seed: int) -> Control:
    """Return the drums of a held-out training loop of the prompt's genre: a groove that such music plays."""
    from engine.training.synth.compose import compose  # compiles much on import
    from engine.training.synth.recipe_sampling import sample_recipe

    genre = GENRES[seed % len(PROMPTS)]
    drawn = (sample_recipe(n, "heldout", genre=genre, layout="full") for n in count(FIRST_GROOVE_SEED + 100 * seed))
    straight = (recipe for recipe in drawn if recipe.beats in (4, 8, 16) and recipe.numerator == 4)
    recipe, hits = next((one, hits) for one in straight if len(hits := compose(one).hits) >= one.beats / 2)
    onsets = {
        Onset(Fraction(hit.beat).limit_denominator(1000) + start, max(0.2, hit.velocity), DRUMS.get(hit.piece, "perc"))
        for start in range(0, BEATS, round(recipe.beats))
        for hit in hits
    }
    return Control(kind="rhythm", target=Onsets(onsets=tuple(sorted(onsets))))


def structure(seed: int) -> Control:
    """Return a form of four sections."""
    return Control(kind="structure", target=Words(text=FORMS[seed % len(FORMS)]))


def brightness(seed: int) -> Control:
    """Return a rise and fall of one to two octaves around 600 to 1,200 Hz."""
    draws = np.random.default_rng(1000 + seed)
    low = float(draws.uniform(500, 900))
    high = low * 2 ** float(draws.uniform(1, 2))
    values = (low, high, low) if seed % 2 else (high, low, high)
    points = tuple(Point(Fraction(beat), value) for beat, value in zip((0, 8, 16), values, strict=True))
    return Control(kind="brightness", target=Curve(points=points, unit="hz"))


def request(task: str, seed: int) -> LoopRequest:
    """Return the request of a task and a seed, without its method."""
    tune, key = melody(seed)
    alone: dict[str, Callable[[int], Control]] = {
        "intensity": intensity,
        "melody": lambda _: tune,
        "rhythm": rhythm,
        "groove": groove,
        "structure": structure,
        "brightness": brightness,
        "text": lambda _: Control(kind="text", target=Words(text="")),
    }
    names = ("intensity", "melody", "brightness") if task == "three" else task.split("+")
    controls = tuple(alone[name](seed) for name in names)
    return base(seed, *controls, key=key if tune in controls else None)


TASKS = ("intensity", "melody", "intensity+melody", "rhythm", "groove", "structure", "brightness", "text", "three")

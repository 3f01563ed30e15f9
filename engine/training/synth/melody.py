"""Melodies from a motif: repeat, transpose, vary; chord tones on strong beats. And arpeggios."""

from __future__ import annotations

from random import Random
from typing import Final

from .harmony import SCALES
from .recipe import Part, Recipe
from .score import Note

LOWEST_PITCH: Final = 57
HIGHEST_PITCH: Final = 90
Chords = list[tuple[float, float, list[int]]]

_LENGTHS: Final = ((0.25, 0.5, 1.0, 1.5, 2.0), (0.18, 0.4, 0.27, 0.08, 0.07))
_CONTOUR: Final = (-2, -1, -1, 0, 1, 1, 2, 3, -3, 4)


def melody(recipe: Recipe, part: Part, chords: Chords) -> list[Note]:
    """One voice over the chords: the motif in each unit of one or two bars, in a form such as A A B A."""
    rng = Random(part.seed)
    unit = recipe.bar_beats * (2 if recipe.bars >= 4 and rng.random() < 0.5 else 1)
    count = round(recipe.beats / unit)
    motif_a = _motif(Random(recipe.motif_seed), unit, part.density)
    motif_b = _motif(Random(recipe.motif_seed + 1_000_000), unit, part.density)
    form = rng.choice(("AAAA", "AABA", "ABAB", "AAAB", "ABAC", "AAAA"))
    notes: list[Note] = []
    for index in range(count):
        letter = form[index % 4]
        motif = {"A": motif_a, "B": motif_b, "C": _varied(motif_a, rng)}[letter]
        notes += _placed(motif, index * unit, recipe, part, chords, rng)
    return notes or [_fallback(recipe, part, chords)]


def _motif(rng: Random, unit: float, density: float) -> list[tuple[float, float, int]]:
    """(beat, beats, contour step) within one unit; the contour is in scale steps from its start."""
    notes: list[tuple[float, float, int]] = []
    beat = rng.choice((0.0, 0.0, 0.0, 0.5, 1.0))
    height = 0
    while beat < unit - 1e-9:
        length = rng.choices(*_LENGTHS)[0] * (1.0 if density > 0.35 else 2.0)
        length = min(length, unit - beat)
        if rng.random() < 0.35 + 0.65 * density:
            notes.append((beat, length * rng.choice((0.55, 0.9, 0.95)), height))
            height += rng.choice(_CONTOUR)
            height = height if abs(height) <= 6 else height // 2
        beat += length
    return notes


def _varied(motif: list[tuple[float, float, int]], rng: Random) -> list[tuple[float, float, int]]:
    kind = rng.choice(("invert", "shift", "thin"))
    if kind == "invert":
        return [(beat, beats, -height) for beat, beats, height in motif]
    if kind == "shift":
        move = rng.choice((-2, 1, 2))
        return [(beat, beats, height + move) for beat, beats, height in motif]
    return [note for i, note in enumerate(motif) if i == 0 or rng.random() < 0.7]


def _placed(
    motif: list[tuple[float, float, int]],
    start: float,
    recipe: Recipe,
    part: Part,
    chords: Chords,
    rng: Random,
) -> list[Note]:
    notes = []
    scale = _scale(recipe)
    anchor = _nearest_index(scale, part.centre)
    for beat, beats, height in motif:
        at = start + beat
        pitch = scale[max(0, min(len(scale) - 1, anchor + height))]
        if at % 1.0 < 1e-9:
            pitch = _chord_tone(pitch, at, chords)
        strong = 0.08 if at % 1.0 < 1e-9 else 0.0
        velocity = round(min(1.0, rng.uniform(0.72, 0.92) + strong), 3)
        slide = part.patch.values.get("glide_s", 0.0) > 0.02 and rng.random() < 0.5
        notes.append(Note(at, min(beats, recipe.beats), _held_in_range(pitch), velocity, slide))
    return notes


def _fallback(recipe: Recipe, part: Part, chords: Chords) -> Note:
    pitch = _held_in_range(_chord_tone(part.centre, 0.0, chords))
    return Note(0.0, min(2.0, recipe.beats), pitch, 0.85)


def _scale(recipe: Recipe) -> list[int]:
    """Scale tones in the melody's range: five of the seven for most motifs, the rest less often."""
    steps = SCALES[recipe.mode]
    if recipe.motif_seed % 3:
        avoided = {steps[1], steps[5]} if steps[2] == 3 else {steps[3], steps[6]}
        steps = tuple(step for step in steps if step not in avoided)
    classes = {(recipe.tonic + step) % 12 for step in steps}
    return [pitch for pitch in range(LOWEST_PITCH, HIGHEST_PITCH + 1) if pitch % 12 in classes]


def _nearest_index(scale: list[int], pitch: float) -> int:
    return min(range(len(scale)), key=lambda index: abs(scale[index] - pitch))


def _chord_tone(pitch: int, beat: float, chords: Chords) -> int:
    sounding = next(
        (tones for start, beats, tones in chords if start - 1e-9 <= beat < start + beats - 1e-9), chords[0][2]
    )
    classes = {tone % 12 for tone in sounding}
    return min(range(pitch - 6, pitch + 7), key=lambda p: (p % 12 not in classes, abs(p - pitch)))


def _held_in_range(pitch: int) -> int:
    while pitch < LOWEST_PITCH:
        pitch += 12
    while pitch > HIGHEST_PITCH:
        pitch -= 12
    return pitch


def arpeggio(recipe: Recipe, part: Part, chords: Chords) -> list[Note]:
    """Broken chords in even steps, the order named by `part.line`."""
    rng = Random(part.seed)
    step = 1.0 / 3.0 if 0.3 < part.step_beats < 0.4 else part.step_beats
    gate = rng.uniform(0.5, 1.1)
    mask = [rng.random() < 0.55 + 0.45 * part.density for _ in range(8)]
    mask[0] = True
    notes: list[Note] = []
    for start, beats, tones in chords:
        ladder = _ladder(tones, part.centre)
        for i in range(max(1, round(beats / step - 1e-6))):
            if mask[i % 8] and start + i * step < recipe.beats - 1e-6:
                pitch = ladder[_rung(part.line, i, len(ladder), rng)]
                notes.append(Note(round(start + i * step, 6), step * gate, pitch, round(rng.uniform(0.65, 0.95), 3)))
    return notes


def _ladder(tones: list[int], centre: int) -> list[int]:
    classes = {tone % 12 for tone in tones}
    rungs = [pitch for pitch in range(centre - 7, centre + 13) if pitch % 12 in classes]
    return [_held_in_range(pitch) for pitch in rungs]


def _rung(order: str, index: int, count: int, rng: Random) -> int:
    if order == "down":
        return count - 1 - index % count
    if order == "updown":
        place = index % max(1, 2 * count - 2)
        return place if place < count else 2 * count - 2 - place
    if order == "skip":
        return (index * 2) % count
    return rng.randrange(count) if order == "random" else index % count

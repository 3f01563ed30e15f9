"""From a recipe to a score: drum grammar, bass lines, chords, arpeggios and melodies."""

from __future__ import annotations

from random import Random

from .grooves import BASS_LINES, COMPING
from .harmony import chord_pitches, degree_pitch, progression, voice
from .melody import arpeggio, melody
from .percussion import drum_hits, fitted
from .recipe import Part, Recipe
from .score import Hit, Note, Score, swing_note, swung

_DEGREE_STEP = {"r": 0, "o": 7, "f": 4, "3": 2, "6": 5}


def compose(recipe: Recipe) -> Score:
    """All notes and hits of a recipe, swung, inside 0..`recipe.beats`; ends may pass the wrap.

    Mutes that would leave nothing at all are not applied.
    """
    hits = drum_hits(recipe) if recipe.drums else []
    kicks = sorted({hit.beat for hit in hits if hit.piece == "kick"})
    parts = [_swung_part(recipe, part, _notes(recipe, part, kicks)) for part in recipe.parts]
    score = Score(recipe.beats, tuple(_swing_hit(recipe, hit) for hit in hits), tuple(parts))
    quieter = _with_mutes(recipe, score)
    return quieter if quieter.hits or any(quieter.parts) else score


def _with_mutes(recipe: Recipe, score: Score) -> Score:
    hits = tuple(hit for hit in score.hits if not _muted(recipe, "drums", hit.beat))
    parts = tuple(
        tuple(note for note in notes if not _muted(recipe, part.role, note.beat))
        for part, notes in zip(recipe.parts, score.parts, strict=True)
    )
    return Score(score.beats, hits, parts)


def chord_roots(recipe: Recipe) -> list[tuple[float, float, int]]:
    """Return the harmony as (beat, beats, scale degree)."""
    degrees = progression(recipe.progression_id, recipe.mode)
    count = max(1, round(recipe.beats / recipe.chord_beats))
    length = recipe.beats / count
    return [(i * length, length, degrees[i % len(degrees)]) for i in range(count)]


def _notes(recipe: Recipe, part: Part, kicks: list[float]) -> list[Note]:
    if part.role == "bass":
        return _bass(recipe, part, kicks)
    if part.role == "chords":
        return _comping(recipe, part)
    chords = [
        (start, beats, chord_pitches(degree, recipe.tonic, recipe.mode, "triad"))
        for start, beats, degree in chord_roots(recipe)
    ]
    return arpeggio(recipe, part, chords) if part.role == "arpeggio" else melody(recipe, part, chords)


def _swung_part(recipe: Recipe, part: Part, notes: list[Note]) -> tuple[Note, ...]:
    """Swing a part's notes; triplets have no swing."""
    triplets = part.role == "arpeggio" and 0.3 < part.step_beats < 0.4
    return tuple(swing_note(note, 0.5 if triplets else recipe.swing) for note in notes)


def _swing_hit(recipe: Recipe, hit: Hit) -> Hit:
    straight = hit.piece == "hats" and recipe.drums is not None and recipe.drums.triplets
    return Hit(round(swung(hit.beat, 0.5 if straight else recipe.swing), 6), hit.piece, hit.velocity)


def _muted(recipe: Recipe, layer: str, beat: float) -> bool:
    return any(name == layer and start <= beat < end for name, start, end in recipe.dynamics.mutes)


def _holds(line: str) -> list[tuple[int, int, str]]:
    """(step, length in steps, character) of each attack; `_` after it holds the note."""
    found = []
    for step, char in enumerate(line):
        if char in "._":
            continue
        length = 1
        while step + length < len(line) and line[step + length] == "_":
            length += 1
        found.append((step, length, char))
    return found


def _bass(recipe: Recipe, part: Part, kicks: list[float]) -> list[Note]:
    rng = Random(part.seed)
    if part.line == "kick":
        attacks = _kick_attacks(recipe, kicks, rng)
    else:
        attacks = _line_attacks(recipe, rng.choice(BASS_LINES[part.line]))
    legato = rng.uniform(0.75, 1.0)
    notes = []
    for beat, beats, char in attacks:
        degree = _bass_degree_at(recipe, beat)
        root = degree_pitch(degree, recipe.tonic, recipe.mode)
        root += 12 * round((part.centre - root) / 12)
        pitch = root + degree_pitch(degree + _DEGREE_STEP[char], 0, recipe.mode) - degree_pitch(degree, 0, recipe.mode)
        slide = part.patch.values.get("glide_s", 0.0) > 0.0 and rng.random() < 0.35
        strong = beat % 1.0 == 0.0
        velocity = round(rng.uniform(0.82, 1.0) if strong else rng.uniform(0.65, 0.92), 3)
        notes.append(Note(beat, beats * (1.02 if slide else legato), pitch, velocity, slide))
    return notes


def _line_attacks(recipe: Recipe, line: str) -> list[tuple[float, float, str]]:
    steps = round(recipe.bar_beats * 4)
    return [
        (bar * recipe.bar_beats + step / 4, length / 4, char)
        for bar in range(recipe.bars)
        for step, length, char in _holds(fitted(line, steps))
    ]


def _kick_attacks(recipe: Recipe, kicks: list[float], rng: Random) -> list[tuple[float, float, str]]:
    """Place a long note on each kick (or on a made-up kick line), held until the next."""
    beats = [k for k in kicks if k % 0.25 == 0.0] or _default_kicks(recipe, rng)
    ends = [*beats[1:], recipe.beats + beats[0]]
    return [
        (beat, min(end - beat, recipe.bar_beats), rng.choice("rrrrrrof3"))
        for beat, end in zip(beats, ends, strict=True)
    ]


def _default_kicks(recipe: Recipe, rng: Random) -> list[float]:
    steps = round(recipe.bar_beats * 4)
    line = rng.choice(("x.....x...x.....", "x..x......x..x..", "x.........x....."))
    return [
        bar * recipe.bar_beats + step / 4
        for bar in range(recipe.bars)
        for step, char in enumerate(fitted(line, steps))
        if char == "x"
    ]


def _bass_degree_at(recipe: Recipe, beat: float) -> int:
    chords = chord_roots(recipe)
    index = min(int(beat / chords[0][1] + 1e-9), len(chords) - 1)
    return chords[index][2] + inversion(recipe, index)


def inversion(recipe: Recipe, index: int) -> int:
    """Return how many scale steps the bass of chord `index` is above its root."""
    return recipe.inversions[index % len(recipe.inversions)] if recipe.inversions else 0


def _comping(recipe: Recipe, part: Part) -> list[Note]:
    rng = Random(part.seed)
    line = fitted(rng.choice(COMPING[part.line]), round(recipe.bar_beats * 4))
    spread = rng.uniform(0.01, 0.04) if part.line in ("comp", "strum") else 0.0
    previous: list[int] | None = None
    notes: list[Note] = []
    for start, beats, degree in chord_roots(recipe):
        pitches = voice(chord_pitches(degree, recipe.tonic, recipe.mode, part.colour), part.centre, previous)
        previous = pitches
        if part.line == "arpeggio":
            notes += _broken(start, beats, pitches, rng)
        elif part.line == "pad":
            notes += _chord(start, beats * 0.99, pitches, spread, rng)
        else:
            notes += _struck(recipe, line, start, beats, pitches, spread, rng)
    return notes


def _struck(
    recipe: Recipe, line: str, start: float, beats: float, pitches: list[int], spread: float, rng: Random
) -> list[Note]:
    """Play the chord in the rhythm of `line` from `start` for `beats`."""
    notes: list[Note] = []
    for bar in range(recipe.bars):
        for step, length, _ in _holds(line):
            beat = bar * recipe.bar_beats + step / 4
            if start - 1e-9 <= beat < start + beats - 1e-9:
                held = min(length / 4 * 0.92, start + beats - beat)
                notes += _chord(beat, held, pitches, spread, rng)
    return notes


def _chord(beat: float, beats: float, pitches: list[int], spread: float, rng: Random) -> list[Note]:
    velocity = rng.uniform(0.65, 0.95)
    return [
        Note(round(beat + i * spread, 5), beats, pitch, round(velocity * rng.uniform(0.92, 1.0), 3))
        for i, pitch in enumerate(pitches)
    ]


def _broken(start: float, beats: float, pitches: list[int], rng: Random) -> list[Note]:
    step = rng.choice((0.25, 0.5, 0.5))
    order = pitches + pitches[-2:0:-1]
    return [
        Note(start + i * step, step * 1.5, order[i % len(order)], round(rng.uniform(0.6, 0.9), 3))
        for i in range(int(beats / step + 1e-9))
    ]

"""Drum hits from a feel's grammar, in any metre."""

from __future__ import annotations

from random import Random

from .grooves import EXTRA_LINES, FOUR_FEELS, GROOVES, HALFTIME_FEELS, PULSES
from .recipe import Drums, Recipe
from .score import Hit

_CHANCE = {"X": 1.0, "x": 1.0, "o": 0.5, "-": 0.7, "r": 1.0, ".": 0.0}
_VELOCITY = {
    "X": (0.92, 1.0),
    "x": (0.68, 0.9),
    "o": (0.55, 0.8),
    "-": (0.18, 0.35),
    "r": (0.55, 0.8),
    ".": (0.0, 0.0),
}
_BACK = ("snare", "clap")


def drum_hits(recipe: Recipe) -> list[Hit]:
    """Unswung hits of the whole loop, in time order, at most one a piece and place."""
    drums = recipe.drums
    if drums is None:
        return []
    rng = Random(drums.seed)
    steps = round(recipe.bar_beats * 4)
    lines = _lines(drums, recipe, steps, rng)
    decided = {piece: _decide(line, rng) for piece, line in lines.items()}
    found: dict[tuple[float, str], Hit] = {}
    for bar in range(recipe.bars):
        for piece, line in decided.items():
            for hit in _bar_hits(piece, line, bar * recipe.bar_beats, rng):
                found[(hit.beat, hit.piece)] = hit
    if drums.triplets and "hats" in decided:
        _set_triplets(found, recipe.beats, rng)
    if drums.fill:
        _add_fill(found, drums, recipe, steps, rng)
    hits = sorted(found.values(), key=lambda hit: (hit.beat, hit.piece))
    return hits or [Hit(0.0, "kick" if "kick" not in drums.left_out else "percussion", 0.9)]


def _lines(drums: Drums, recipe: Recipe, steps: int, rng: Random) -> dict[str, str]:
    """Draw a line for each piece that plays, as long as the bar."""
    groove = GROOVES[drums.feel]
    lines = {piece: rng.choice(options) for piece, options in groove.items()}
    if (recipe.numerator, recipe.denominator) != (4, 4):
        lines = _in_other_metre(lines, drums, recipe, steps, rng)
    for piece in drums.extras:
        lines.setdefault(piece, fitted(rng.choice(EXTRA_LINES[piece]), steps))
    lines = _thinned(lines, drums.density, rng)
    return {piece: line for piece, line in lines.items() if piece not in drums.left_out and line.strip(".")}


def _thinned(lines: dict[str, str], density: float, rng: Random) -> dict[str, str]:
    """Busy hats where the loop is dense; fewer pieces where it is sparse."""
    if density > 0.72 and "hats" in lines and rng.random() < 0.5:
        lines["hats"] = "".join("x" if char == "." and i % 2 else char for i, char in enumerate(lines["hats"]))
    if density < 0.25:
        kept = [piece for piece in lines if piece in ("kick", *_BACK) or rng.random() < 0.5]
        lines = {piece: lines[piece] for piece in kept}
    return lines


def fitted(line: str, steps: int) -> str:
    """Return a line of sixteen steps cut or continued to a bar of `steps`."""
    return (line * (steps // len(line) + 1))[:steps]


def _in_other_metre(lines: dict[str, str], drums: Drums, recipe: Recipe, steps: int, rng: Random) -> dict[str, str]:
    """Move the feel to the pulses of the bar: kick and back beat anew, the rest cut to length."""
    pulses = rng.choice(PULSES[(recipe.numerator, recipe.denominator)])
    starts = [sum(pulses[:i]) for i in range(len(pulses))]
    bar = {piece: fitted(line, steps) for piece, line in lines.items()}
    kick = starts if drums.feel in FOUR_FEELS else [0] + [s for s in starts[2:] if rng.random() < 0.4]
    back = [starts[len(starts) // 2]] if drums.feel in HALFTIME_FEELS else starts[1::2]
    bar["kick"] = _marks(kick, steps, "X")
    for piece in _BACK:
        if lines.get(piece, ".").strip("."):
            bar[piece] = _marks(back, steps, "X")
    return bar


def _marks(places: list[int], steps: int, char: str) -> str:
    return "".join(char if step in places else "." for step in range(steps))


def _decide(line: str, rng: Random) -> str:
    """Chance settled once per loop, so that every bar repeats the same groove."""
    return "".join(char if rng.random() < _CHANCE[char] else "." for char in line)


def _bar_hits(piece: str, line: str, start: float, rng: Random) -> list[Hit]:
    hits = []
    for step, char in enumerate(line):
        if char == ".":
            continue
        low, high = _VELOCITY[char]
        count = rng.choice((2, 3, 4)) if char == "r" else 1
        for i in range(count):
            beat = round(start + step / 4 + i * 0.25 / count, 6)
            hits.append(Hit(beat, piece, round(rng.uniform(low, high), 3)))
    return hits


def _set_triplets(found: dict[tuple[float, str], Hit], beats: float, rng: Random) -> None:
    """Hats in eighth-note triplets in place of their line."""
    for key in [key for key in found if key[1] == "hats"]:
        del found[key]
    for i in range(int(beats * 3 + 1e-6)):
        beat = round(i / 3, 6)
        low, high = (0.7, 0.9) if i % 3 == 0 else (0.4, 0.7)
        found[(beat, "hats")] = Hit(beat, "hats", round(rng.uniform(low, high), 3))


def _add_fill(found: dict[tuple[float, str], Hit], drums: Drums, recipe: Recipe, steps: int, rng: Random) -> None:
    """Fill the last half bar: a snare or tom run in place of the groove's back beat."""
    piece = rng.choice(("snare", "toms", "snare"))
    if piece in drums.left_out:
        return
    length = rng.choice((2, 4, 6, 8))
    start = recipe.beats - length / 4
    for key in [key for key in found if key[0] >= start and key[1] in ("snare", "clap", "toms")]:
        del found[key]
    for i in range(length):
        if i == 0 or rng.random() < 0.72:
            beat = round(start + i / 4, 6)
            found[(beat, piece)] = Hit(beat, piece, round(0.55 + 0.4 * i / length, 3))

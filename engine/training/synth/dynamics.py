"""How the loudness of a loop moves: rides, builds, swells, and layers that fall silent."""

from __future__ import annotations

from random import Random

import msgspec


class Dynamics(msgspec.Struct, frozen=True):
    """How loudness moves: a name, a gain curve as (beat, dB), and layers silent for a while.

    `mutes` are (layer, from beat, to beat), the layer being "drums" or a part's role.
    """

    shape: str
    points: tuple[tuple[float, float], ...]
    mutes: tuple[tuple[str, float, float], ...]


def sample_dynamics(rng: Random, beats: float, bar_beats: float, layers: list[str]) -> Dynamics:
    """Loudness over the loop: about half steady, a third with a range of 8 to 25 dB."""
    shape = rng.choices(
        ("steady", "build", "fade out", "swell", "breakdown", "dynamic", "quiet middle"),
        (0.54, 0.08, 0.06, 0.08, 0.1, 0.08, 0.06),
    )[0]
    depth = round(-rng.uniform(8.0, 25.0), 1)
    mutes = _mutes(rng, beats, bar_beats, layers) if shape == "breakdown" or rng.random() < 0.12 else ()
    points = _points(shape, rng, beats, depth)
    return Dynamics("dynamic" if shape == "quiet middle" else shape, points, mutes)


def _points(shape: str, rng: Random, beats: float, depth: float) -> tuple[tuple[float, float], ...]:
    turn = rng.choice((0.25, 0.5))
    near = max(beats - turn, beats * 0.9)
    if shape == "build":
        return ((0.0, depth), (round(near, 4), 0.0), (beats, depth))
    if shape == "fade out":
        return ((0.0, 0.0), (round(near, 4), depth), (beats, 0.0))
    if shape == "swell":
        return ((0.0, depth), (round(beats * rng.uniform(0.35, 0.65), 4), 0.0), (beats, depth))
    if shape == "quiet middle":
        middle = beats * rng.uniform(0.4, 0.6)
        return ((0.0, 0.0), (round(middle * 0.6, 4), depth), (round(middle * 1.2, 4), depth), (beats, 0.0))
    if shape == "dynamic":
        count = rng.choice((4, 5, 6, 8))
        levels = [round(rng.uniform(depth, 0.0), 1) for _ in range(count)]
        levels[rng.randrange(count)] = 0.0
        levels.append(levels[0])
        return tuple((round(beats * i / count, 4), level) for i, level in enumerate(levels))
    return ()


def _mutes(rng: Random, beats: float, bar_beats: float, layers: list[str]) -> tuple[tuple[str, float, float], ...]:
    """Silence some layers for half a bar up to half of the loop; at least one layer keeps on."""
    length = rng.choice((bar_beats / 2, bar_beats, beats / 2))
    length = min(length, beats / 2)
    start = rng.choice((0.0, beats - length, beats / 2))
    silent = rng.sample(layers, rng.randint(1, len(layers) - 1)) if len(layers) > 1 else layers
    return tuple((layer, round(start, 4), round(start + length, 4)) for layer in silent)

"""Scales, chord progressions with the mood they carry, and voicings in MIDI numbers.

The mood tags follow the idea of free-midi-chords (MIT): harmony and mood belong together.
"""

from __future__ import annotations

from random import Random
from typing import Final

from midi.key import MODES

SCALES: Final[dict[str, tuple[int, ...]]] = {
    mode: MODES[mode.replace("-", " ")]
    for mode in ("major", "minor", "dorian", "mixolydian", "phrygian", "lydian", "harmonic-minor")
}
MINOR_MODES: Final = frozenset({"minor", "dorian", "phrygian", "harmonic-minor"})
PROGRESSION_IDS: Final = 400
"""Progressions have identities 0..399: first the table below, then generated ones."""

_WRITTEN: Final[dict[str, tuple[str, ...]]] = {
    "minor": (
        "0526",
        "0536",
        "0352",
        "0653",
        "0564",
        "0505",
        "0506",
        "0042",
        "0035",
        "0634",
        "5600",
        "5604",
        "0316",
        "0326",
        "3040",
        "3506",
        "0256",
        "0053",
        "0465",
        "0565",
    ),
    "major": (
        "0453",
        "0534",
        "1400",
        "0304",
        "0543",
        "3405",
        "5304",
        "0513",
        "0135",
        "0353",
        "3042",
        "1453",
        "0314",
        "0035",
        "5034",
        "0253",
        "3015",
        "1504",
    ),
    "dorian": ("0303", "0030", "0360", "0313", "0633", "0343", "0103", "0036"),
    "mixolydian": ("0630", "0060", "0360", "0463", "0606", "0436"),
    "phrygian": ("0101", "0010", "0165", "0150", "0612", "0516"),
    "lydian": ("0101", "0140", "0150", "0411", "0154", "0010"),
    "harmonic-minor": ("0345", "0454", "0534", "0504", "0354", "0035"),
}
_NEXT: Final[dict[int, str]] = {
    0: "3345512",
    1: "4406",
    2: "5335",
    3: "0041560",
    4: "00535",
    5: "3341206",
    6: "0250",
}
COLOURS: Final[dict[str, tuple[int, ...]]] = {
    "triad": (0, 2, 4),
    "seventh": (0, 2, 4, 6),
    "ninth": (0, 2, 6, 8),
    "sus": (0, 3, 4),
    "power": (0, 4),
}


def progression(identity: int, mode: str) -> tuple[int, ...]:
    """Four chord roots as scale degrees 0..6; the same identity is always the same chords."""
    table = _WRITTEN[mode]
    if identity < len(table):
        return tuple(int(digit) for digit in table[identity])
    rng = Random(f"progression {mode} {identity}")
    degrees = [0 if rng.random() < 0.7 else rng.choice((3, 5))]
    while len(degrees) < 4:
        degrees.append(int(rng.choice(_NEXT[degrees[-1]])))
    return tuple(degrees)


def degree_pitch(degree: int, tonic: int, mode: str) -> int:
    """MIDI number of a scale degree (any integer) counted from the tonic in the octave of 0..11."""
    octave, step = divmod(degree, 7)
    return tonic + SCALES[mode][step] + 12 * octave


def chord_pitches(degree: int, tonic: int, mode: str, colour: str) -> list[int]:
    """Pitches of the chord on `degree` in root position, from the tonic's octave of 0..11."""
    return [degree_pitch(degree + step, tonic, mode) for step in COLOURS[colour]]


def voice(pitches: list[int], centre: float, previous: list[int] | None) -> list[int]:
    """Close voicing near `centre`, moving as little as possible from `previous`."""
    classes = sorted({pitch % 12 for pitch in pitches})
    best: list[int] = []
    best_cost = float("inf")
    for turn in range(len(classes)):
        for octave in range(3, 7):
            raised = classes[turn:] + [value + 12 for value in classes[:turn]]
            candidate = [value + 12 * octave for value in raised]
            cost = _movement(candidate, centre, previous)
            if cost < best_cost:
                best, best_cost = candidate, cost
    return best


def _movement(candidate: list[int], centre: float, previous: list[int] | None) -> float:
    mean = sum(candidate) / len(candidate)
    cost = 2.0 * abs(mean - centre)
    if previous:
        cost += sum(min(abs(pitch - old) for old in previous) for pitch in candidate)
    return cost

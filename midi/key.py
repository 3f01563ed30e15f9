"""Musical keys: read, written, and guessed from notes.

The guess correlates the time that each pitch class sounds with the probe-tone profiles of
Krumhansl and Kessler (Psychological Review 89, 1982), as in Krumhansl, Cognitive Foundations
of Musical Pitch, 1990, chapter 4.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .errors import MidiError
from .notes import DRUM_CHANNEL, NOTE_NAMES, Note, audible

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
}
"""Semitones above the tonic, by the name that Live gives the scale."""

_FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_FLAT_MAJORS = frozenset({1, 3, 5, 8, 10})  # majors that are written with flats
_MODE_ALIASES = {
    "": "major", "maj": "major", "M": "major", "ionian": "major", "dur": "major",
    "m": "minor", "min": "minor", "aeolian": "minor", "natural minor": "minor", "moll": "minor",
}  # fmt: skip
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_KEY = re.compile(r"\s*([A-Ga-g])\s*(#|b|♯|♭|sharp|flat)?\s*([A-Za-z ]{0,20})\s*")
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}

_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic, 0 (C) to 11 (B), and a mode out of `MODES`."""

    tonic: int
    mode: str = "major"

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11 or self.mode not in MODES:
            raise _bad_key(f"{self.tonic} {self.mode}")

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read `F minor`, `C# dorian`, `Am` or `Bb`; raises `MidiError` for anything else."""
        match = _KEY.fullmatch(text[:60])
        if match is None:
            raise _bad_key(text)
        letter, accidental, mode = match.group(1), match.group(2) or "", match.group(3).strip()
        mode = _MODE_ALIASES.get(mode) or _MODE_ALIASES.get(mode.lower(), mode.lower())
        if mode not in MODES:
            raise _bad_key(text)
        return cls((_LETTERS[letter.upper()] + _ACCIDENTALS[accidental]) % 12, mode)

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes of the scale."""
        return frozenset((self.tonic + step) % 12 for step in MODES[self.mode])

    def __str__(self) -> str:
        names = _FLAT_NAMES if self._major_tonic() in _FLAT_MAJORS else NOTE_NAMES
        return f"{names[self.tonic]} {self.mode}"

    def _major_tonic(self) -> int:
        """Return the tonic of the major key with the same signature, for the spelling."""
        mode = "minor" if self.mode.endswith(" minor") else self.mode
        classes = frozenset((self.tonic + step) % 12 for step in MODES[mode])
        majors = (frozenset((t + step) % 12 for step in MODES["major"]) for t in range(12))
        return next(tonic for tonic, major in enumerate(majors) if major == classes)


def _bad_key(text: str) -> MidiError:
    return MidiError(
        "bad_key",
        f"{text[:40]!r} is not a key: a note A to G, # or b, and one of {', '.join(MODES)}.",
        "Write it like F minor, C# dorian or Am.",
    )


@dataclass(frozen=True, slots=True)
class KeyGuess:
    """A guessed key; `correlation` -1..1 with its profile, `margin` over the next best key."""

    key: Key
    correlation: float
    margin: float

    @property
    def sentence(self) -> str:
        """What to tell the producer."""
        sure = "" if self.margin >= 0.05 else ", but another key fits nearly as well"
        return f"No key was given; the notes suggest {self.key}{sure}."


def guess_key(notes: Iterable[Note]) -> KeyGuess:
    """Return the major or minor key that fits the sounding notes best.

    Drums and muted notes do not count. Raises `MidiError` without pitched notes.
    """
    seconds = np.zeros(12)
    for note in audible(notes):
        if note.channel != DRUM_CHANNEL:
            seconds[note.pitch % 12] += float(note.duration)
    if not seconds.any():
        raise MidiError("no_notes", "There are no pitched notes to guess a key from.", "Give the key yourself.")
    fits = sorted(
        ((_correlation(np.roll(seconds, -tonic), profile), tonic, mode)
         for mode, profile in _PROFILES.items() for tonic in range(12)),
        reverse=True,
    )  # fmt: skip
    (best, tonic, mode), (second, _, _) = fits[0], fits[1]
    return KeyGuess(Key(tonic, mode), best, best - second)


def _correlation(weights: np.ndarray, profile: tuple[float, ...]) -> float:
    if np.ptp(weights) == 0:
        return 0.0  # all twelve equally: any key
    return float(np.corrcoef(weights, profile)[0, 1])

"""Musical keys: read, written, and guessed from notes.

The guess correlates the time that each pitch class sounds with the probe-tone profiles of
Krumhansl and Kessler (Psychological Review 89, 1982), as in Krumhansl, Cognitive Foundations
of Musical Pitch, 1990, chapter 4.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .errors import MidiError
from .files.names import printable
from .notes import DRUM_CHANNEL, Note, audible

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

SCALES: dict[str, tuple[int, ...]] = {
    "whole tone": (0, 2, 4, 6, 8, 10),
    "half whole dim": (0, 1, 3, 4, 6, 7, 9, 10),
    "whole half dim": (0, 2, 3, 5, 6, 8, 9, 11),
    "minor blues": (0, 3, 5, 6, 7, 10),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "harmonic major": (0, 2, 4, 5, 7, 8, 11),
    "dorian #4": (0, 2, 3, 6, 7, 9, 10),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "lydian augmented": (0, 2, 4, 6, 8, 9, 11),
    "lydian dominant": (0, 2, 4, 6, 7, 9, 10),
    "super locrian": (0, 1, 3, 4, 6, 8, 10),
    "8 tone spanish": (0, 1, 3, 4, 5, 6, 8, 10),
    "bhairav": (0, 1, 4, 5, 7, 8, 11),
    "hungarian minor": (0, 2, 3, 6, 7, 8, 11),
    "hirajoshi": (0, 2, 3, 7, 8),
    "in sen": (0, 1, 5, 7, 10),
    "iwato": (0, 1, 5, 6, 10),
    "kumoi": (0, 2, 3, 7, 9),
    "pelog selisir": (0, 1, 3, 7, 8),
    "pelog tembung": (0, 1, 5, 7, 8),
    "messiaen 3": (0, 2, 3, 4, 6, 7, 8, 10, 11),
    "messiaen 4": (0, 1, 2, 5, 6, 7, 8, 11),
    "messiaen 5": (0, 1, 5, 6, 7, 11),
    "messiaen 6": (0, 2, 4, 5, 6, 8, 10, 11),
    "messiaen 7": (0, 1, 2, 3, 5, 6, 7, 8, 9, 11),
    "chromatic": tuple(range(12)),
}
"""The scales of Live 12 that are no key of seven notes here, by Live's names without capitals and hyphens."""

NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""The pitch classes as they are written without a key; `Key.note_names` are those of a key."""
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}  # of two for the same, the one that is written first
_NATURALS = {pitch_class: letter for letter, pitch_class in LETTERS.items()}
_DEGREES = (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)  # steps above the tonic's letter: flat 2nd, 3rd, 6th, 7th, sharp 4th
_LEADING_NOTE = 11
_FLAT_MAJORS = frozenset({1, 3, 5, 8, 10})  # majors that are written with flats
_MODE_ALIASES = {
    "": "major", "maj": "major", "ionian": "major", "dur": "major", "majeur": "major", "mayor": "major",
    "maggiore": "major", "maior": "major",
    "m": "minor", "min": "minor", "aeolian": "minor", "natural minor": "minor", "moll": "minor", "mineur": "minor",
    "menor": "minor", "minore": "minor",
}  # fmt: skip
_SYLLABLES = {"do": 0, "re": 2, "mi": 4, "fa": 5, "sol": 7, "la": 9, "si": 11}
_ACCIDENTAL = r"((?:(?<=[A-Ga-g])b|[\s-]*(?:#|♯|♭|b(?![a-z])|sharp|flat|di[eè]se|diesis|b[eé]moll?e?|s[ou]stenido))?)"
_SCALE = r"[\s-]*((?:[A-Za-z0-9#.]|[\s-](?=[A-Za-z0-9#])){0,24})"
_KEY = re.compile(rf"([A-Ga-g]){_ACCIDENTAL}(?:\s*/\s*[A-Ga-g][#b♯♭]?)?{_SCALE}", re.IGNORECASE)
_ROMANCE = re.compile(rf"(do|re|ré|mi|fa|sol|la|si)(?![a-z]){_ACCIDENTAL}{_SCALE}", re.IGNORECASE)
_GERMAN = re.compile(r"([A-Ha-h])(is|es|s)?[\s-]*(dur|moll)", re.IGNORECASE)
_WHEEL = re.compile(r"(1[0-2]|0?[1-9])\s*([ABDMabdm])")  # Camelot's 8A and 8B, Traktor's 1m and 1d
_SHARPS = frozenset({"#", "♯", "sharp", "diese", "dièse", "diesis", "sostenido", "sustenido"})
_FIFTH = 7  # semitones: from one hour of the wheel to the next
_MAX_KEY_CHARACTERS = 60

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
        """Read a key as `read_key` does, without its remark; raises `MidiError`."""
        return read_key(text).key

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes of the scale."""
        return frozenset((self.tonic + step) % 12 for step in MODES[self.mode])

    @property
    def note_names(self) -> tuple[str, ...]:
        """The names of the pitch classes 0 (C) to 11 (B) in this key.

        Each note of the scale has a letter of its own, so has a minor key's leading note. Others are the flat second,
        third, sixth and seventh and the sharp fourth, in letters that need no double accidental.
        """
        return tuple(self._name(pitch_class) for pitch_class in range(12))

    def __str__(self) -> str:
        return f"{self._tonic_name} {self.mode}"

    def _name(self, pitch_class: int) -> str:
        above = (pitch_class - self.tonic) % 12
        own = MODES[self.mode]
        degree = own.index(above) if above in own else _DEGREES[above]
        name = spelt(pitch_class, letter_above(self._tonic_name, degree))
        is_own = above in own or (above == _LEADING_NOTE and 3 in own)
        if name is not None and (is_own or pitch_class not in _NATURALS):
            return name
        return _NATURALS.get(pitch_class) or self._black(pitch_class)

    @property
    def _tonic_name(self) -> str:
        return _NATURALS.get(self.tonic) or self._black(self.tonic)

    def _black(self, pitch_class: int) -> str:
        """Return a black key's name with the accidental of the signature."""
        flat = self._major_tonic() in _FLAT_MAJORS
        return f"{_NATURALS[(pitch_class + 1) % 12]}b" if flat else f"{_NATURALS[pitch_class - 1]}#"

    def _major_tonic(self) -> int:
        """Return the tonic of the major key with the same signature, for the spelling."""
        mode = "minor" if self.mode.endswith(" minor") else self.mode
        classes = frozenset((self.tonic + step) % 12 for step in MODES[mode])
        majors = (frozenset((t + step) % 12 for step in MODES["major"]) for t in range(12))
        return next(tonic for tonic, major in enumerate(majors) if major == classes)


def letter_above(name: str, degree: int) -> str:
    """Return the letter so many degrees above that of a note's name: F is two above D."""
    letters = tuple(LETTERS)
    return letters[(letters.index(name[0]) + degree) % len(letters)]


def spelt(pitch_class: int, letter: str) -> str | None:
    """Return a pitch class's name with this letter; None where that would take more than one accidental."""
    signs = (sign for sign, shift in ACCIDENTALS.items() if (LETTERS[letter] + shift - pitch_class) % 12 == 0)
    return next((f"{letter}{sign}" for sign in signs), None)


@dataclass(frozen=True, slots=True)
class KeyRead:
    """A key, and a sentence where it is only the nearest to the written one."""

    key: Key
    remark: str = ""


def read_key(text: str) -> KeyRead:
    """Read `F minor`, `C# dorian`, `E-flat`, `Am`, `H-Moll`, `la mineur`, `8A`, or a scale of Live 12.

    A scale that is no key of seven notes becomes the one with the same tonic that shares most with it.
    Raises `MidiError` for anything else.
    """
    written = unicodedata.normalize("NFC", text).strip()
    if len(written) <= _MAX_KEY_CHARACTERS:
        for read in (_from_wheel, _from_german, _from_letters, _from_syllables):
            found = read(written)
            if found is not None:
                return found
    raise _bad_key(text)


def _from_wheel(text: str) -> KeyRead | None:
    match = _WHEEL.fullmatch(text)
    if match is None:
        return None
    hour, side = int(match.group(1)), match.group(2).lower()
    first, tonic, mode = {
        "a": (8, 9, "minor"), "b": (8, 0, "major"), "m": (1, 9, "minor"), "d": (1, 0, "major"),
    }[side]  # fmt: skip
    return KeyRead(Key((tonic + _FIFTH * (hour - first)) % 12, mode))


def _from_german(text: str) -> KeyRead | None:
    """Read a German name, where H is B and B is B flat."""
    match = _GERMAN.fullmatch(text)
    if match is None:
        return None
    letter, bend, mode = match.groups()
    tonic = {**LETTERS, "H": 11, "B": 10}[letter.upper()]
    shift = {None: 0, "is": 1, "es": -1, "s": -1}[bend.lower() if bend else None]
    return KeyRead(Key((tonic + shift) % 12, _MODE_ALIASES[mode.lower()]))


def _from_letters(text: str) -> KeyRead | None:
    match = _KEY.fullmatch(text)
    return None if match is None else _with_mode(text, LETTERS[match.group(1).upper()], match.group(2), match.group(3))


def _from_syllables(text: str) -> KeyRead | None:
    match = _ROMANCE.fullmatch(text)
    if match is None:
        return None
    return _with_mode(text, _SYLLABLES[match.group(1).lower().replace("é", "e")], match.group(2), match.group(3))


def _with_mode(text: str, tonic: int, accidental: str | None, words: str) -> KeyRead | None:
    sign = (accidental or "").strip(" -\t").lower()
    shift = 0 if not sign else 1 if sign in _SHARPS else -1
    if words == "M":
        return KeyRead(Key((tonic + shift) % 12))
    mode = " ".join(words.lower().replace("-", " ").replace(".", " ").split())
    mode = _MODE_ALIASES.get(mode, mode)
    if mode in MODES:
        return KeyRead(Key((tonic + shift) % 12, mode))
    if mode not in SCALES:
        return None
    nearest = Key((tonic + shift) % 12, _nearest_mode(SCALES[mode]))
    return KeyRead(nearest, f"{text[:40]} is told as {nearest}, the nearest key that is known here.")


def _nearest_mode(scale: tuple[int, ...]) -> str:
    """Return the mode that shares most notes with a scale; of equals the first in `MODES`, major before minor."""
    steps = set(scale)
    return max(MODES, key=lambda mode: len(steps & set(MODES[mode])) / len(steps | set(MODES[mode])))


def _bad_key(text: str) -> MidiError:
    return MidiError(
        "bad_key",
        f"{printable(text[:40])!r} is not a key: a note A to G, # or b, and one of {', '.join(MODES)}.",
        "Write it like F minor, C# dorian or Am.",
    )


@dataclass(frozen=True, slots=True)
class KeyGuess:
    """A guessed key; `correlation` -1..1 with its profile, `margin` by which that exceeds the next best key's."""

    key: Key
    correlation: float
    margin: float

    @property
    def sentence(self) -> str:
        """The sentence for the producer: the key, and whether another one fits nearly as well."""
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

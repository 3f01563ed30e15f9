"""The closed vocabulary of `pocket`: canonical words, their synonyms, and free text to word ids.

A word's id is its position in `_TABLE`, and trained weights depend on it: rows are only ever
appended at the end, never moved, renamed or removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from .synonyms import IGNORED, PLURALS_KEPT, SYNONYMS

VOCABULARY_VERSION: Final = 1

# fmt: off
_TABLE: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("genre", (
        "house", "deep house", "tech house", "techno", "trance", "electro", "synthwave",
        "drum and bass", "jungle", "uk garage", "dubstep", "trap", "drill", "boom bap", "lo-fi",
        "r&b", "funk", "disco", "amapiano", "reggaeton", "ambient", "cinematic",
    )),
    ("instrument", (
        "drums", "kick", "snare", "clap", "rimshot", "hats", "open hat", "cymbal", "toms",
        "cowbell", "shaker", "congas", "percussion",
        "bass", "sub bass", "808", "acid bass", "reese bass", "wobble bass", "synth bass",
        "electric bass", "log drum",
        "chords", "pad", "stab", "pluck", "arpeggio", "lead", "melody", "bells", "organ",
        "electric piano", "piano", "strings", "brass", "choir", "guitar", "mallets", "supersaw",
        "synth", "keys", "texture", "vinyl", "noise", "riser", "drone",
    )),
    ("mood", (
        "dark", "bright", "warm", "cold", "dreamy", "aggressive", "chill", "melancholic",
        "uplifting", "happy", "tense", "mysterious", "hopeful", "romantic", "epic", "energetic",
        "calm", "dusty", "gritty", "nostalgic", "hypnotic", "groovy", "jazzy", "soulful", "eerie",
    )),
    ("timbre", (
        "punchy", "soft", "hard", "smooth", "fat", "thin", "plucky", "detuned", "distorted",
        "clean", "metallic", "glassy", "airy", "deep", "buzzy", "hollow", "resonant", "noisy",
        "muffled", "crisp", "wide", "narrow", "lush", "sustained", "staccato", "vintage",
        "acoustic", "sampled",
    )),
    ("effect", (
        "reverb", "dry", "delay", "chorus", "sidechain", "filter sweep", "bit crushed",
        "saturated", "tape", "tremolo", "vibrato", "glide",
    )),
    ("layer", (
        "full mix", "solo", "drums only", "bass only", "chords only", "melody only",
        "texture only", "drums and bass only", "no drums", "no kick", "no snare", "no hats",
        "no bass", "no chords", "no melody",
    )),
    ("density", (
        "sparse", "busy", "steady", "dynamic", "build", "fade out", "swell", "breakdown", "quiet",
        "loud", "fill",
    )),
    ("rhythm", (
        "four on the floor", "backbeat", "halftime", "breakbeat", "two step", "offbeat",
        "syncopated", "rolling", "hat rolls", "triplets", "swing", "straight", "odd meter",
        "waltz", "slow", "mid-tempo", "fast", "ghost notes",
    )),
    ("harmony", (
        "major", "minor", "modal", "sevenths", "power chords", "low register", "high register",
    )),
    ("kit", (
        "808 kit", "909 kit", "electronic kit", "acoustic kit", "lo-fi kit", "glitch kit",
    )),
)
# fmt: on


class Word(msgspec.Struct, frozen=True):
    """One row of the vocabulary: its id, its canonical spelling and its group."""

    id: int
    text: str
    group: str


class Parsed(msgspec.Struct, frozen=True):
    """What a prompt says: word ids (sorted, unique), words, what was not understood, and hints."""

    ids: tuple[int, ...]
    words: tuple[str, ...]
    unknown: tuple[str, ...]
    tempo_bpm: float | None = None
    key: str | None = None


WORDS: Final[tuple[Word, ...]] = tuple(
    Word(index, text, group)
    for index, (group, text) in enumerate((group, text) for group, texts in _TABLE for text in texts)
)
WORD_IDS: Final[dict[str, int]] = {word.text: word.id for word in WORDS}
GENRES: Final[tuple[str, ...]] = tuple(word.text for word in WORDS if word.group == "genre")
INSTRUMENTS: Final[tuple[str, ...]] = tuple(word.text for word in WORDS if word.group == "instrument")
DRUMS: Final = frozenset(INSTRUMENTS[: INSTRUMENTS.index("bass")])

PACES: Final = ("slow", "mid-tempo", "fast")

_TEMPO: Final = re.compile(r"\b(\d{2,3}(?:[.,]\d+)?)\s*-?\s*bpm\b|\bbpm\s*[:=]?\s*(\d{2,3}(?:[.,]\d+)?)\b")
_KEY: Final = re.compile(
    r"(?<![\w&])([a-g])(?:\s*-?\s*(sharp|flat)\b|(#|♯|♭|b(?![a-z])|b(?=m(?:in|aj|inor|ajor)?\b)))?\s*-?\s*"
    r"(major|minor|maj|min|dorian|mixolydian|phrygian|lydian|m)(?![\w])"
)
_NEGATION: Final = frozenset({"no", "without", "not", "zero", "minus"})
_CLAUSE: Final = re.compile(r"[,;|\n]|\.\s")
"""No phrase reaches across one of these."""
_SPLIT: Final = re.compile(r"[^\w&#+']+")
_MODES: Final = {"maj": "major", "min": "minor", "m": "minor"}
_ACCIDENTALS: Final = {"sharp": "#", "#": "#", "♯": "#", "flat": "b", "♭": "b", "b": "b"}


def parse(text: str) -> Parsed:
    """Read a producer's prompt into canonical words; phrases are matched longest first.

    Tempo ("88 bpm") and key ("F# minor") are taken out first and returned as hints, never as
    words. Each word or phrase nobody taught the model is returned once in `unknown`.
    """
    lowered = text.casefold()
    tempo_bpm, lowered = _take_tempo(lowered)
    key, lowered = _take_key(lowered)
    found: set[str] = set()
    unknown: dict[str, None] = {}
    for clause in _CLAUSE.split(lowered):
        words, strange = _match(_tokens(clause))
        found |= words
        unknown |= dict.fromkeys(strange)
    ids = tuple(sorted(WORD_IDS[word] for word in found))
    return Parsed(ids, tuple(WORDS[i].text for i in ids), tuple(unknown), tempo_bpm, key)


def pace(tempo_bpm: float) -> str:
    """Return the word for how fast a tempo is: one of `PACES`."""
    slow, middle, fast = PACES
    return slow if tempo_bpm < 90 else fast if tempo_bpm >= 138 else middle


def multi_hot(ids: Iterable[int]) -> list[float]:
    """Ids as a list of `len(WORDS)` zeros and ones."""
    row = [0.0] * len(WORDS)
    for index in ids:
        row[index] = 1.0
    return row


def _take_tempo(text: str) -> tuple[float | None, str]:
    found = _TEMPO.search(text)
    if found is None:
        return None, text
    number = (found[1] or found[2]).replace(",", ".")
    return float(number), _TEMPO.sub(" ", text)


def _take_key(text: str) -> tuple[str | None, str]:
    found = _KEY.search(text)
    if found is None:
        return None, text
    letter, spelt, sign, mode = found.groups()
    accidental = _ACCIDENTALS.get(spelt or sign or "", "")
    key = f"{letter.upper()}{accidental} {_MODES.get(mode, mode)}"
    return key, f"{text[: found.start()]} {text[found.end() :]}"


def _tokens(text: str) -> list[str]:
    stripped = (token.strip("'") for token in _SPLIT.split(text))
    return [token for token in stripped if token]


def _match(tokens: list[str]) -> tuple[set[str], list[str]]:
    """Canonical words in a token list, and the tokens no phrase covers."""
    found: set[str] = set()
    unknown: list[str] = []
    position = 0
    while position < len(tokens):
        length, words = _longest_phrase(tokens, position)
        if length == 0 and tokens[position] not in IGNORED:
            unknown.append(tokens[position])
        found.update(words)
        position += max(length, 1)
    return found, unknown


def _longest_phrase(tokens: list[str], position: int) -> tuple[int, tuple[str, ...]]:
    """Length in tokens of the longest known phrase at `position` and its canonical words."""
    for length in range(min(_LONGEST, len(tokens) - position), 0, -1):
        words = _phrase(tokens[position : position + length])
        if words is not None:
            return length, words
    return _negated(tokens, position)


def _phrase(tokens: list[str]) -> tuple[str, ...] | None:
    for spelling in (" ".join(tokens), " ".join([*tokens[:-1], _singular(tokens[-1])])):
        words = _PHRASES.get(spelling)
        if words is not None:
            return words
    return None


def _negated(tokens: list[str], position: int) -> tuple[int, tuple[str, ...]]:
    """Read "without any bass" as the canonical "no bass", or as nothing where the absence has no word."""
    if tokens[position] not in _NEGATION:
        return 0, ()
    start = position + 1
    while start < len(tokens) and tokens[start] in IGNORED:
        start += 1
    if start >= len(tokens) or tokens[start] in _NEGATION:
        return 1, ()
    length, words = _longest_phrase(tokens, start)
    absent = tuple(f"no {word}" for word in words if f"no {word}" in WORD_IDS)
    return (start - position + max(length, 1), absent) if length else (1, ())


def _singular(token: str) -> str:
    return token[:-1] if token.endswith("s") and token not in PLURALS_KEPT else token


def _spellings() -> dict[str, tuple[str, ...]]:
    """Every phrase that is understood, tokenised and with its last word singular as well."""
    phrases: dict[str, tuple[str, ...]] = {}
    rows: list[tuple[str, tuple[str, ...]]] = [(word.text, (word.text,)) for word in WORDS]
    rows += [(spelling, tuple(words.split(", "))) for spelling, words in SYNONYMS.items()]
    for spelling, words in rows:
        tokens = _tokens(spelling.casefold())
        phrases.setdefault(" ".join(tokens), words)
        phrases.setdefault(" ".join([*tokens[:-1], _singular(tokens[-1])]), words)
    return phrases


_PHRASES: Final = _spellings()
_LONGEST: Final = max(len(phrase.split()) for phrase in _PHRASES)

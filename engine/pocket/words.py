"""The vocabulary of `pocket`, and free text to word ids: `prompts.py` reads it, `languages/` has the tables."""

from typing import Final

import msgspec

from .languages.vocabulary import (
    DRUMS,
    INSTRUMENTS,
    PACES,
    WORD_IDS,
    WORDS,
    Word,
)
from .prompts import parse_prompt

__all__ = [
    "DRUMS", "INSTRUMENTS", "PACES", "WORDS", "WORD_IDS",
    "Parsed", "Word", "pace", "parse",
]  # fmt: skip

SLOW_BELOW_BPM: Final = 90
FAST_FROM_BPM: Final = 138


class Parsed(msgspec.Struct, frozen=True):
    """What a prompt says: word ids (sorted, unique), words, what was not understood, and hints.

    `refused` are the ids of what must not be added to it, `declined` those of them that it names itself. With
    `is_open` its drums mean a whole loop ("a chill beat"), with `is_only` nothing else than what it names may sound.
    """

    ids: tuple[int, ...]
    words: tuple[str, ...]
    unknown: tuple[str, ...]
    tempo_bpm: float | None = None
    key: str | None = None
    refused: tuple[int, ...] = ()
    is_open: bool = False
    declined: tuple[int, ...] = ()
    is_only: bool = False


def parse(text: str) -> Parsed:
    """Read a producer's prompt into canonical words; tempo ("88 bpm") and key ("F# minor") are hints, never words.

    Each word or phrase nobody taught the model is returned once in `unknown`.
    """
    parsed = parse_prompt(text)
    ids = tuple(sorted(WORD_IDS[word] for word in parsed.words))
    return Parsed(
        ids,
        tuple(WORDS[i].text for i in ids),
        tuple(one.text for one in parsed.unknown),
        None if parsed.tempo_bpm is None else float(parsed.tempo_bpm),
        parsed.key,
        tuple(sorted(WORD_IDS[word] for word in parsed.kept_away)),
        parsed.is_open,
        tuple(sorted(WORD_IDS[word] for word in {*parsed.refused, *parsed.lessened} & WORD_IDS.keys())),
        parsed.is_only,
    )


def pace(tempo_bpm: float) -> str:
    """Return the word for how fast a tempo is: one of `PACES`."""
    slow, middle, fast = PACES
    return slow if tempo_bpm < SLOW_BELOW_BPM else fast if tempo_bpm >= FAST_FROM_BPM else middle

"""Which words of a prompt the embedded model knows, which it does not, and the nearest word that it does."""

import difflib

from engine.pocket.words import WORDS, parse

from .cards import Json

MAX_UNKNOWN = 12


def heard(prompt: str) -> Json:
    """Return the words that were understood, those that were not with the nearest known one, tempo and key."""
    parsed = parse(prompt)
    known = [word.text for word in WORDS]
    return {
        "words": list(parsed.words),
        "unknown": [
            {"word": word, "nearest": next(iter(difflib.get_close_matches(word, known, 1, 0.7)), "")}
            for word in parsed.unknown[:MAX_UNKNOWN]
        ],
        "tempo_bpm": parsed.tempo_bpm,
        "key": parsed.key,
    }

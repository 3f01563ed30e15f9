"""A language as the reader of prompts needs it: spellings of the vocabulary's words, and the words that join them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a word does in a prompt."""

    WORDS = "words"  # it names words of the vocabulary
    NOT = "not"  # refuses the next word: not, nicht, pas
    NO = "no"  # refuses the next thing, with its adjective: no, kein
    WITHOUT = "without"  # refuses the next things: without, neither
    LESS = "less"  # the next thing is not asked for, nor refused
    ONLY = "only"  # nothing else than what follows
    AFTER_NOT = "after not"  # refuses what came before it: -free, なし
    AFTER_ONLY = "after only"  # nothing else than what came before it: だけ
    TOO = "too"  # stands between a refusal and what is refused
    AND = "and"
    OR = "or"
    BUT = "but"  # ends a refusal
    IGNORED = "ignored"  # carries no sound
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Language:
    """Tables of one language.

    `words` and `substitutes` go from canonical words (joined by commas) to spellings (joined by commas); a substitute
    names what the model cannot make, and the nearest that it can. A spelling that begins with `?` is a word of English,
    too, and counts only beside another word of this language. `endings` are cut off to find other forms of a word;
    `inflections` are put to words that describe (to "warme", which has their first letter already, only the rest).
    `overrides` are words that mean what they mean here where most of a prompt is in this language, English or not.
    """

    name: str
    words: dict[str, str]
    substitutes: dict[str, str]
    roles: dict[Role, str]
    ignored: str
    endings: tuple[str, ...] = ()
    inflections: tuple[str, ...] = ()
    overrides: frozenset[str] = field(default_factory=frozenset)

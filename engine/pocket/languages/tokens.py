"""Text to clauses of tokens: words as typed beside their folded spelling, Japanese one sign at a time."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_CLAUSE: Final = re.compile(r"([,;:|!?()\n、。！？：]|\.(?:\s|$))")
"""No phrase reaches across one of these."""
_SPLIT: Final = re.compile(r"[^\w&#+']+")
_JAPANESE: Final = re.compile("([\u3041-\u30ff\u3400-\u9fff々〆])")
_CLITIC: Final = re.compile(r"\b([dljsncmt]|qu)'(?=\w{2})")
_SWAPS: Final = (
    r"swap|replace|exchange|ersetze?n?|tauschen?|remplace[rz]?|reemplazar?|cambia|troca|troque|substitu(?:i|a)"
)
_PREFIXES: Final = (
    (re.compile(r"\bw/(?:o|out)\b"), "without"),
    (re.compile(r"\bw/"), "with "),
    (re.compile(r"\b(?:rather|lieber|plutôt|mejor|antes)\s+([^,;.]+?)\s+(than|als|que|do que)\b"), r"\1 rather than"),
    (re.compile(rf"\b(?:{_SWAPS})\s+([^,;.]+?)\s+(?:for|with|by|durch|gegen|par|por)\s+"), r"no \1, "),
    (re.compile(r"(?<![\d.,:/-])\b0\s+(?=[^\W\d]{3})"), "no "),
    (re.compile(r"^\s*-(?=[^\W\d]{3}[^\n]*\s-[^\W\d]{3})|(?<=\w[ ,;])\s*-(?=[^\W\d]{3})"), " no "),  # pads -hats
    (re.compile(r"(?<=\w)'n'(?=\w)"), " n "),
    (re.compile(r"\bun-(?=\w)"), "not "),
    (re.compile(r"(?<=\w)-less\b"), " free"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or one sign of Japanese: as typed in small letters, and folded."""

    text: str
    folded: str


@dataclass(frozen=True, slots=True)
class Clause:
    """Tokens between two stops; `stop` is the sign that ends them, empty at the end of the text."""

    tokens: tuple[Token, ...]
    stop: str


@lru_cache(4096)
def fold(text: str) -> str:
    """Return small letters without accents; Japanese stays as it is."""
    found = []
    for letter in unicodedata.normalize("NFC", text.casefold()):
        plain = unicodedata.normalize("NFD", letter)
        found.append(plain[0] if len(plain) > 1 and plain[0].isascii() else letter)
    return "".join(found).replace("œ", "oe").replace("æ", "ae")


def normal(text: str) -> str:
    """Return the text with wide letters made plain and one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")


def clauses(text: str) -> list[Clause]:
    """Return the clauses of a text, empty ones too."""
    lowered = normal(text).casefold()
    for pattern, plain in _PREFIXES:
        lowered = pattern.sub(plain, lowered)
    parts = _CLAUSE.split(lowered)
    return [
        Clause(tuple(Token(word, fold(word)) for word in words(part)), stop.strip())
        for part, stop in zip(parts[::2], [*parts[1::2], ""], strict=True)
    ]


def words(text: str) -> list[str]:
    """Return the words of a clause in small letters, and each sign of Japanese by itself."""
    spaced = _JAPANESE.sub(r" \1 ", _CLITIC.sub(r"\1 ", text.casefold()))
    stripped = (token.strip("'") for token in _SPLIT.split(spaced))
    return [token for token in stripped if token]


def is_japanese(token: str) -> bool:
    """Whether a token is one sign of Japanese."""
    return bool(_JAPANESE.fullmatch(token))


def is_katakana(token: str) -> bool:
    """Whether a token is one sign of the script of loan words."""
    return len(token) == 1 and "\u30a1" <= token <= "\u30ff" and token != "・"


def spelt(tokens: list[str]) -> str:
    """Return tokens as one would write them: signs of Japanese without spaces."""
    joined = ""
    for token in tokens:
        apart = bool(joined) and not (is_japanese(token) or is_japanese(joined[-1]))
        joined += f" {token}" if apart else token
    return joined

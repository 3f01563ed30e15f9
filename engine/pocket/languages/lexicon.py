"""Every spelling of every language, found by the longest match; forms by their endings; the nearest known one."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from .english import IGNORED, PLURALS_KEPT, ROLES, STRANGERS, SUBSTITUTES, SYNONYMS
from .french import FRENCH
from .german import GERMAN
from .japanese import JAPANESE
from .language import Language, Role
from .portuguese import PORTUGUESE
from .spanish import SPANISH
from .tokens import Token, fold, is_japanese, words
from .vocabulary import GROUP_OF, WORDS

_MIN_STEM, _SURE_STEM = 3, 5  # letters; a shorter stem counts only beside another word of its language
_MIN_PART = 4  # letters of either half of a compound
_JOINTS: Final = ("", "s", "n", "en")
SUFFIXES: Final = frozenset({"less", "los", "frei"})
_PRIVATIVE: Final = re.compile(rf"(?<=\w{{3}})({'|'.join(sorted(SUFFIXES))})(?:e|er|es|en|em)?$")
_NEAR, _NEAR_PAIR = 0.78, 0.85
_FORM: Final = re.compile(r"(\w{2,}?)(ness|ly|er|est|ish|y)")
_QUALITIES: Final = frozenset({"mood", "timbre", "effect", "density", "rhythm"})
_STYLES: Final = frozenset({"genre", "effect"})
LOOSE: Final = frozenset(
    {"beat", "lofi beat", "groove", "rhythm", "batida", "batidas", "ritmo", "rythme", "rythmes", "ビート"}
)
"""Spellings of drums that mean a whole loop: a "chill beat" is no drum solo."""
_UMLAUTS: Final = {"ä": "ae", "ö": "oe", "ü": "ue"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One spelling: what it does, which words it names, in which language. A substitute only comes near to it."""

    spelling: str
    role: Role
    words: tuple[str, ...] = ()
    language: str = "English"
    is_substitute: bool = False
    needs_company: bool = False

    @property
    def is_loose(self) -> bool:
        """Whether it says drums and means a loop."""
        return self.spelling in LOOSE


@dataclass(frozen=True, slots=True)
class Table:
    """The spellings of one language by their folded tokens, by the stems of these, and by forms of qualities."""

    name: str
    exact: dict[str, Entry]
    stems: dict[str, Entry]
    forms: dict[str, Entry]
    endings: tuple[str, ...]
    overrides: frozenset[str]

    def stem(self, tokens: Sequence[str]) -> str:
        """Return the tokens without their endings; in English the last one in the singular."""
        if self.name == "English":
            return " ".join([*tokens[:-1], _singular(tokens[-1])])
        return " ".join(self._stem(token) for token in tokens)

    def _stem(self, token: str) -> str:
        for ending in self.endings:
            if token.endswith(ending) and len(token) - len(ending) >= _MIN_STEM and not is_japanese(token[-1]):
                return token.removesuffix(ending)
        return token


def _singular(token: str) -> str:
    return token[:-1] if token.endswith("s") and token not in PLURALS_KEPT else token


def _english_entries() -> Iterator[Entry]:
    yield from (Entry(word.text, Role.WORDS, (word.text,)) for word in WORDS)
    yield from (Entry(text, Role.WORDS, tuple(words.split(", "))) for text, words in SYNONYMS.items())
    for text, meant in SUBSTITUTES.items():
        yield Entry(text, Role.WORDS, tuple(meant.split(", ")), is_substitute=True)
    yield from _role_entries(ROLES, IGNORED, "English")


def _entries(language: Language) -> Iterator[Entry]:
    """Yield the roles first: where a spelling joins words and names one, it joins."""
    yield from _role_entries(language.roles, (), language.name)
    for rows, is_substitute in ((language.words, False), (language.substitutes, True)):
        for meant, spellings in rows.items():
            if meant.startswith("no ") or meant.endswith(" only"):
                continue  # the grammar reads these, with whatever else is refused beside them
            for spelling in spellings.split(", "):
                plain = spelling.removeprefix("?")
                yield Entry(
                    plain, Role.WORDS, tuple(meant.split(", ")), language.name, is_substitute, plain != spelling
                )
    yield from _role_entries({}, language.ignored.split(), language.name)


def _role_entries(roles: dict[Role, str], ignored: Iterable[str], name: str) -> Iterator[Entry]:
    for role, spellings in roles.items():
        yield from (Entry(spelling, role, language=name) for spelling in spellings.split(", "))
    yield from (Entry(spelling, Role.IGNORED, language=name) for spelling in ignored)


def _table(name: str, entries: Iterable[Entry], language: Language | None = None) -> Table:
    endings, overrides = (language.endings, language.overrides) if language else ((), frozenset[str]())
    table = Table(name, {}, {}, {}, endings, overrides)
    for entry in entries:
        for spelling in _variants(entry.spelling, name) if entry.role is Role.WORDS else (entry.spelling,):
            tokens = [fold(token) for token in words(spelling)]
            if tokens:
                table.exact.setdefault(" ".join(tokens), entry)
                if entry.role is Role.WORDS:
                    table.stems.setdefault(table.stem(tokens), entry)
                    for ending in language.inflections if language and _is_quality(entry) and len(tokens) == 1 else ():
                        table.forms.setdefault(tokens[0].removesuffix(ending[0]) + ending, entry)
    return table


def _is_quality(entry: Entry) -> bool:
    """Whether it describes, so that in some languages it ends as the thing beside it does."""
    return all(GROUP_OF[word] in _QUALITIES for word in entry.words) and not entry.is_substitute


def _variants(spelling: str, language: str) -> Iterator[str]:
    yield spelling
    if language == "German" and any(letter in spelling for letter in _UMLAUTS):
        yield "".join(_UMLAUTS.get(letter, letter) for letter in spelling)
    if language == "Japanese" and len(spelling) > 1 and spelling.endswith("い"):
        yield spelling[:-1]  # 暗く, 暗さ, 暗くない
    if language == "Japanese" and len(spelling) > 2 and spelling.endswith("ー"):
        yield spelling[:-1]


ENGLISH: Final = _table("English", _english_entries())
OTHERS: Final = tuple(
    _table(language.name, _entries(language), language) for language in (GERMAN, SPANISH, FRENCH, PORTUGUESE, JAPANESE)
)
_LONGEST_ENGLISH: Final = max(len(phrase.split()) for phrase in ENGLISH.exact)
_LONGEST: Final = max(len(phrase.split()) for table in (ENGLISH, *OTHERS) for phrase in table.exact)


@dataclass(frozen=True, slots=True)
class Order:
    """In which order a prompt's tokens are looked up: English, then the languages by how much of it is theirs."""

    tables: tuple[Table, ...]
    votes: dict[str, int]

    @classmethod
    def of(cls, tokens: Sequence[Token]) -> "Order":
        """Return the order for a whole prompt."""
        votes: Counter[str] = Counter()
        for token in _foreign(tokens):
            for table in OTHERS:
                entry = table.exact.get(token.folded)
                if entry is not None and not entry.needs_company:
                    votes[table.name] += 1 + (token.text != token.folded and token.text in entry.spelling)
        return cls(tuple(sorted(OTHERS, key=lambda table: -votes[table.name])), dict(votes))

    def find(self, tokens: Sequence[Token], start: int) -> tuple[int, Entry] | None:
        """Return the longest known phrase that begins at `start`, in tokens, and what it is."""
        for length in range(min(_LONGEST, len(tokens) - start), 0, -1):
            phrase = tokens[start : start + length]
            accented = any(token.text != token.folded for token in phrase)
            entry = self._look_up([token.folded for token in phrase], accented=accented)
            if entry is not None:
                return length, entry
        return None

    def _look_up(self, folded: list[str], *, accented: bool = False) -> Entry | None:
        phrase, top = " ".join(folded), self.tables[0]
        if self.votes.get(top.name) and folded[0] in top.overrides:
            return top.exact.get(phrase) or top.stems.get(top.stem(folded))  # the "e piano" of English is "and piano"
        found = _english(folded)
        if (found is not None and not accented) or phrase in STRANGERS:
            return found
        for table in self.tables:
            entry = table.exact.get(phrase)
            if entry is not None and (not entry.needs_company or self.votes.get(table.name)):
                return entry
        return self._by_stem(folded) or found

    def _by_stem(self, folded: list[str]) -> Entry | None:
        for table in self.tables:
            if (form := table.forms.get(" ".join(folded))) is not None:
                return form
            stem = table.stem(folded)
            entry = table.stems.get(stem)
            if entry is not None and (len(stem) >= _SURE_STEM or self.votes.get(table.name)):
                return entry
        return None

    def compound(self, token: Token) -> tuple[Entry, ...]:
        """Return the two known words that one token is made of, none if it is not; "kickless" refuses its kick."""
        folded = token.folded
        if suffix := _PRIVATIVE.search(folded):
            stem = folded[: suffix.start()]
            found = self._look_up([stem]) or (self._look_up([stem[:-1]]) if stem[-1:] in ("s", "n") else None)
            if found is not None and found.role is Role.WORDS:
                return found, Entry(suffix[1], Role.AFTER_NOT)
        for cut in range(len(folded) - _MIN_PART, _MIN_PART - 1, -1):
            right = self._look_up([folded[cut:]])
            lefts = (folded[:cut].removesuffix(joint) for joint in _JOINTS if folded[:cut].endswith(joint))
            left = next((found for part in lefts if part and (found := self._look_up([part])) is not None), None)
            if left is None or right is None or not {left.role, right.role} <= {Role.WORDS, Role.IGNORED}:
                continue
            if Role.WORDS in (left.role, right.role):
                return left, right
        return ()


def _english(folded: Sequence[str]) -> Entry | None:
    phrase, stem = " ".join(folded), ENGLISH.stem(folded)
    exact, stems = ENGLISH.exact, ENGLISH.stems
    found = exact.get(phrase) or stems.get(phrase) or exact.get(stem) or stems.get(stem)
    return found or (_inflected(folded[0]) if len(folded) == 1 else None)


def _inflected(token: str) -> Entry | None:
    """Return the quality or the genre that an English form is made of: darker, slowly, happiness, housey."""
    form = _FORM.fullmatch(token)
    if form is None:
        return None
    base, groups = form[1], _STYLES if form[2] == "y" else _QUALITIES
    bases = (
        base,
        f"{base}e",
        f"{base[:-1]}y" if base[-1] == "i" else base,
        base[:-1] if base[-1] == base[-2] else base,
    )
    for one in bases:
        entry = ENGLISH.exact.get(one)
        if entry is not None and entry.words and all(GROUP_OF[word] in groups for word in entry.words):
            return entry
    return None


def _foreign(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens that no English phrase covers: the "lo" of "lo-fi" is not Spanish."""
    position = 0
    while position < len(tokens):
        lengths = range(min(_LONGEST_ENGLISH, len(tokens) - position), 0, -1)
        covered = (n for n in lengths if _english([token.text for token in tokens[position : position + n]]))
        length = next(covered, 0)
        if not length:
            yield tokens[position]
        position += max(length, 1)


def spellings() -> Iterator[Entry]:
    """Yield every spelling that names words, English first."""
    for table in (ENGLISH, *OTHERS):
        seen: set[str] = set()
        for entry in table.exact.values():
            if entry.role is Role.WORDS and entry.spelling not in seen:
                seen.add(entry.spelling)
                yield entry


@cache
def _known() -> dict[str, str]:
    return {fold(entry.spelling): entry.spelling for entry in reversed(list(spellings()))}


@cache
def _known_pairs() -> dict[str, str]:
    return {folded: spelling for folded, spelling in _known().items() if folded.count(" ") == 1}


@cache
def nearest_pair(first: str, second: str) -> str:
    """Return the known spelling of two words that is most like two neighbours, English before others; else empty."""
    pairs, typed = _known_pairs(), fold(f"{first} {second}")
    found = difflib.get_close_matches(typed, pairs, 3, _NEAR_PAIR)
    best = max(found, key=lambda one: (_likeness(one, typed), one in ENGLISH.exact), default="")
    return pairs.get(best, "")


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


@cache
def nearest(word: str) -> str:
    """Return the known spelling that is most like an unknown word, in any language; empty if none is."""
    known = _known()
    found = difflib.get_close_matches(fold(word), known, 1, _NEAR)
    return known[found[0]] if found else ""

"""Parses a prompt in any of six languages, and says in one sentence how it was understood.

No torch is loaded here: whoever makes a request reads its prompt before any model is.
"""

from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Final

import msgspec

from midi.key import Key
from midi.tempo import Meter

from ..request import LoopRequest
from .languages.families import AMBIENCE, ONLY, absences, members, only_words, outside, parts_of
from .languages.grammar import Wishes, read_wishes
from .languages.hints import take_hints
from .languages.language import Role
from .languages.lexicon import nearest, nearest_pair
from .languages.segments import Part, Segment, read_parts
from .languages.vocabulary import INSTRUMENTS, WORD_IDS

MAX_NAMED = 12  # words of one kind in the sentence
MAX_SHOWN = 40  # characters of a word that is not known


class UnknownPart(msgspec.Struct, frozen=True):
    """A part of a prompt that is not known, as typed, and the nearest known spelling; empty where none is near."""

    text: str
    nearest: str = ""


class Substitution(msgspec.Struct, frozen=True):
    """A part of a prompt that the model cannot make, as typed, and the nearest words that it can."""

    text: str
    words: tuple[str, ...]


class ParsedPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as `pocket` understands it; everything is in the order typed.

    `words` are canonical. `refused` are words that the prompt excludes, and `kept_away` all words that must not be
    added because of that; of `lessened` words the prompt asks for less, and they are not added either. `is_only` is
    true for a prompt such as "only drums". With `is_open` its drums mean a whole loop, as in "a chill beat".
    `tempo_bpm` to `bars` are settings that the prompt names, `unused` further ones that it names, with the reason.
    """

    words: tuple[str, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    refused: tuple[str, ...] = ()
    kept_away: tuple[str, ...] = ()
    lessened: tuple[str, ...] = ()
    unknown: tuple[UnknownPart, ...] = ()
    is_only: bool = False
    is_open: bool = False
    tempo_bpm: Fraction | None = None
    key: str | None = None
    time_signature: Meter | None = None
    bars: int | None = None
    unused: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One line for the producer, empty where nothing was said."""
        refused = [word for word in self.refused if f"no {word}" not in self.words]
        parts = [", ".join(self.words)] if self.words else []
        for one in self.substitutions[:MAX_NAMED]:
            parts.append(f"{one.text} heard as {', '.join(one.words)}, pocket has no {one.text}")
        if refused:
            parts.append(f"kept away: {', '.join(refused)}")
        if self.lessened:
            parts.append(f"not added: {', '.join(self.lessened)}")
        if self.unused:
            parts.append(f"not used: {', '.join(self.unused)}")
        parts += self.unknown_in_words
        if self.words or self.refused or self.lessened:
            return _line("Heard", parts)
        if any((self.tempo_bpm, self.key, self.time_signature, self.bars)) and not self.unknown:
            return _line("Heard", ["no words, so the seed alone decides the rest", *parts])
        said = "; ".join(["nothing", *parts, "the seed alone decides"])
        return f"Heard: {said}. `ditto-live words` lists what is understood."

    @property
    def unknown_in_words(self) -> list[str]:
        """What is not known, as a part of a sentence; nothing where all is."""
        if not self.unknown:
            return []
        return [f"not known: {', '.join(map(_asked_back, self.unknown[:MAX_NAMED]))}{_more(self.unknown)}"]

    def plain(self) -> dict[str, object]:
        """Return it as plain values, for JSON and for the record of a take."""
        return {
            "words": list(self.words),
            "substitutions": {one.text: list(one.words) for one in self.substitutions},
            "refused": list(self.refused),
            "unknown": {one.text: one.nearest for one in self.unknown},
            "tempo_bpm": None if self.tempo_bpm is None else float(self.tempo_bpm),
            "key": self.key,
            "time_signature": None if self.time_signature is None else str(self.time_signature),
            "bars": self.bars,
        }


READERS: Final = frozenset({"pocket", "pocket-told"})
"""Models that read prompts so; others have a text encoder."""


def sentences(prompt: str, negative_prompt: str = "") -> tuple[str, ...]:
    """Return what to read before a loop is made: a line for the prompt, and one for what it should not be."""
    found = [parse_prompt(prompt).sentence] if prompt.strip() else []
    if negative_prompt.strip():
        against = parse_prompt(negative_prompt)
        parts = [f"kept away: {', '.join(against.words)}"] if against.words else []
        found.append(_line("Negative prompt", [*parts, *against.unknown_in_words]))
    return tuple(found)


def settings_overruled(request: LoopRequest) -> tuple[str, ...]:
    """Return a sentence on each setting of the prompt that the request overrules, and on a key that it gives."""
    parsed, said = parse_prompt(request.prompt), []
    if parsed.tempo_bpm is not None and parsed.tempo_bpm != request.tempo_bpm:
        said.append(_overruled(f"{float(parsed.tempo_bpm):g} BPM", f"{float(request.tempo_bpm):g} BPM"))
    if parsed.key is not None and request.key is None:
        said.append(f"The prompt says {parsed.key}, and so the loop is made.")
    elif parsed.key is not None and request.key is not None and Key.parse(parsed.key) != Key.parse(request.key):
        said.append(_overruled(parsed.key, request.key))
    if parsed.time_signature is not None and parsed.time_signature != request.meter:
        said.append(_overruled(str(parsed.time_signature), str(request.meter)))
    if parsed.bars is not None and parsed.bars != request.bars:
        said.append(_overruled(_bars(parsed.bars), _bars(request.bars)))
    return tuple(said)


def _overruled(said: str, has: str) -> str:
    return f"The prompt says {said}, but the request has {has}, and that counts."


def _bars(bars: int) -> str:
    return f"{bars} bar{'s' * (bars != 1)}"


@lru_cache(64)
def parse_prompt(prompt: str) -> ParsedPrompt:
    """Return what a prompt says, in any of the six languages, or in several."""
    hints, rest = take_hints(prompt)
    parts = read_parts(rest)
    wishes = read_wishes(parts)
    wanted = [word for one in wishes.wanted for word in one.words]
    refused = [word for one in wishes.refused for phrase in one.words for word in sorted(parts_of(phrase))]
    refused += [word.removeprefix("no ") for word in wanted if word.startswith("no ")]
    words = dict.fromkeys([word for word in (*wanted, *hints.words) if word not in refused])
    said = set(words)
    added = absences(set(refused), said)
    if wishes.is_only and not said & ONLY.keys():
        added |= only_words(said)
    words |= dict.fromkeys(sorted(added, key=WORD_IDS.__getitem__))
    return ParsedPrompt(
        words=tuple(words),
        substitutions=_substitutions(wishes),
        refused=tuple(dict.fromkeys(refused)),
        kept_away=_kept_away(wishes, refused, said),
        lessened=_lessened(wishes, said),
        unknown=_unknown(wishes.unknown, parts),
        is_only=wishes.is_only,
        is_open=_is_open(wishes),
        tempo_bpm=hints.tempo_bpm,
        key=hints.key,
        time_signature=hints.time_signature,
        bars=hints.bars,
        unused=hints.unused,
    )


def _substitutions(wishes: Wishes) -> tuple[Substitution, ...]:
    found = {one.text: one.words for one in wishes.wanted if one.entry.is_substitute}
    return tuple(Substitution(text, words) for text, words in found.items())


def _unknown(unknown: list[str], parts: list[Part]) -> tuple[UnknownPart, ...]:
    """Return the unknown parts; only the first, which are shown, have a nearest word, which takes long to find.

    Two neighbours that are nearly a known term of two words are one: boom bab is no boom and no bab.
    """
    pairs = dict[str, UnknownPart]()  # by each word that is not known
    for part in parts:
        for first, second in pairwise(part.segments):
            unknown_texts = [one.text for one in (first, second) if one.role is Role.UNKNOWN]
            if not unknown_texts or len(pairs) >= MAX_NAMED or pairs.keys() & set(unknown_texts):
                continue
            near = nearest_pair(first.text, second.text)
            if near and all(one.text in near.split() for one in (first, second) if one.role is Role.WORDS):
                pairs |= dict.fromkeys(unknown_texts, UnknownPart(f"{first.text} {second.text}", near))
    found = dict[str, UnknownPart]()
    for text in dict.fromkeys(unknown):
        one = pairs.get(text) or UnknownPart(text, nearest(text) if len(found) < MAX_NAMED else "")
        found.setdefault(one.text, one)
    return tuple(found.values())


def _kept_away(wishes: Wishes, refused: list[str], said: set[str]) -> tuple[str, ...]:
    away = {member for word in refused for member in members(word)}
    away |= {word for one in wishes.unasked for phrase in one.words for word in parts_of(phrase)}
    if wishes.is_only:
        away |= outside(said)
    return tuple(sorted((word for word in away - said if word in WORD_IDS), key=WORD_IDS.__getitem__))


def _lessened(wishes: Wishes, said: set[str]) -> tuple[str, ...]:
    less = dict.fromkeys(word for one in wishes.unasked for phrase in one.words for word in sorted(parts_of(phrase)))
    return tuple(word for word in less if word not in said)


def _is_open(wishes: Wishes) -> bool:
    """Whether drums came only of words such as beat: they name a loop, and no instrument of it."""
    naming = [one for one in wishes.wanted if any(word in INSTRUMENTS and word not in AMBIENCE for word in one.words)]
    return bool(naming) and not wishes.is_only and all(map(_is_loose, naming))


def _is_loose(segment: Segment) -> bool:
    return segment.entry.is_loose


def _line(start: str, parts: list[str]) -> str:
    return f"{start}: {'; '.join(parts) or 'nothing'}."


def _asked_back(unknown: UnknownPart) -> str:
    text = unknown.text if len(unknown.text) <= MAX_SHOWN else f"{unknown.text[:MAX_SHOWN]}…"
    return f"{text} ({unknown.nearest}?)" if unknown.nearest else text


def _more(unknown: tuple[UnknownPart, ...]) -> str:
    over = len(unknown) - MAX_NAMED
    return f" and {over} more" if over > 0 else ""

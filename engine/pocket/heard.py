"""What was understood of a prompt, as one value and as one sentence.

No torch is loaded here: whoever makes a request reads its prompt before any model is.
"""

from fractions import Fraction
from functools import lru_cache

import msgspec

from midi.tempo import Meter

from .hints import Hints, take_hints
from .languages.families import AMBIENCE, ONLY, absences, members, only_words, parts_of
from .languages.grammar import Wishes, read_wishes
from .languages.lexicon import nearest
from .languages.segments import Segment, read_parts
from .languages.vocabulary import INSTRUMENTS, WORD_IDS

MAX_NAMED = 12  # words of one kind in the sentence


class Stranger(msgspec.Struct, frozen=True):
    """What is not known, as typed, and the nearest spelling that is; empty where none is near."""

    text: str
    nearest: str = ""


class Substitution(msgspec.Struct, frozen=True):
    """What the model cannot make, as typed, and the words that come near to it."""

    text: str
    words: tuple[str, ...]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt says to `pocket`; everything in the order typed.

    `words` are canonical. `refused` is what the prompt does not want, `kept_away` all that nothing may add because of
    it. With `is_open` its drums mean a whole loop. `tempo_bpm` to `bars` are settings that the prompt names.
    """

    words: tuple[str, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    refused: tuple[str, ...] = ()
    kept_away: tuple[str, ...] = ()
    unknown: tuple[Stranger, ...] = ()
    is_only: bool = False
    is_open: bool = False
    tempo_bpm: Fraction | None = None
    key: str | None = None
    time_signature: Meter | None = None
    bars: int | None = None

    @property
    def sentence(self) -> str:
        """One line for the producer, empty where nothing was said."""
        parts = [_listed(self.words)] if self.words else []
        parts += [
            f"{one.text} heard as {_listed(one.words)}, pocket has no {one.text}" for one in self.substitutions[:MAX_NAMED]
        ]
        if self.refused:
            parts.append(f"without {_listed(self.refused)}")
        if self.unknown:
            parts.append(f"not known: {', '.join(map(_asked_back, self.unknown[:MAX_NAMED]))}{_more(self.unknown)}")
        if not self.words and not self.refused:
            alone = "the seed alone decides. `ditto-live words` lists what is understood"
            return f"Heard: nothing that pocket knows{_but(parts)}; {alone}." if self.unknown else ""
        return f"Heard: {'; '.join(parts)}."


@lru_cache(64)
def hear(prompt: str) -> Heard:
    """Return what a prompt says, in any of the six languages, or in several."""
    hints, rest = take_hints(prompt)
    wishes = read_wishes(read_parts(rest))
    wanted = [word for one in wishes.wanted for word in one.words]
    refused = [word for one in wishes.refused for phrase in one.words for word in sorted(parts_of(phrase))]
    refused += [word.removeprefix("no ") for word in wanted if word.startswith("no ")]
    words = dict.fromkeys([word for word in (*wanted, *hints.words) if word not in refused])
    said = set(words)
    added = absences(set(refused), said)
    if wishes.is_only and not said & ONLY.keys():
        added |= only_words(said)
    words |= dict.fromkeys(sorted(added, key=WORD_IDS.__getitem__))
    return Heard(
        words=tuple(words),
        substitutions=_substitutions(wishes),
        refused=tuple(dict.fromkeys(refused)),
        kept_away=_kept_away(wishes, refused, said),
        unknown=tuple(Stranger(text, nearest(text)) for text in dict.fromkeys(wishes.unknown)),
        is_only=wishes.is_only,
        is_open=_is_open(wishes),
        **_settings(hints),
    )


def _settings(hints: Hints) -> dict[str, object]:
    return {name: getattr(hints, name) for name in ("tempo_bpm", "key", "time_signature", "bars")}


def _substitutions(wishes: Wishes) -> tuple[Substitution, ...]:
    found = {one.text: one.words for one in wishes.wanted if one.entry.is_substitute}
    return tuple(Substitution(text, words) for text, words in found.items())


def _kept_away(wishes: Wishes, refused: list[str], said: set[str]) -> tuple[str, ...]:
    away = {member for word in refused for member in members(word)}
    away |= {word for one in wishes.unasked for phrase in one.words for word in parts_of(phrase)}
    if wishes.is_only:
        away |= set(INSTRUMENTS)
    return tuple(sorted((word for word in away - said if word in WORD_IDS), key=WORD_IDS.__getitem__))


def _is_open(wishes: Wishes) -> bool:
    """Whether drums came only of words such as beat: they name a loop, and no instrument of it."""
    naming = [one for one in wishes.wanted if any(word in INSTRUMENTS and word not in AMBIENCE for word in one.words)]
    return bool(naming) and not wishes.is_only and all(map(_is_loose, naming))


def _is_loose(segment: Segment) -> bool:
    return segment.entry.is_loose


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(words)


def _asked_back(stranger: Stranger) -> str:
    return f"{stranger.text}, did you mean {stranger.nearest}?" if stranger.nearest else stranger.text


def _more(strangers: tuple[Stranger, ...]) -> str:
    over = len(strangers) - MAX_NAMED
    return f" and {over} more" if over > 0 else ""


def _but(parts: list[str]) -> str:
    return "".join(f"; {part}" for part in parts)

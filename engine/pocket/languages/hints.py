"""What in a prompt is a setting of a request, in six languages: "90 bpm", "f-Moll", "8A", "in 3/4", "8 小節".

No torch is loaded here: whoever makes a request reads them before any model is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from midi.errors import MidiError
from midi.key import Key
from midi.tempo import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Meter, parse_tempo

from ...request import MAX_BARS
from .tokens import normal

KeyKind = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
MIN_BARE_BPM, MAX_BARE_BPM = 60, 200  # a number that stands alone is a tempo between these
_NUMBERS: Final = (  # from one on, in English, German, Spanish, French and Portuguese
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
    "ein zwei drei vier fünf sechs sieben acht",
    "un dos tres cuatro cinco seis siete ocho",
    "une deux trois quatre cinq six sept huit",
    "um dois três quatro cinco seis sete oito",
)
_COUNTS: Final = {word: count for words in _NUMBERS for count, word in enumerate(words.split(), 1)}
_BARS: Final = re.compile(
    rf"(?<![\w.,/])(\d{{1,3}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})[\s-]*"
    r"(?:(?:bars?|takte?n?|takt|comp[aá]s(?:es)?|mesures?|compassos?)(?![\w])|小節)",
    re.IGNORECASE,
)
# "a fill every 4 bars" says where, not how long the loop is.
_PLACE: Final = re.compile(
    r"\b(every|each|after|before|last|first|next|per|over|in|for|of|by|until|all|the|at|bar|alle|nach|vor|cada|tras|"
    r"toutes les|tous les|chaque|après)\s*$",
    re.IGNORECASE,
)
_METER: Final = re.compile(
    r"(?<![\d/.,])(\d{1,2})\s?/\s?(2|4|8|16)(?![\d/])(?:[\s-]?(?:takt|time|拍子)\b)?", re.IGNORECASE
)
_SPELT_METER: Final = re.compile(
    r"\b(?:(three|five)[\s-]four|(six|seven)[\s-]eight)\b(?:[\s-]time)?(?=\s*(?:$|[,;.)]))", re.IGNORECASE
)
_JAPANESE_METER: Final = re.compile(r"(2|4|8|16)分の(\d{1,2})拍子")
_IN_THREE: Final = re.compile(
    r"\bdreivierteltakte?s?\b|\b(?:à trois temps|a tres tiempos|a três tempos)\b|(?:3|三)拍子", re.IGNORECASE
)
# A waltz is in three unless a metre is named; the word stays a word of the prompt.
_WALTZ: Final = re.compile(
    r"\b(?:waltz(?:es)?|walzer|vals|valse|valsa)\b|ワルツ(?!\s*(?:では|じゃ)?な[いし])", re.IGNORECASE
)
_REFUSED: Final = re.compile(
    r"\b(?:no|not|never|without|kein\w*|ohne|nicht|sin|sans|pas|sem|não|nada)\s+(?:\w+\s+){0,2}$", re.IGNORECASE
)

_NUMBER = r"(\d{2,3}(?:[.,]\d+)?)"
_TEMPOS: Final = (
    re.compile(rf"(?<![\w.]){_NUMBER}\s*-?\s*(?:bpm(?![A-Za-z])|beats per minute)", re.IGNORECASE),
    re.compile(rf"(?:\b(?:bpm|tempo)|テンポは?)\s*[:=]?\s*{_NUMBER}(?![\w/])(?!\s*bars?)", re.IGNORECASE),
    re.compile(rf"@\s*{_NUMBER}(?![\w/])"),
    re.compile(rf"^\s*{_NUMBER}(?=\s+[^\W\d])"),
    re.compile(
        rf"(?:^|[\s,;(、]|(?<!\d)/){_NUMBER}(?=\s*(?:$|[,;)\n。、]|[.!?](?:\s|$)|in\b|with\b|mit\b|con\b|avec\b|com\b))"
    ),
)  # the last two are a number alone
_ANY_TEMPO: Final = re.compile(
    r"(?<![\w.])(\d{1,9}(?:[.,]\d{1,9})?)\s*-?\s*(?:bpm(?![A-Za-z])|beats per minute)", re.IGNORECASE
)
_RANGE: Final = re.compile(
    r"(?<![\w.])(\d{2,3})\s*(?:-|–|to|and|bis|und|à|et|a|y|e)\s*(\d{2,3})\s*bpm\b", re.IGNORECASE
)
_MODES: Final = {
    "harmonic minor|harmonisch moll": "harmonic minor",
    "melodic minor|melodisch moll": "melodic minor",
    "major|maj|dur|majeure?|mayor|maior|メジャー|長調": "major",
    "minor|min|moll|mineure?|menor|マイナー|短調": "minor",
    "dorian|dorisch|dorio|dórico|dorien|ドリアン": "dorian",
    "phrygian|phrygisch|frigio|frígio|phrygien|フリジアン": "phrygian",
    "mixolydian|mixolydisch|mixolidio|mixolídio|mixolydien|ミクソリディアン": "mixolydian",
    "lydian|lydisch|lidio|lídio|lydien|リディアン": "lydian",
    "locrian|lokrisch|locrio|lócrio|locrien": "locrian",
}
_MODE = f"({'|'.join(_MODES)})(?![A-Za-z])"
_LETTER_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9_&])([A-Ga-g])(?:\s*-?\s*(sharp|flat)\b|(#|♯|♭|b(?![a-z])|b(?=m(?:in|aj)?)))?\s*-?\s*" + _MODE,
    re.IGNORECASE,
)
_GERMAN_KEY: Final = re.compile(
    r"(?<!\w)(cis|des|dis|es|fis|ges|gis|as|ais|c|d|e|f|g|a|b|h)[\s-]*(dur|moll)(?!\w)", re.IGNORECASE
)
_SUNG_KEY: Final = re.compile(
    r"(?<!\w)(do|dó|ut|re|ré|mi|fa|fá|sol|la|lá|si)[\s-]*(sostenido|sustenido|dièse|diese|bemol|bémol|#|♯|♭)?[\s-]*"
    r"(mayor|menor|majeur|mineur|maior)e?(?!\w)",
    re.IGNORECASE,
)
_JAPANESE_KEY: Final = re.compile(r"(嬰|変)?([イロハニホヘへト])(長調|短調)")
_SHORT_KEY: Final = re.compile(r"(?<![A-Za-z0-9_&#])(?:([A-G])([#b♯♭]?)|([a-g])([#♯♭]|b(?=m)))m(?![A-Za-z0-9_#])")
_BARE_KEY: Final = re.compile(
    r"(?:\b(?:[Kk]ey|KEY)\b(?:\s+of)?\s*[:=]?|\b[Tt]onart:?|\b[Ii]n|キー[:は]?)\s*([A-G])(?:([#♯♭b])|[\s-]?(sharp|flat))?"
    r"(?=\s*(?:$|[,.;!?)\n]|\d))"
)
_CAMELOT: Final = re.compile(r"(?<![\w#/.])(1[0-2]|[1-9])([ABab])(?![\w#])")
_ARTICLE_BEFORE: Final = re.compile(r"\b(?:in|key|of|key:|en)\s*$", re.IGNORECASE)
_SUNG: Final = {"do": "C", "dó": "C", "ut": "C", "re": "D", "ré": "D", "mi": "E", "fa": "F", "fá": "F", "sol": "G",
                "la": "A", "lá": "A", "si": "B"}  # fmt: skip
_JAPANESE_TONICS: Final = dict(zip("イロハニホヘへト", "ABCDEFFG", strict=True))
_SHARPS: Final = frozenset({"#", "♯", "sharp", "sostenido", "sustenido", "dièse", "diese", "嬰"})


@dataclass(frozen=True, slots=True)
class Hints:
    """What a prompt says of tempo, key, time signature and length; None where it says nothing that can be used.

    `words` are words of the vocabulary that follow from the metre. `unused` are settings that are named and do not
    count, each as it was typed, with the reason.
    """

    tempo_bpm: Fraction | None = None
    key: str | None = None
    time_signature: Meter | None = None
    bars: int | None = None
    words: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def read_hints(prompt: str) -> Hints:
    """Return the settings that a prompt names; what lies outside the allowed ranges is among the unused."""
    return take_hints(prompt)[0]


def take_hints(prompt: str) -> tuple[Hints, str]:
    """Return the settings that a prompt names, and the prompt without them."""
    text = normal(prompt)
    unused: list[str] = []
    bars, text = _take_bars(text)
    text = _take_other_bars(text, bars, unused)
    meter, text = _take_meter(text)
    key, text = _take_key(text)
    text = _take_other_keys(text, key, unused)
    tempo, text = _take_tempo(text)
    text = _take_other_tempi(text, tempo, unused)
    words = () if meter is None else _METER_WORDS.get((meter.numerator, meter.denominator), ())
    return Hints(tempo, key, meter, bars, words, tuple(unused)), text


_METER_WORDS: Final[dict[tuple[int, int], tuple[str, ...]]] = {
    (3, 4): ("waltz",),
    (5, 4): ("odd meter",),
    (7, 8): ("odd meter",),
}


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"


def _take_bars(text: str) -> tuple[int | None, str]:
    for found in _BARS.finditer(text):
        count = _count_of(found)
        if 1 <= count <= MAX_BARS and not _PLACE.search(text[: found.start()]):
            return count, _without(text, found)
    return None, text


def _count_of(found: re.Match[str]) -> int:
    return int(found[1]) if found[1].isdigit() else _COUNTS[found[1].lower()]


def _take_other_bars(text: str, bars: int | None, unused: list[str]) -> str:
    """Note every other length that is named, and return the text without them."""
    found = [one for one in _BARS.finditer(text) if not _PLACE.search(text[: one.start()])]
    for one in reversed(found):
        if (count := _count_of(one)) != bars:
            is_possible = 1 <= count <= MAX_BARS
            unused.append(f"{one[0].strip()} ({f'{bars} counts' if is_possible else f'1 to {MAX_BARS} are possible'})")
        text = _without(text, one)
    return text


def _take_meter(text: str) -> tuple[Meter | None, str]:
    if found := _IN_THREE.search(text):
        return Meter(3, 4), _without(text, found)
    if found := _JAPANESE_METER.search(text):
        return Meter(int(found[2]), int(found[1])), _without(text, found)
    if found := _SPELT_METER.search(text):
        return Meter(_COUNTS[(found[1] or found[2]).lower()], 4 if found[1] else 8), _without(text, found)
    for found in _METER.finditer(text):
        if int(found[1]) > 1:  # "1/16 hats" is a note's length
            return Meter(int(found[1]), int(found[2])), _without(text, found)
    is_waltz = any(not _REFUSED.search(text[: found.start()]) for found in _WALTZ.finditer(text))
    return (Meter(3, 4) if is_waltz else None), text


def _take_tempo(text: str) -> tuple[Fraction | None, str]:
    if found := _RANGE.search(text):  # "90-100 bpm" is its middle
        return Fraction(int(found[1]) + int(found[2]), 2), _without(text, found)
    for pattern in _TEMPOS:
        for found in pattern.finditer(text):
            number = found[1].replace(",", ".")
            if pattern in _TEMPOS[-2:] and not MIN_BARE_BPM <= float(number) <= MAX_BARE_BPM:
                continue
            try:
                return parse_tempo(number), _without(text, found)
            except MidiError:
                continue
    return None, text


def _take_other_tempi(text: str, tempo: Fraction | None, unused: list[str]) -> str:
    """Note every other tempo in BPM that is named, and return the text without them."""
    for found in reversed(list(_ANY_TEMPO.finditer(text))):
        number = Fraction(found[1].replace(",", "."))
        if number != tempo:
            is_possible = MIN_TEMPO_BPM <= number <= MAX_TEMPO_BPM and tempo is not None
            counts = "" if tempo is None else f"{float(tempo):g} counts"
            unused.append(
                f"{found[0].strip()} ({counts if is_possible else f'{MIN_TEMPO_BPM} to {MAX_TEMPO_BPM} are possible'})"
            )
        text = _without(text, found)
    return text


def _take_key(text: str, kinds: Sequence[KeyKind] | None = None) -> tuple[str | None, str]:
    for pattern, spelt in _KEYS if kinds is None else kinds:
        for found in pattern.finditer(text):
            if pattern is _LETTER_KEY and _is_article(text, found):
                continue
            try:
                Key.parse(key := spelt(found))
            except MidiError:
                continue
            return key, _without(text, found)
    return None, text


def _take_other_keys(text: str, key: str | None, unused: list[str]) -> str:
    """Note every other key that is named, and return the text without them."""
    first = None if key is None else Key.parse(key)
    while key is not None:
        other, rest = _take_key(text, _SURE_KEYS)
        if other is None:
            break
        if Key.parse(other) != first:
            unused.append(f"{other} ({key} counts)")
        text = rest
    for found in reversed(list(_CAMELOT.finditer(text))):
        if first is not None and Key.parse(_camelot(found)) == first:  # "8A, A minor" says one key twice
            text = _without(text, found)
    return text


def _is_article(text: str, found: re.Match[str]) -> bool:
    """Whether "a minor" is a small thing, as in "a minor change", and no key."""
    if found[1] != "a" or found[2] or found[3] or "-" in found[0]:
        return False
    if re.match(r"\s+(?:way|key|mood|feel|vibe|tone|manner|tonality)\b", text[found.end() :]):
        return True
    return bool(re.match(r"\s+[a-z]{3,}", text[found.end() :])) and not _ARTICLE_BEFORE.search(text[: found.start()])


def _mode(text: str) -> str:
    return next(mode for spellings, mode in _MODES.items() if re.fullmatch(spellings, text, re.IGNORECASE))


def _sign(text: str | None) -> str:
    return "" if not text else "#" if text.lower() in _SHARPS else "b"


def _german(found: re.Match[str]) -> str:
    name = found[1].lower()
    letter = {"h": "B", "b": "Bb", "es": "Eb", "as": "Ab"}.get(name)
    if letter is None:
        letter = name[0].upper() + ("#" if name.endswith("is") else "b" if name.endswith("es") else "")
    return f"{letter} {_mode(found[2])}"


def _camelot(found: re.Match[str]) -> str:
    minor = (9 + 7 * (int(found[1]) - 8)) % 12  # 8A is A minor, one more is a fifth up
    return str(Key(minor, "minor") if found[2].upper() == "A" else Key((minor + 3) % 12, "major"))


_KEYS: Final[tuple[KeyKind, ...]] = (
    (_GERMAN_KEY, _german),
    (_SUNG_KEY, lambda found: f"{_SUNG[found[1].lower()]}{_sign(found[2])} {_mode(found[3])}"),
    (_LETTER_KEY, lambda found: f"{found[1].upper()}{_sign(found[2] or found[3])} {_mode(found[4])}"),
    (_JAPANESE_KEY, lambda found: f"{_JAPANESE_TONICS[found[2]]}{_sign(found[1])} {_mode(found[3])}"),
    (_SHORT_KEY, lambda found: f"{(found[1] or found[3]).upper()}{_sign(found[2] or found[4])} minor"),
    (_BARE_KEY, lambda found: f"{found[1]}{_sign(found[2] or found[3])} major"),
    (_CAMELOT, _camelot),
)
_SURE_KEYS: Final = tuple(kind for kind in _KEYS if kind[0] not in (_BARE_KEY, _CAMELOT))

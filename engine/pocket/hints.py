"""Numbers in a prompt that are settings of a request: "90 bpm", "in F minor", "in 3/4", "8 bars".

No torch is loaded here: whoever makes a request reads them before any model is.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from midi.errors import MidiError
from midi.key import Key
from midi.tempo import Meter, parse_tempo

from ..request import MAX_BARS
from .words import parse

_METER = re.compile(r"(?<![\d/.,])(\d{1,2})\s?/\s?(2|4|8|16)(?![\d/])")
_NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight",
    "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
)  # fmt: skip
_BARS = re.compile(rf"(?<![\w.,/])(\d{{1,3}}|{'|'.join(_NUMBERS)})[\s-]*bars?\b", re.IGNORECASE)
# "a fill every 4 bars" says where, not how long the loop is.
_PLACE = re.compile(
    r"\b(every|each|after|before|last|first|next|per|over|in|for|of|by|until|all|the|at|bar)\s*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a prompt says of tempo, key, time signature and length; None where it says nothing that can be used."""

    tempo_bpm: Fraction | None = None
    key: str | None = None
    time_signature: Meter | None = None
    bars: int | None = None


def read_hints(prompt: str) -> Hints:
    """Return the settings that a prompt names; what lies outside the allowed ranges is passed over."""
    said = parse(prompt)
    return Hints(
        tempo_bpm=_tempo(said.tempo_bpm), key=_key(said.key), time_signature=_meter(prompt), bars=_bars(prompt)
    )


def _tempo(said_bpm: float | None) -> Fraction | None:
    try:
        return None if said_bpm is None else parse_tempo(said_bpm)
    except MidiError:
        return None


def _key(said: str | None) -> str | None:
    try:
        return None if said is None else str(Key.parse(said))
    except MidiError:
        return None


def _meter(prompt: str) -> Meter | None:
    for found in _METER.finditer(prompt):
        if int(found[1]) > 1:  # "1/16 hats" is a note's length
            return Meter(int(found[1]), int(found[2]))
    return None


def _bars(prompt: str) -> int | None:
    for found in _BARS.finditer(prompt):
        count = int(found[1]) if found[1].isdigit() else _NUMBERS.index(found[1].lower()) + 1
        if 1 <= count <= MAX_BARS and not _PLACE.search(prompt[: found.start()]):
            return count
    return None

"""How a prompt and chords are understood, for the lines under their fields."""

from engine.pocket.prompts import MAX_NAMED, parse_prompt
from engine.request import LoopRequest
from midi.chords.text import parse_chords
from midi.key import Key
from midi.tempo import Meter

from ..requests.chords import read_chords
from ..requests.fields import Frontend
from .cards import Json


def reading_of_prompt(prompt: str) -> Json:
    """Return the words of a prompt that were understood, refused, substituted or not known, and its settings."""
    found = parse_prompt(prompt)
    return {
        **found.plain(),
        "unknown": [{"word": one.text, "nearest": one.nearest} for one in found.unknown[:MAX_NAMED]],
        "sentence": found.sentence,
    }


def reading_of_chords(text: str, key: str, bars: int, time_signature: str) -> Json:
    """Return chords as they will be played, and sentences on how they were understood; raises `DittoError`."""
    loop = LoopRequest(seed=0, bars=bars, meter=Meter.parse(time_signature), key=key or None)
    remarks: list[str] = []
    played = read_chords(text, {}, loop, Frontend.OSC, remarks.append)
    own = None if loop.key is None else Key.parse(loop.key)
    letters = parse_chords(played, own).named(own) if played else ""
    return {"understood": letters, "remarks": [remark for remark in remarks if not remark.endswith(f": {letters}.")]}

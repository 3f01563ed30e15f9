"""Tempo, key, metre and length that a prompt names: they count where the setting is open, and a sentence says so."""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.takes.delivery import decimal_text
from engine.pocket.languages.hints import Hints, read_hints
from midi.key import Key

_WORDS: dict[str, Callable[[Any], str]] = {
    "tempo_bpm": lambda value: f"{decimal_text(value)} BPM",
    "key": str,
    "time_signature": str,
    "bars": lambda value: f"{value} bar{'s' * (value != 1)}",
}


def hinted(given: Mapping[str, Any], before: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Return the given values, and the values that the prompt names where nothing is given.

    `before` are the values of the take that the request starts from. The prompt of that take is not read again: its
    loop was made as it was made. Words that a setting contradicts are reported by `engine.pocket.prompts`.
    """
    values = dict(given)
    if "prompt" not in given:
        return values
    used: list[str] = []
    for name, said in _said(read_hints(str(given["prompt"]))):
        shown = _WORDS[name]
        if name not in given:
            values[name] = said
            if name not in before or not _same(name, before[name], said):
                used.append(shown(said))
    if used:
        say(f"The prompt says {', '.join(used)}, and so the loop is made.")
    return values


def settings_in(prompt: str) -> list[str]:
    """Return the sentence on the settings that a prompt names, none where it names none."""
    shown = [_WORDS[name](said) for name, said in _said(read_hints(prompt))]
    return [f"The prompt says {', '.join(shown)}."] if shown else []


def _said(hints: Hints) -> list[tuple[str, Any]]:
    found = [(name, getattr(hints, name)) for name in _WORDS]
    return [(name, value) for name, value in found if value is not None]


def _same(name: str, one: Any, other: Any) -> bool:
    return one is not None and (Key.parse(one) == Key.parse(other) if name == "key" else bool(one == other))

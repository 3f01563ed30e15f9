"""Numbers in a Live set's attributes; all but `value_if_any` raise `UnreadableValueError` for other texts."""

import math
from collections.abc import Mapping

from .xml import BrokenElementError, UnreadableValueError

MAX_BEATS = 1e9  # above the longest arrangement that Live allows, 1,576,800 beats


def value_of(tag: str, attributes: Mapping[str, str]) -> float:
    """Return the `Value` of an element; `true` is 1 and `false` 0."""
    text = attributes.get("Value")
    if text == "true":
        return 1.0
    return 0.0 if text == "false" else number_of(tag, attributes, "Value")


def number_of(tag: str, attributes: Mapping[str, str], name: str, default: float | None = None) -> float:
    """Return an attribute as a finite number; `default`, if any, is for a missing one."""
    if default is not None and name not in attributes:
        return default
    try:
        number = float(attributes[name])
    except (KeyError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise _not_a_number(tag, attributes, name)
    return number


def beat_of(tag: str, attributes: Mapping[str, str], name: str, default: float | None = None) -> float:
    """Return an attribute as a beat that a song may have."""
    beat = number_of(tag, attributes, name, default)
    if abs(beat) > MAX_BEATS:
        raise UnreadableValueError(f"the {name} of a {tag[:40]} is {beat:g}, far outside any song")
    return beat


def value_if_any(attributes: Mapping[str, str]) -> float | None:
    """Return the `Value` of an element, or None where it is no number, for values that are only shown."""
    try:
        return value_of("", attributes)
    except BrokenElementError:
        return None


def whole_of(tag: str, attributes: Mapping[str, str], name: str) -> int:
    """Return an attribute as a whole number."""
    try:
        return int(attributes[name][:20])
    except (KeyError, ValueError):
        raise _not_a_number(tag, attributes, name) from None


def _not_a_number(tag: str, attributes: Mapping[str, str], name: str) -> UnreadableValueError:
    text = attributes.get(name, "missing")[:40]
    return UnreadableValueError(f"the {name} of a {tag[:40]} is {text!r}, not a number")

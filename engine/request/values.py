"""The common base of all parts of a request: conversion of plain Python values, and display of wrong ones."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec

from midi.tempo import Beats, exact

from ..errors import BadInputError, BadRequestError

MAX_SHOWN = 10**24  # of a number that is not allowed; longer ones are not worth reading


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Common form of all parts of a request."""


def in_range(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Raise `BadRequestError` for a number outside `low` to `high`."""
    if not low <= value <= high:
        raise BadRequestError(f"{name} may be {_plain(low)} to {_plain(high)}{unit}, not {_plain(value)}.")


def _plain(value: float) -> str:
    """Return a number as people write it, a whole one with all its digits."""
    is_whole = isinstance(value, int) and abs(value) < MAX_SHOWN
    return f"{value:,d}" if is_whole else f"{float(value):,g}" if abs(value) < MAX_SHOWN else "something far larger"


def beats_text(within: tuple[Fraction, Fraction]) -> str:
    """Return a range of beats as producers write it: `4:8`."""
    return f"{float(within[0]):g}:{float(within[1]):g}"


def make_tuple(value: Value, name: str, make: Callable[[Any], Any] | None, kind: type | None, wanted: str) -> None:
    """Make the field `name` a tuple of `kind`, with `make` for items of other types; errors as in `set_field`."""
    items = getattr(value, name)
    if isinstance(items, tuple) and kind is not None and all(isinstance(item, kind) for item in items):
        return

    def one(item: Any) -> Any:
        if kind is not None and isinstance(item, kind):
            return item
        if make is None:
            raise TypeError(item)
        return make(item)

    set_field(value, name, lambda rows: tuple(one(row) for row in rows), items, wanted)


def set_field(value: Value, name: str, make: Callable[[Any], Any], given: Any, wanted: str) -> None:
    """Set the field `name` to `make(given)`; raise `BadRequestError`, which names the `wanted` form, if it fails."""
    try:
        made = make(given)
    except (BadInputError, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        said = f" {error.sentence}" if isinstance(error, BadInputError) else ""
        raise BadRequestError(f"{name} of {type(value).__name__} is {shown(given)}; write {wanted}.{said}") from error
    msgspec.structs.force_setattr(value, name, made)


def beat_range(pair: Any) -> tuple[Beats, Beats]:
    """Return two exact beats; raise `TypeError` or `ValueError` for a value that is no pair."""
    start, end = pair
    return exact(start), exact(end)


def shown(given: Any) -> str:
    """Return a value for a sentence, cut where it is long."""
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:60]}…"

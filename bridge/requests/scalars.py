"""Settings that are one number, word or switch: text to the type that the table of fields names."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from engine.errors import BadRequestError
from midi.errors import MidiError
from midi.files.names import whole_letters
from midi.tempo import Meter, exact, parse_tempo

from .fields import FIELDS, Field, Frontend, field_of

_WHOLE = re.compile(r"([+-]?\d+)\.0+")  # a float without a fraction, as Max sends whole numbers
# Types that music writes in its own way; msgspec reads all others.
_MUSICAL: dict[Any, Callable[[str], Any]] = {
    Fraction: parse_tempo,
    Meter: Meter.parse,
    float: lambda text: float(exact(text)),
}
_WORDS = ("prompt", "negative_prompt")
_SWITCHES = {"on": "true", "off": "false"}
_FORMS = {int: "a whole number is needed", float: "a number is needed", bool: "1 and 0 are allowed"}


def read_scalars(settings: Mapping[str, str], frontend: Frontend) -> dict[str, Any]:
    """Return the value of each given field that is no field of a control, by the field's name.

    An empty text leaves a field open. Raises `MidiError`, or `BadRequestError` that names the field as `frontend` does.
    """
    return {
        field.name: _text(field, text) if field.kind is str else read_scalar(field, text.strip(), frontend)
        for field in FIELDS
        if "." not in field.name and (text := settings.get(field.name, "")).strip()
    }


def _text(field: Field, text: str) -> str:
    return whole_letters(text) if field.name in _WORDS else text  # others may be paths, whatever bytes those have


def read_scalar(field: Field, text: str, frontend: Frontend, setting: str = "") -> Any:
    """Return the value of one field; `setting` is its name as it was written, such as `melody.weight`.

    Raises `BadRequestError` that names the field as `frontend` calls it, or `MidiError`.
    """
    called = field.called(frontend) if not setting or frontend is Frontend.COMMAND_LINE else setting
    plain = _SWITCHES.get(text.lower(), text.lower()) if field.kind is bool else text
    if field.kind is int and (whole := _WHOLE.fullmatch(plain)):
        plain = whole.group(1)
    try:
        if own := _MUSICAL.get(field.kind):
            return own(plain)
        return msgspec.convert(plain, field.kind, strict=False)
    except MidiError as error:
        if error.fault == "bad_number":
            raise BadRequestError(f"{called}: {error.sentence}", remedy=error.remedy) from error
        raise
    except msgspec.ValidationError as error:
        raise BadRequestError(f"{called} is {text[:40]!r}; {_allowed(field)}.", remedy="") from error


def number_of(settings: Mapping[str, str], setting: str, frontend: Frontend) -> float | None:
    """Return the number that a setting of a control holds, such as `melody.weight`; None where it was not given."""
    text, field = settings.get(setting, "").strip(), field_of(setting)
    return float(read_scalar(field, text, frontend, setting)) if text and field is not None else None


def _allowed(field: Field) -> str:
    if field.kind in _FORMS:
        return _FORMS[field.kind]
    return f"{', '.join(field.kind)} are allowed"  # an enumeration

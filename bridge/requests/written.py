"""A request's scalar fields as the settings that ask for them: what `reader` reads, the other way round."""

from fractions import Fraction
from typing import Any

from engine.request import LoopRequest

from .fields import ATTRIBUTES

SCALARS = (
    "prompt", "negative_prompt", "tempo_bpm", "bars", "time_signature", "key", "layers", "chords", "mute", "again",
    "seed", "count", "model", "method", "quality", "sample_rate", "slot", "loop", "stems",
)  # fmt: skip
_BUDGET = ("steps", "seconds", "until_tolerance", "plain_start")


def settings_of(request: LoopRequest) -> dict[str, str]:
    """Return the text of each field by its setting's name, empty where the field is left open.

    Controls, the take that the request starts from, and a recording beside it are no text: they are not among them.
    """
    fields = {name: getattr(request, ATTRIBUTES.get(name, name)) for name in SCALARS}
    fields |= {name: getattr(request.budget, name) for name in _BUDGET}
    return {name: _text(value) for name, value in fields.items()}


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case tuple():
            return ",".join(value)
        case Fraction():
            return exact_text(value)
        case _:
            return str(value)


def exact_text(value: Fraction) -> str:
    """Return a fraction as a decimal where that is exact, else as n/d."""
    text = f"{float(value):.12g}"
    return text if "e" not in text and Fraction(text) == value else f"{value.numerator}/{value.denominator}"

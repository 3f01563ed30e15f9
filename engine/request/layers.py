"""The layers and chords that a request may name, and what is wrong with names that do not fit together."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from midi.chords.text import ChordSpan, parse_chords
from midi.errors import MidiError
from midi.key import Key

from ..errors import BadRequestError
from .values import set_field


class Layer(StrEnum):
    """One layer of a loop, in the order of sampling: each is conditioned on those before it."""

    DRUMS = "drums"
    PERCUSSION = "percussion"
    BASS = "bass"
    CHORDS = "chords"
    LEAD = "lead"
    TEXTURE = "texture"


LAYERS: Final = tuple(Layer)
MIX: Final = "mix"  # in the place of layers: one sound of everything, as a model without layers makes it


def set_layers(value: Any, name: str, *, mix: bool = False) -> None:
    """Make the field `name` the names of layers in their order, from a list or a text with commas."""
    set_field(value, name, _names, getattr(value, name), "names of layers such as drums, bass")
    known = (*LAYERS, MIX) if mix else LAYERS
    given: tuple[str, ...] = getattr(value, name)
    for one in given:
        if one not in known:
            raise BadRequestError(
                f"{name} names {one[:40]!r}, which is no layer.", remedy=f"Layers are {', '.join(known)}."
            )
    if MIX in given and len(given) > 1:
        raise BadRequestError(
            "The full mix is one sound and has no layers beside it.", remedy="Write mix alone, or layers without it."
        )
    set_field(value, name, lambda names: tuple(str(one) for one in known if one in names), given, "names of layers")


def _names(given: Any) -> tuple[str, ...]:
    parts = given.replace(",", " ").split() if isinstance(given, str) else list(given)
    return tuple(str.lower(part) for part in parts)  # another type than a text raises


def chord_spans(chords: str, key: Key | None, bars: int, beats_per_bar: Fraction) -> tuple[ChordSpan, ...]:
    """Return the chords of a loop from beat 0 on, none for an empty text; raise `BadRequestError` for bad ones."""
    if not chords:
        return ()
    try:
        return parse_chords(chords, key).spans(bars, beats_per_bar)
    except MidiError as error:
        raise BadRequestError(error.sentence, remedy=error.remedy) from error


def called(field: str) -> str:
    """Return the name of a field of the request in a sentence; some settings have another name."""
    return {"beside": "a recording beside the loop"}.get(field, field)


def begun(name: str) -> str:
    """Return a name from `called` or a setting's name, with a capital where it begins a sentence."""
    return name[0].upper() + name[1:] if name.startswith(("the ", "a ")) else name


def check_named(named: Mapping[str, Collection[str]], layers: Collection[str], having: str) -> None:
    """Raise `BadRequestError` where a setting in `named` names others than `layers`; `having` leads to these."""
    for name, wanted in named.items():
        missing = [one for one in wanted if one not in layers]
        if missing:
            raise BadRequestError(
                f"{begun(name)} names {', '.join(missing)}, {having} {', '.join(layers)}.",
                remedy=f"Add {', '.join(missing)} to layers, or leave it out there.",
            )


def check_heard(mute: Collection[str], layers: Collection[str]) -> None:
    """Raise `BadRequestError` where all `layers` are muted."""
    if set(mute) >= set(layers):
        raise BadRequestError("All layers are muted, so that nothing would be heard.", remedy="Mute fewer layers.")

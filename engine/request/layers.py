"""The layers and chords of a request, and the checks that they fit together."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from midi.chords.text import ChordSpan, parse_chords
from midi.errors import MidiError
from midi.key import Key

from ..errors import BadRequestError
from .values import set_field

if TYPE_CHECKING:
    from .loop import LoopRequest


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
MAX_CHORDS_CHARACTERS: Final = 2_000


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


def layers_of_controls(request: "LoopRequest") -> dict[str, tuple[str, ...]]:
    """Return the layers of each control's `on`, by the control's name in a sentence."""
    return {f"the control {control.kind}": control.on for control in request.controls}


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


def check_layers(request: "LoopRequest") -> None:
    """Raise `BadRequestError` for layers that contradict each other, and chords that do not fit the loop."""
    named = {"again": request.again, "mute": request.mute} | layers_of_controls(request)
    if request.layers == (MIX,):
        _check_mix(request, named)
    elif request.layers:
        check_named(named, request.layers, "but the layers are")
    if request.again and request.start is None:
        raise BadRequestError(
            f"again {', '.join(request.again)} makes layers of an earlier take anew, and no take is given.",
            remedy="Give the take that keeps its other layers (--from-take).",
        )
    check_heard(request.mute, request.layers or LAYERS)
    _check_chords(request)


def _check_mix(request: "LoopRequest", named: dict[str, tuple[str, ...]]) -> None:
    """Refuse whatever needs layers, where the full mix is asked for."""
    asked = [name for name, layers in named.items() if layers]
    asked += [called(name) for name in ("chords", "beside", "stems") if getattr(request, name)]
    if asked:
        raise BadRequestError(
            f"{begun(asked[0])} needs layers, and the full mix has none.",
            remedy=f"Leave out layers mix, or {asked[0]}.",
        )


def _check_chords(request: "LoopRequest") -> None:
    if len(request.chords) > MAX_CHORDS_CHARACTERS:
        raise BadRequestError(
            f"The chords have {len(request.chords)} characters; they may have {MAX_CHORDS_CHARACTERS}."
        )
    key = None if request.key is None else Key.parse(request.key)
    try:
        chord_spans(request.chords, key, request.bars, request.meter.beats_per_bar)
    except BadRequestError as error:
        cause = error.__cause__
        # The prompt may name the key; the model that reads it says so where it does not.
        if not (isinstance(cause, MidiError) and cause.fault == "no_key" and request.prompt):
            raise

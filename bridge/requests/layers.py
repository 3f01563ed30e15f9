"""The layers that settings name: read as people write them, and checked against the take that is begun from."""

import difflib
import re
from collections.abc import Mapping, Sequence

from engine.errors import BadRequestError
from engine.request import LAYERS, MIX, Layer
from midi.files.names import name_key

from .fields import BY_NAME, Frontend

NONE = "none"  # leaves out what a take would hand on
_BETWEEN = re.compile(r"[\s,;+&|/]+")
_ALSO: dict[str, Layer] = {
    **dict.fromkeys(("kick", "snare", "hats", "beat", "kit", "beats", "schlagzeug", "batterie"), Layer.DRUMS),
    **dict.fromkeys(("perc", "shaker", "congas", "toms"), Layer.PERCUSSION),
    **dict.fromkeys(("sub", "808", "bassline", "basse"), Layer.BASS),
    **dict.fromkeys(("keys", "pad", "pads", "piano", "harmony", "accords", "akkorde"), Layer.CHORDS),
    **dict.fromkeys(("melody", "synth", "arp", "vocals", "melodie"), Layer.LEAD),
    **dict.fromkeys(("fx", "noise", "drone", "atmosphere", "ambience"), Layer.TEXTURE),
}
"""Other words for a layer: an error suggests the layer's name, and nothing is read as it."""


def read_layers(settings: Mapping[str, str], frontend: Frontend) -> dict[str, tuple[str, ...]]:
    """Return the layers of the settings `layers`, `again` and `mute` that were given; raises `BadRequestError`."""
    return {
        name: layer_names(text, BY_NAME[name].called(frontend), mix=name == "layers")
        for name in ("layers", "again", "mute")
        if (text := settings.get(name, "").strip())
    }


def layer_names(text: str, called: str, *, mix: bool = False, offer_none: bool = True) -> tuple[str, ...]:
    """Return the layers that `text` names; raise `BadRequestError` with the nearest name for a word that is none.

    With `mix` the word for the full mix is allowed, alone; without it `none` is, which errors do not
    offer where the caller refuses it.
    """
    words = [word for word in _BETWEEN.split(name_key(text)) if word and word != "and"]
    alone = MIX if mix else NONE if offer_none else ""
    if words == [MIX if mix else NONE]:
        return (MIX,) if mix else ()
    if mix and words == [NONE]:
        sentence = f"{called} is none, but a loop has at least one layer."
        raise BadRequestError(sentence, remedy=f"Leave it out, and words and seed decide. {_listed(alone)}")
    if MIX in words:
        sentence = f"{called} names {MIX}, which is one sound of everything."
        raise BadRequestError(sentence, remedy=f"Write {MIX} alone." if mix else "Name layers.")
    for word in words:
        if word not in LAYERS:
            raise _no_layer(word, called, alone)
    if not words:
        raise BadRequestError(f"{called} is {text[:40]!r}, which names no layer.", remedy=_listed(alone))
    return tuple(layer.value for layer in LAYERS if layer in words)


def refuse_again(named: Mapping[str, Sequence[str]], take: str, layers: Sequence[str], frontend: Frontend) -> None:
    """Raise `BadRequestError` where the setting `again` names a layer that the take lacks.

    `layers` are the take's own, none for a full mix; `named` are the layers of all settings by setting.
    """
    called, wanted = BY_NAME["again"].called(frontend), named.get("again", ())
    if wanted and not layers:
        sentence = f"Take {take} is one full mix; it has no layers that {called} could name."
        raise BadRequestError(sentence, remedy=f"Leave out {called}, or start without the take.")
    if missing := [one for one in wanted if one not in (*layers, *named.get("layers", ()))]:
        sentence = f"{called} names {', '.join(missing)}, but the layers of take {take} are {', '.join(layers)}."
        more = f"; add a layer with {BY_NAME['layers'].called(frontend)}"
        raise BadRequestError(sentence, remedy=f"Name some of those{more}.")


def _no_layer(word: str, called: str, alone: str) -> BadRequestError:
    known: dict[str, str] = {layer.value: layer.value for layer in LAYERS} | ({alone: alone} if alone else {})
    known |= {other: layer.value for other, layer in _ALSO.items()}
    near = difflib.get_close_matches(word, known, 1, 0.5)
    meant = f"Did you mean {known[near[0]]}? " if near else ""
    return BadRequestError(f"{called} names {word[:40]!r}, which is no layer.", remedy=f"{meant}{_listed(alone)}")


def _listed(alone: str) -> str:
    return f"Layers are {', '.join(LAYERS)}{f'; {alone} stands alone' if alone else ''}."

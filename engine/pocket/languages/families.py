"""Which words belong together: a refused family takes its members along, an only leaves the others out."""

from collections.abc import Set
from typing import Final

from .vocabulary import DRUMS, INSTRUMENTS, WORD_IDS, WORDS

_KITS: Final = frozenset(word.text for word in WORDS if word.group == "kit")
_OF_DRUMS: Final = DRUMS | _KITS | {
    "drums only", "drums and bass only", "four on the floor", "backbeat", "halftime", "breakbeat", "two step",
    "hat rolls", "ghost notes", "fill",
}  # fmt: skip
_OF_BASS: Final = frozenset(
    {
        "bass", "sub bass", "808", "acid bass", "reese bass", "wobble bass", "synth bass", "electric bass", "log drum",
        "bass only", "drums and bass only",
    }
)  # fmt: skip
_OF_CHORDS: Final = frozenset({"chords", "pad", "stab", "chords only", "sevenths", "power chords"})
_OF_MELODY: Final = frozenset({"melody", "lead", "arpeggio", "melody only"})
_TUNES: Final = frozenset({"melody", "lead", "arpeggio", "pluck", "bells"})
AMBIENCE: Final = frozenset({"texture", "vinyl", "noise", "riser"})
"""Sounds beside the music: naming one does not say which instruments play."""
_NOISES: Final = AMBIENCE | {"drone"}
_FAMILIES: Final[dict[str, frozenset[str]]] = {
    "drums": _OF_DRUMS,
    "percussion": _OF_DRUMS,
    "bass": _OF_BASS,
    "chords": _OF_CHORDS,
    "melody": _OF_MELODY,
    "hats": frozenset({"hats", "open hat", "hat rolls"}),
    "kick": frozenset({"kick", "four on the floor"}),
    "snare": frozenset({"snare", "backbeat", "ghost notes"}),
    "keys": frozenset({"keys", "piano", "electric piano", "organ"}),
    "piano": frozenset({"piano"}),
    "texture": _NOISES,
}
_ABSENT: Final = ("drums", "bass", "chords", "melody", "kick", "snare", "hats")
ONLY: Final[dict[str, frozenset[str]]] = {
    "drums only": frozenset({"drums"}),
    "bass only": frozenset({"bass"}),
    "chords only": frozenset({"chords"}),
    "melody only": frozenset({"melody"}),
    "texture only": frozenset({"texture"}),
    "drums and bass only": frozenset({"drums", "bass"}),
}


def members(word: str) -> frozenset[str]:
    """Return the words that go with a refused one, itself included."""
    return _FAMILIES.get(word, frozenset()) | {word}


def parts_of(word: str) -> frozenset[str]:
    """Return what a refused word refuses: "drums and bass only" is two, and "no bass" refuses nothing."""
    return ONLY.get(word, frozenset() if word.startswith("no ") else frozenset({word}))


def absences(refused: Set[str], heard: Set[str]) -> set[str]:
    """Return the words for what is refused: "no bass" where there is no bass at all."""
    named = set(refused)
    if "percussion" in named and not heard & DRUMS:
        named.add("drums")
    found = {f"no {word}" for word in _ABSENT if word in named}
    found = {word for word in found if not _FAMILIES[word.removeprefix("no ")] & heard & set(INSTRUMENTS)}
    return found | ({"dry"} if "reverb" in named else set())


def only_words(heard: Set[str]) -> set[str]:
    """Return the layer words that say that nothing else sounds than the instruments heard."""
    layers = {_layer(word) for word in heard if word in INSTRUMENTS}
    for only, parts in ONLY.items():
        if layers == parts or (layers - {"keys"} == parts and parts <= {"chords", "melody"}):
            return {only}
    absent = {"drums", "bass"} - layers
    if "keys" not in layers:
        absent |= {"chords", "melody"} - layers
    return {f"no {layer}" for layer in absent if f"no {layer}" in WORD_IDS}


def outside(heard: Set[str]) -> set[str]:
    """Return the instruments that an only leaves out: all but those heard, and the name of their own layer."""
    named = {word for word in heard if word in INSTRUMENTS}
    inside = named | {_layer(word) for word in named}
    for layer in (layer for word in heard for layer in ONLY.get(word, ())):
        if not any(_layer(word) == layer and word != layer for word in named):
            inside |= members(layer)
    for layer in ("drums", "bass", "chords", "melody"):
        if layer in named and not any(_layer(word) == layer and word != layer for word in named):
            inside |= members(layer)
    return set(INSTRUMENTS) - inside


def _layer(instrument: str) -> str:
    for layer, words in (("drums", DRUMS), ("bass", _OF_BASS), ("chords", _OF_CHORDS), ("melody", _TUNES)):
        if instrument in words:
            return layer
    return "texture" if instrument in _NOISES else "keys"

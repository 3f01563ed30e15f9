"""The take that a request starts from: where it lies, and the fields that the request takes from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bridge.takes import library
from bridge.takes.delivery import decimal_text, read_sidecar
from engine.audio.wav import read_loop_info
from engine.errors import BadRequestError
from engine.pocket.prompts import READERS
from engine.pocket.waveform.lengths import frames_of
from engine.request import LAYERS, MAX_BARS, MAX_SEED, MIX, Budget, LoopRequest, Quality, Start
from midi.tempo import MAX_TEMPO_BPM, MIN_TEMPO_BPM, exact, samples_to_beats

from .fields import ATTRIBUTES, BY_NAME, INHERITED, Frontend

_WORDS = ("prompt", "negative_prompt")
_NEAR_BARS = 0.01  # by which the samples of a take may miss whole bars
_LONGEST_APART = 0.1  # share of a loop's length: noise fits one length only; below this share the model decides


@dataclass(frozen=True, slots=True)
class Parent:
    """A take that a request starts from.

    `request` is None where the take has no sidecar; then `known` are the settings that its WAV and its noise tell.
    `start` is its noise, `layers` are empty for a full mix.
    `is_older` marks a take from before loops had layers. `key` is the key that the take sounds in, whoever chose it;
    empty where it is not known.
    """

    name: str
    request: LoopRequest | None
    start: Start
    layers: tuple[str, ...] = ()
    is_older: bool = False
    key: str = ""
    known: Mapping[str, Any] = field(default_factory=dict)

    def scalars(self) -> dict[str, Any]:
        """Return the fields of the take's request that a new one takes over, by the names of the settings."""
        if (request := self.request) is None:
            return dict(self.known)
        return {name: getattr(request, ATTRIBUTES.get(name, name)) for name in INHERITED}

    def handed_on(self, layers: tuple[str, ...] | None) -> dict[str, Any]:
        """Return the fields that a request of these `layers` takes over, all where None: what they leave room for."""
        found = self.scalars()
        if layers == (MIX,):
            left = {name: value for name, value in found.items() if name not in ("chords", "mute", "with")}
            return left | {"key": left.get("key") or self.key or None} if left else left
        if layers and "mute" in found:
            found["mute"] = tuple(name for name in found["mute"] if name in layers)
        return found


def find_take(folder: Path, name: str) -> Path:
    """Return the WAV of the take that `name` means: a file, an id, the start of an id, or `latest`.

    Raises `BadInputError` where there is none or where several begin so.
    """
    path = Path(name)
    return library.wav_of(path) if path.suffix.lower() in library.TAKE_FILES else library.find(folder, name).wav


def read_parent(given: Mapping[str, Any], folder: Path, frontend: Frontend) -> Parent | None:
    """Return the take that the field `from_take` names, or `None`; raise `DittoError` where it cannot be used."""
    name, variation = str(given.get("from_take", "")), float(given.get("variation", 0.0))
    if not name:
        for setting, what in (("variation", "to vary"), ("again", "whose other layers stay")):
            if given.get(setting):
                needed = BY_NAME["from_take"].called(frontend)
                raise BadRequestError(f"{BY_NAME[setting].called(frontend)} needs the take {what}: {needed} TAKE.")
        return None
    wav = find_take(folder, name)
    sidecar_file = wav.with_suffix(".json")
    sidecar = read_sidecar(sidecar_file) if sidecar_file.exists() else None
    take_id = (sidecar.take_id if sidecar else "") or wav.stem
    request = None
    if sidecar is not None:
        # The seed that this take of several had; with the same noise it decides nothing but the scores' comparison.
        seed = min(sidecar.request.seed + sidecar.take, MAX_SEED)
        request = msgspec.structs.replace(sidecar.request, seed=seed, start=None, again=())
    start = library.start_at(wav, take_id, variation)
    layers = (sidecar.layers if sidecar else _layers_in(start.noise)) or ()
    known = {} if sidecar else _length_in(wav) | ({"layers": layers} if layers else {})
    older = sidecar is not None and sidecar.layers is None
    key = (sidecar.key if sidecar else None) or ""
    return Parent(take_id, request, start, layers, older, key, known)


def _length_in(wav: Path) -> dict[str, Any]:
    """Return tempo, time signature and bars that the WAV of a take tells, none where it does not tell of whole bars."""
    info = read_loop_info(wav)
    if info is None or not MIN_TEMPO_BPM <= info.tempo_bpm <= MAX_TEMPO_BPM:
        return {}
    tempo_bpm = exact(f"{info.tempo_bpm:.4f}")
    in_bars = samples_to_beats(info.samples, tempo_bpm, info.sample_rate) / info.meter.beats_per_bar
    bars = round(in_bars)
    if not 1 <= bars <= MAX_BARS or abs(in_bars - bars) > _NEAR_BARS:
        return {}
    return {"tempo_bpm": tempo_bpm, "time_signature": info.meter, "bars": bars}


def _layers_in(noise: bytes) -> tuple[str, ...]:
    """Return the layers that a stored noise names, none for one sound; the engine refuses what is no stored noise."""
    try:
        names = json.loads(noise[8 : 8 + int.from_bytes(noise[:8], "little")])["__metadata__"]["layers"].split(",")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    return tuple(name for name in names if name in LAYERS)


def refuse_another_length(parent: Parent, request: LoopRequest) -> None:
    """Raise `BadRequestError` where the take's noise does not fit a loop of this length or model."""
    if (before := parent.request) is None:
        return
    if before.model != request.model:
        raise BadRequestError(
            f"Take {parent.name} was made by {before.model}; its noise means nothing to {request.model}.",
            remedy=f"Leave the model as it was, or start without {parent.name}.",
        )
    if not _may_fit(before, request):
        raise BadRequestError(
            f"Take {parent.name} lasts {_length(before)}; this loop would last {_length(request)}.",
            remedy="A take starts loops of its own length: leave bars, time signature and tempo as they were.",
        )


def _may_fit(before: LoopRequest, request: LoopRequest) -> bool:
    """Whether noise of one request may fit the other: by frames where the model's are known here, else by seconds."""
    if request.model in READERS:
        return frames_of(before) == frames_of(request)
    return abs(request.seconds - before.seconds) <= _LONGEST_APART * before.seconds


def inherited(parent: Parent, names: tuple[str, ...], request: LoopRequest, *, controls: bool) -> str:
    """Return the sentence that lists what the request takes from its parent; empty where it takes nothing."""
    if (before := parent.request) is None:
        return _without_sidecar(parent, names)
    shown = {
        "prompt": f"“{before.prompt}”" if before.prompt else "",
        "negative_prompt": f"not “{before.negative_prompt}”" if before.negative_prompt else "",
        **_shown(parent.scalars()),
        "key": request.key or "",
        "chords": f"chords {before.chords}",
        "with": "what it was made to fit",
        "mute": f"{', '.join(request.mute)} muted",
        "model": "" if before.model == "pocket" else before.model,
        "loop": "" if before.loop else "open ends",
        "sample_rate": f"{before.sample_rate:,} Hz",
    }
    settings = parent.scalars() | {"key": request.key, "mute": request.mute}
    parts = [shown[name] for name in names if shown.get(name) and settings[name] not in ((), "", None)]
    if controls:
        parts += [control.kind for control in request.controls]
    return f"As in take {parent.name}: {', '.join(parts)}." if parts else ""


def _without_sidecar(parent: Parent, names: tuple[str, ...]) -> str:
    """Return the sentence on a take without a sidecar: what is known of it, and what has to be given."""
    shown = _shown(parent.known)
    listed = "".join(f", {shown[name]}" for name in names if name in shown)
    sentence = f"Nothing is known of take {parent.name} but its noise{listed}: its .json is not beside it."
    return sentence if "bars" in parent.known else f"{sentence} Give its tempo, time signature and bars."


def _shown(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the tempo, time signature, bars and layers of a take in words, as far as they are known."""
    bars, layers = settings.get("bars", 0), settings.get("layers", ())
    shown = {
        "tempo_bpm": f"{decimal_text(settings['tempo_bpm'])} BPM" if "tempo_bpm" in settings else "",
        "time_signature": str(settings.get("time_signature", "")),
        "bars": f"{bars} bar{'s' * (bars != 1)}" if bars else "",
        "layers": "one full mix" if layers == (MIX,) else f"layers {', '.join(layers)}" if layers else "",
    }
    return {name: text for name, text in shown.items() if text}


def in_its_key(parent: Parent, request: LoopRequest, given: Mapping[str, Any], *, controls: bool) -> LoopRequest:
    """Return the request in the key that the take sounds in, where nobody has given one and it would have another.

    With another prompt the seed would choose another key, and a new melody would bring its own. With the same prompt
    and no new `controls` the seed chooses the same key again.
    """
    before = parent.request
    if request.key is not None or not parent.key or before is None:
        return request
    says_other = any(given.get(name, getattr(before, name)) != getattr(before, name) for name in _WORDS)
    return msgspec.structs.replace(request, key=parent.key) if says_other or controls else request


def older(parent: Parent) -> str:
    """Return the sentence about a take from before loops had layers; empty for any other."""
    if not parent.is_older:
        return ""
    return f"Take {parent.name} was made before loops had layers; it goes on as one full mix."


def left_behind(parent: Parent, request: LoopRequest) -> str:
    """Return the sentence on controls of a take that lie at beats which the loop does not have; empty for none."""
    before = parent.request
    if before is None or not before.controls or request.controls or before.beats == request.beats:
        return ""
    kinds = ", ".join(control.kind for control in before.controls)
    there, here = float(before.beats), float(request.beats)
    return f"Left out of the take: {kinds}, at beats of its {there:g}; this loop has {here:g} in the same time."


def all_alike(parent: Parent, request: LoopRequest) -> str:
    """Return the sentence on several takes that are all of one noise; empty where something tells them apart."""
    added = set(request.layers) - {MIX, *parent.layers} if parent.layers else set()
    if request.count == 1 or parent.start.variation or request.again or added:
        return ""
    return f"All {request.count} takes begin at the same noise and are one loop; a variation of 0.3 makes others."


def is_unchanged(parent: Parent, request: LoopRequest, *, mix: bool = True) -> bool:
    """Whether a request asks for its parent's loop again; without `mix` the muted layers may differ."""
    if parent.request is None or parent.start.variation or request.again:
        return False
    aside = {"request_id": "any", "seed": 0, "count": 1, "slot": "", "start": None, "quality": Quality.NORMAL}
    aside |= {"budget": Budget(steps=0), "stems": False} | ({} if mix else {"mute": ()})
    before, now = (msgspec.structs.replace(one, **aside) for one in (parent.request, request))
    return before == now


def _length(request: LoopRequest) -> str:
    bars = f"{request.bars} bar{'s' * (request.bars != 1)} of {request.meter}"
    return f"{request.seconds:.3g} s ({bars} at {decimal_text(request.tempo_bpm)} BPM)"

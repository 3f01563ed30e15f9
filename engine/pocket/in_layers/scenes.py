"""A request as loops in layers: which layers there are, and the words, key and chords that condition each."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec
import torch
from torch import Tensor

from midi.chords.text import ChordSpan, key_of, written
from midi.errors import MidiError
from midi.key import Key, guess_key

from ...controls import asks_level, find
from ...models.protocol import Scene
from ...request import LoopRequest, Notes, chord_spans
from ...request.layers import check_heard, check_named
from ...request.loop import layers_of_controls
from ...search.part import searched
from ...takes.noise import CONDITIONING, WIDE_VARIATION, layered_from_bytes, open_seeds, stored_facts
from .. import musical_time
from ..arrangement import Arrangement, LayerConditioning, LayerRepertoire, StoredWords, Wanted, left_out, sounding
from ..layers import CHORD_CHANNELS, CONTEXT_CHANNELS, PITCHED, Layer, chord_row, layer_row
from ..scenes import Inputs, Reading, described, heard_of, key_seed, laid_out, on_device, read_request


@dataclass(frozen=True, slots=True)
class LayerScenes:
    """Scenes of a latent of so many `channels`; what a request leaves open comes from the `repertoire`."""

    repertoire: LayerRepertoire
    channels: int
    device: torch.device

    def arrange(
        self, request: LoopRequest, layers: Collection[Layer] = (), chords: Sequence[ChordSpan] = ()
    ) -> Arrangement:
        """Return which layers `request` has and the words of each; those and the chords that are given stay."""
        reading = read_request(request)
        key = reading.key or (key_of(chords) if chords else _key_of_notes(request))
        wanted = Wanted(
            asked=reading.text.ids, avoided=reading.away, tempo_bpm=reading.tempo_bpm, key=key, bars=request.bars,
            beats_per_bar=request.meter.beats_per_bar, layers=layers, kept=_layers_kept(request), chords=tuple(chords),
            needed=_needed(request, chords), draws_key=reading.draws_key and not chords, is_open=reading.text.is_open,
            declined=reading.declined, is_only=reading.text.is_only,
        )  # fmt: skip
        return self.repertoire.arrange(wanted, open_seeds(request))

    def scene(self, request: LoopRequest, arrangement: Arrangement | None = None) -> Scene:
        """Return the scene of `request`; its layers are not conditioned on each other yet."""
        reading = read_request(request)
        chords = chord_spans(request.chords, reading.key, request.bars, request.meter.beats_per_bar)
        plan = arrangement or self.arrange(request, [Layer(name) for name in request.layers], chords)
        before = _stored_conditioning(request) if arrangement is None else None
        stay = frozenset() if before is None else _layers_as_before(request, reading, before)
        if before is not None and stay:
            plan = before.again(plan, stay, reading.key, request.beats, chords)
        _check(request, plan)
        text = _chords_heard(request, plan)
        notes = _notes(request, reading, plan, text, before.key if before and stay and not chords else "")
        if before is not None and request.again and not before.is_in_tune_with(plan):
            notes.append("Key or chords are other than the take's, so the layers that stay sound different, too.")
        conditions = described(request, reading, [plan.words[layer] for layer in plan.layers], plan.key)
        scene = laid_out(request, reading, conditions, self.channels, notes)
        facts = {**heard_of(request, plan.key), "chords": text}
        muted = tuple(name for name in request.mute if name in plan.layers)
        scene = _in_layers(replace(scene, muted=muted, record=facts), plan)
        inputs: Inputs = replace(scene.inputs, limits=_is_limited(request, scene, before))
        conditioning = LayerConditioning.of(plan, _asked(reading), is_limited=inputs.limits)
        stored = msgspec.json.encode(conditioning).decode()
        return on_device(replace(scene, conditioning=stored, inputs=inputs), self.device)


def _needed(request: LoopRequest, chords: Sequence[ChordSpan]) -> set[Layer]:
    """Return the layers that controls of `request` and `chords` need, of several that a control's row has the first."""
    rows = [(control, find(control.kind)) for control in request.controls]
    needed = {Layer(name) for control, row in rows for name in (control.on or row.layers[:1])}
    return needed | ({Layer.CHORDS} if sounding(chords) else set())


def _asked(reading: Reading) -> StoredWords:
    return StoredWords(said=tuple(sorted(reading.text.ids)), refused=reading.away)


def _stored_conditioning(request: LoopRequest) -> LayerConditioning | None:
    """Return what conditioned the layers of the take that `request` begins from; None for a take that does not say."""
    if request.start is None:
        return None
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(stored_facts(request.start.noise).get(CONDITIONING, ""), type=LayerConditioning)
    return None


def _is_limited(request: LoopRequest, scene: Scene, before: LayerConditioning | None) -> bool:
    """Whether the mix passes a limiter: where a search asks for a level, and where layers stay of a take that did."""
    if before is None or before.is_limited is None:
        return asks_level(control.kind for control in request.controls)
    if request.budget.steps == 0:
        return before.is_limited
    stay = {*scene.layers} & before.words.keys() - {*request.again} if request.again else set()
    # A level that would move layers which stay is not searched for, and must not change their sound either.
    asked = asks_level(control.kind for control in searched(request, scene, stay).controls)
    return asked or (bool(stay) and before.is_limited)


def _layers_as_before(request: LoopRequest, reading: Reading, before: LayerConditioning) -> frozenset[str]:
    """Return the layers whose words are those of before; where the request has other words, only those that stay."""
    if before.asked == _asked(reading) and request.start is not None and request.start.variation < WIDE_VARIATION:
        return frozenset(before.words)
    return frozenset(before.words) - frozenset(request.again) if request.again else frozenset()


def _layers_kept(request: LoopRequest) -> tuple[Layer, ...]:
    """Return the layers of the take that `request` begins from, if it begins from one that has layers."""
    stored = None if request.start is None else layered_from_bytes(request.start.noise)
    return () if stored is None else tuple(Layer(name) for name in stored.layers)


def _key_of_notes(request: LoopRequest) -> Key | None:
    """Return the key in which the notes of the request's controls are, so that all layers play in it."""
    notes = [note for control in request.controls if isinstance(control.target, Notes) for note in control.target.notes]
    with suppress(MidiError):  # rests, or drums alone
        return guess_key(notes).key
    return None


def _key_source(request: LoopRequest) -> str:
    if request.chords:
        return "the chords are in"
    return "the notes are in" if _key_of_notes(request) else f"{key_seed(request)} chose"


def _chords_heard(request: LoopRequest, plan: Arrangement) -> str:
    """Return the chords that are played as text; drums play none, whatever is asked for."""
    if not plan.chords or not set(plan.layers) & set(PITCHED):
        return ""
    return written(plan.chords, request.bars, request.meter.beats_per_bar, plan.key)


def _notes(request: LoopRequest, reading: Reading, plan: Arrangement, chords: str, take_key: str) -> list[str]:
    """Return what to say of the layers, of a key that nobody gave, and of the chords; `take_key` is the take's own."""
    notes = [f"Layers: {', '.join(plan.layers)}."]
    if plan.key != reading.key and set(plan.layers) & set(PITCHED):
        source = "the take is in" if take_key else _key_source(request)
        notes.append(f"No key was given: {source} {plan.key}.")
    notes += [f"Chords: “{chords}”."] if chords else []
    notes += [f"There is no {name} to mute." for name in request.mute if name not in plan.layers]
    return notes + _contradictions(request, reading, plan)


def _contradictions(request: LoopRequest, reading: Reading, plan: Arrangement) -> list[str]:
    """Return a sentence on each pair of wishes of which only one can be met."""
    notes, absent = [], left_out(reading.text.ids, reading.declined)
    if named := [name for name in plan.layers if name in request.layers and name in absent]:
        notes.append(f"The words leave out {', '.join(named)}, but the layers that are named do not.")
    if request.chords and sounding(plan.chords) and Layer.CHORDS not in plan.layers:
        players = ", ".join(layer for layer in plan.layers if layer in PITCHED)
        notes.append(f"No layer is chords: the chords are played by {players or 'nobody'}.")
    for control in request.controls:
        usual = find(control.kind).layers
        if usual and not control.on and not set(usual) & set(plan.layers):
            notes.append(f"No layer is {usual[0]}: all layers follow the {control.kind} together.")
    return notes


def _check(request: LoopRequest, plan: Arrangement) -> None:
    """Refuse what names layers that the loop does not have."""
    check_named({"again": request.again} | layers_of_controls(request), plan.layers, "and this loop has")
    check_heard(request.mute, plan.layers)


def _in_layers(scene: Scene, plan: Arrangement) -> Scene:
    """Return a scene with a row for each layer as one whose noise has them, conditioned on it and its chords."""
    context = torch.zeros(len(plan.layers), scene.frames, CONTEXT_CHANNELS)
    if plan.chords:
        context[:, :, :CHORD_CHANNELS] = chord_frames(plan.chords, float(scene.beats), scene.frames)
    rows = torch.stack([layer_row(layer) for layer in plan.layers])
    return replace(
        scene,
        noise_shape=(len(plan.layers), *scene.noise_shape),
        time_axis=1,
        layers=tuple(layer.value for layer in plan.layers),
        chords=plan.chords,
        inputs=replace(scene.inputs, layers=plan.layers, layer=rows, context=context),
    )


def chord_frames(spans: Sequence[ChordSpan], beats: float, frames: int) -> Tensor:
    """Return the chord that sounds at each latent frame of a loop of so many beats: [frames, CHORD_CHANNELS]."""
    rows = torch.stack([chord_row(span.chord.root, span.chord.pitch_classes, span.chord.bass) for span in spans])
    starts = torch.tensor([float(span.beat) for span in spans], dtype=torch.float64)
    centres = musical_time.centres(torch.arange(frames), torch.tensor(frames)) * beats
    return rows[(torch.searchsorted(starts, centres, right=True) - 1).clamp_min(0)]


def _rows(inputs: Inputs, places: Sequence[int]) -> Inputs:
    """Return the inputs of the layers at these places, for every take that they hold."""
    assert inputs.layer is not None
    assert inputs.context is not None
    layers, chosen = len(inputs.layers), list(places)
    context = inputs.context.unflatten(0, (-1, layers))[:, chosen].flatten(0, 1)
    return replace(
        inputs, conditional=inputs.conditional[chosen], unconditional=inputs.unconditional[chosen],
        layer=inputs.layer[chosen], layers=tuple(inputs.layers[place] for place in chosen), context=context,
        controls=_rows_of(inputs.controls, layers, chosen), asked=_rows_of(inputs.asked, layers, chosen),
    )  # fmt: skip


def _rows_of(rows: Tensor | None, layers: int, places: list[int]) -> Tensor | None:
    """Return those rows of [layers (times pieces), frames, channels] that are of the layers at `places`."""
    return None if rows is None else rows.unflatten(0, (layers, -1))[places].flatten(0, 1)


def only_layers(scene: Scene, layers: Collection[str]) -> Scene:
    """Return the scene of some of the layers with their conditioning; if all of them are muted, they are audible."""
    places = [index for index, name in enumerate(scene.layers) if name in layers]
    names = tuple(scene.layers[index] for index in places)
    muted = tuple(name for name in names if name in scene.muted)
    return replace(
        scene,
        noise_shape=(len(places), *scene.noise_shape[1:]),
        layers=names,
        muted=() if muted == names else muted,
        inputs=_rows(scene.inputs, places),
    )


def one_layer(scene: Scene, index: int, take: int = 0) -> Scene:
    """Return the scene of one layer of one take alone, as `Pocket` sees it.

    A layer that is shown nothing has no control inputs, so that the network's answers of before, without those of the
    other layers, are its answers now: without that, each layer would be sampled twice.
    """
    own: Inputs = _rows(scene.inputs, [index])
    assert own.context is not None
    place = take % len(own.context)
    shown = own.controls if own.controls is not None and bool(own.controls.any()) else None
    own = replace(own, context=own.context[place : place + 1], controls=shown)
    return replace(scene, noise_shape=scene.noise_shape[1:], time_axis=0, layers=(), muted=(), inputs=own)


def for_batch(inputs: Inputs, takes: int) -> Inputs:
    """Return the inputs with a row for each layer of each take."""
    assert inputs.layer is not None
    assert inputs.context is not None
    rows = {name: getattr(inputs, name).repeat(takes, 1) for name in ("conditional", "unconditional", "layer")}
    wanted, known = len(rows["layer"]), len(inputs.context)
    context = inputs.context[:wanted] if known >= wanted else inputs.context.repeat(wanted // known, 1, 1)
    return replace(inputs, **rows, context=context)

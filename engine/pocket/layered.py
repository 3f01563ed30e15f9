"""`pocket` as it is by default: a loop is the sum of its layers, each with noise, words and sound of its own.

One network plays them all. It is told which layer it is, the chords, and what it hears of the others: once a noise is
known its layers are sampled one after the other, each hearing those before, and what they heard then stays with the
scene. From there on all are sampled side by side, so that a search may move each without moving what the others heard.
Requests that need one sound of everything get the full mix, to the bit as from `Pocket`.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from midi.chords.text import ChordSpan, key_of, written
from midi.errors import MidiError
from midi.key import Key, guess_key

from ..controls import Features, find
from ..errors import BadRequestError, ModelError
from ..models.protocol import Scene, Schedule
from ..request import LoopRequest, Notes, chord_spans
from ..sampling import sample
from ..settings import Settings
from ..takes.noise import WIDE_VARIATION, layered_from_bytes, open_seeds, stored_facts
from . import musical_time
from .arrangement import FILE, Arrangement, LayerRepertoire, Told
from .bands import log_bands
from .controls import asked_rows
from .layer_sounds import LayerSounds, audible, summed
from .layers import (
    CHORD_CHANNELS,
    CONTEXT_CHANNELS,
    HEARD_CHANNELS,
    SUMMARY_CHANNELS,
    Layer,
    chord_row,
    heard,
    layer_row,
    summary,
)
from .mix import mix_notes
from .model import MIX_FILES, WEIGHTS, Pocket, digest_of, load_pocket
from .network import LAYER_INPUTS, PocketNetwork
from .scenes import Inputs, Reading, described, heard_of, laid_out, on_device, read_request
from .towers import Towers


class LayeredPocket(LayerSounds):
    """The model protocol for loops in layers and for full mixes, as each scene says.

    Latents and noises are [batch, layers, frames, channels], of a full mix [batch, frames, channels].
    """

    card = Pocket.card

    def __init__(self, pocket: Pocket, repertoire: LayerRepertoire, weights: str = "") -> None:
        super().__init__(pocket)
        self.repertoire, self.weights = repertoire, weights
        self.device = pocket.device

    @property
    def network(self) -> PocketNetwork:
        """The network that plays everything."""
        return self.pocket.network

    @property
    def towers(self) -> Towers | None:
        """The embeddings that listen, where they are there."""
        return self.pocket.towers

    @property
    def dtype(self) -> torch.dtype:
        """The type in which the network computes."""
        return self.pocket.dtype

    def arrange(
        self, request: LoopRequest, layers: Collection[Layer] = (), chords: Sequence[ChordSpan] = ()
    ) -> Arrangement:
        """Return which layers `request` has and what each is told; those and the chords that are given stay."""
        reading = read_request(request)
        key = reading.key or (key_of(chords) if chords else _key_of_notes(request))
        return self.repertoire.arrange(
            reading.text.ids, reading.away, open_seeds(request),
            tempo_bpm=reading.tempo_bpm, key=key, bars=request.bars,
            beats_per_bar=request.meter.beats_per_bar, layers=layers, kept=_layers_kept(request), chords=tuple(chords),
            needed=_needed(request), draws_key=reading.draws_key and not chords,
        )  # fmt: skip

    def scene(self, request: LoopRequest, arrangement: Arrangement | None = None) -> Scene:
        """Return the scene of `request`; its layers hear nothing of each other yet: see `rehearsed`."""
        mix = mix_notes(request)
        if mix is not None:
            plain = self.pocket.scene(request)
            return replace(plain, notes=(*plain.notes, *mix))
        reading = read_request(request)
        chords = chord_spans(request.chords, reading.key, request.bars, request.meter.beats_per_bar)
        plan = arrangement or self.arrange(request, [Layer(name) for name in request.layers], chords)
        if arrangement is None and not chords and (before := _told_before(request, reading)) is not None:
            plan = before.again(plan, reading.key)
        _check(request, plan)
        notes = [f"Layers: {', '.join(plan.layers)}."]
        if plan.key != reading.key:
            notes.append(f"No key was given: {_key_source(request, chords)} {plan.key}.")
        text = written(plan.chords, request.bars, request.meter.beats_per_bar) if plan.chords else ""
        if text:
            notes.append(f"Chords: {text}.")
        notes += [f"There is no {name} to mute." for name in request.mute if name not in plan.layers]
        conditions = described(request, reading, [plan.words[layer] for layer in plan.layers], plan.key)
        scene = laid_out(request, reading, conditions, self.pocket.latent_map.channels, notes)
        facts = {**heard_of(request, plan.key), "chords": text}
        muted = tuple(name for name in request.mute if name in plan.layers)
        told = msgspec.json.encode(Told.of(plan, _asked(reading))).decode()
        scene = replace(scene, muted=muted, record=facts, told=told)
        scene = _in_layers(scene, plan)
        if self.pocket.begins is not None:
            scene = replace(scene, inputs=replace(scene.inputs, asked=asked_rows(request, scene)))
        return on_device(scene, self.device)

    def only(self, scene: Scene, layers: Collection[str]) -> Scene:
        """Return the scene of some of the layers, which hear what they heard before; muted ones are heard alone."""
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

    def rehearsed(
        self, scene: Scene, noise: Tensor, beside: Tensor | None = None, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Scene, Tensor]:
        """Return the scene whose layers hear those before them as `noise` [batch, *noise_shape] makes them.

        Those that are `known` come first and hear what they heard [frames, HEARD_CHANNELS]; all others hear what is
        `beside` the loop, a recording [2, samples] of its length, too. Also returns what they all hear [batch, layers,
        frames, HEARD_CHANNELS], for a take to store.
        """
        powers = torch.zeros(2 * scene.frames, SUMMARY_CHANNELS, device=self.device)
        if beside is not None:
            powers = summary(log_bands(beside.to(self.device), 2 * scene.frames))
        rows = torch.stack([_rehearsed(self, scene, take, powers, known or {}) for take in noise.to(self.device)])
        return self.with_heard(scene, rows), rows

    def with_heard(self, scene: Scene, heard: Tensor) -> Scene:
        """Return the scene whose layers hear `heard` [batch, layers, frames, HEARD_CHANNELS] of the others."""
        inputs: Inputs = scene.inputs
        assert inputs.context is not None
        chords = inputs.context[: len(scene.layers), :, :CHORD_CHANNELS].repeat(len(heard), 1, 1)
        context = torch.cat([chords, heard.flatten(0, 1).to(chords)], -1)
        return replace(scene, inputs=replace(inputs, context=context))

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the straight grid of a rectified flow."""
        return self.pocket.schedule(steps, scene)

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 on the line from `latent` [batch, *noise_shape].

        With a gradient all layers go side by side. Without, one by one: what was answered in the rehearsal is known.
        """
        if not scene.layers:
            return self.pocket.denoise(latent, time, scene, until=until)
        if not (latent.is_meta or (torch.is_grad_enabled() and latent.requires_grad)):
            layers = range(latent.shape[1])
            rows = [
                [
                    self.pocket.denoise(take[None, index], time, _one(scene, index, number), until=until)
                    for index in layers
                ]
                for number, take in enumerate(latent)
            ]
            return torch.stack([torch.cat(row) for row in rows])
        flat = replace(scene, inputs=_for_batch(scene.inputs, len(latent)))
        return self.pocket.denoise(latent.flatten(0, 1), time, flat, until=until).view_as(latent)

    @property
    def has_first_step(self) -> bool:
        """Whether the weights came with a learned first step."""
        return self.pocket.has_first_step

    def shown(self, noise: Tensor, scene: Scene) -> Tensor:
        """Return the latent that the model gives of `noise` when it is shown what is asked, in one jump."""
        return self.pocket.shown_by(self, noise, scene)

    def first_step(self, noise: Tensor, latents: Tensor, features: Sequence[Features], scene: Scene) -> Tensor:
        """Return the change of `noise` [batch, layers, frames, channels] that was learnt, layer by layer."""
        return self.pocket.first_step(noise, latents, features, scene)

    def embedding_distance(
        self, latent: Tensor, noise: Tensor, scene: Scene, uncontrolled: Tensor | None = None
    ) -> float | None:
        """Return the distance (0 to 2) of `latent` to the uncontrolled loop of `noise`, in the judge's embedding."""

        def bands(latent: Tensor) -> Tensor:
            return summed(self.pocket.latent_map, audible(latent, scene))

        return self.pocket.distance_of(bands, self, latent, noise, scene, uncontrolled)

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits of the files that decide on the sound of `scene`."""
        return self.weights if scene.layers else self.pocket.weights


def _needed(request: LoopRequest) -> set[Layer]:
    """Return the layers that the controls of `request` need, of several that a control's row has the first."""
    rows = [(control, find(control.kind)) for control in request.controls]
    return {Layer(name) for control, row in rows for name in (control.on or row.layers[:1])}


def _asked(reading: Reading) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(sorted(reading.text.ids)), reading.away


def _told_before(request: LoopRequest, reading: Reading) -> Told | None:
    """Return what the layers of the take were told that `request` begins from; None where it asks for other words."""
    if request.start is None or request.start.variation >= WIDE_VARIATION:
        return None
    with suppress(msgspec.DecodeError):  # a take that says nothing of it
        before = msgspec.json.decode(stored_facts(request.start.noise).get("told", ""), type=Told)
        return before if before.asked == _asked(reading) else None
    return None


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


def _key_source(request: LoopRequest, chords: Sequence[ChordSpan]) -> str:
    if chords:
        return "the chords are in"
    return "the notes are in" if _key_of_notes(request) else f"seed {open_seeds(request).key} chose"


def _check(request: LoopRequest, plan: Arrangement) -> None:
    """Refuse what names layers that the loop does not have."""
    named = {"again": request.again}
    named |= {f"on of {control.kind}": control.on for control in request.controls}
    for name, layers in named.items():
        missing = [one for one in layers if one not in plan.layers]
        if missing:
            raise BadRequestError(
                f"{name} names {', '.join(missing)}, and this loop has {', '.join(plan.layers)}.",
                remedy=f"Add {', '.join(missing)} to layers, or leave it out of {name}.",
            )
    if set(request.mute) >= set(plan.layers):
        raise BadRequestError("All layers are muted, so that nothing would be heard.", remedy="Mute fewer layers.")


def _rehearsed(
    model: LayeredPocket, scene: Scene, noise: Tensor, powers: Tensor, known: Mapping[str, Tensor]
) -> Tensor:
    """Return what each layer of one take hears of those before it, and of `powers` beside them all."""
    rows = torch.zeros(len(noise), scene.frames, HEARD_CHANNELS, device=model.device)
    for index in sorted(range(len(noise)), key=lambda one: scene.layers[one] not in known):
        name = scene.layers[index]
        rows[index] = known[name].to(rows) if name in known else heard(powers)
        alone = _one(model.with_heard(scene, rows[None]), index)
        steps = model.pocket.schedule(model.card.decode_steps, alone)
        with torch.no_grad():
            latent = sample(model.pocket, alone, noise[None, index], steps, model.card.sampler, checkpoint=False)
            powers = powers + summary(model.pocket.latent_map.decode(latent))[0]
    return rows


def _in_layers(scene: Scene, plan: Arrangement) -> Scene:
    """Return a scene with a row for each layer as one whose noise has them, told which they are and their chords."""
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


def _rows_of(told: Tensor | None, layers: int, places: list[int]) -> Tensor | None:
    """Return those rows of [layers (times pieces), frames, channels] that are of the layers at `places`."""
    return None if told is None else told.unflatten(0, (layers, -1))[places].flatten(0, 1)


def _one(scene: Scene, index: int, take: int = 0) -> Scene:
    """Return the scene of one layer of one take alone, as `Pocket` sees it."""
    own: Inputs = _rows(scene.inputs, [index])
    assert own.context is not None
    place = take % len(own.context)
    own = replace(own, context=own.context[place : place + 1])
    return replace(scene, noise_shape=scene.noise_shape[1:], time_axis=0, layers=(), muted=(), inputs=own)


def _for_batch(inputs: Inputs, takes: int) -> Inputs:
    """Return the inputs with a row for each layer of each take."""
    assert inputs.layer is not None
    assert inputs.context is not None
    rows = {name: getattr(inputs, name).repeat(takes, 1) for name in ("conditional", "unconditional", "layer")}
    wanted, known = len(rows["layer"]), len(inputs.context)
    context = inputs.context[:wanted] if known >= wanted else inputs.context.repeat(wanted // known, 1, 1)
    return replace(inputs, **rows, context=context)


def load_default(settings: Settings, folder: Path = WEIGHTS) -> LayeredPocket | Pocket:
    """Return the model that plays in layers, or the full mix alone where the weights know none."""
    return load_layered(settings, folder) if (folder / FILE).exists() else load_pocket(settings, folder)


def load_layered(settings: Settings, folder: Path = WEIGHTS) -> LayeredPocket:
    """Return the model in layers from its weights; raise `ModelError` where they know no layers."""
    pocket, file = load_pocket(settings, folder), folder / FILE
    if not file.exists() or not pocket.network.config["layered"]:
        raise ModelError(f"The weights in {folder} know no layers.", remedy="Ask without layers.")
    return LayeredPocket(pocket, LayerRepertoire.load(file), digest_of(folder, (*MIX_FILES, FILE, LAYER_INPUTS)))

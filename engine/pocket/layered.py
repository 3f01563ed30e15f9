"""`pocket` in layers: a loop is the sum of its layers, each with noise, words and sound of its own.

One network plays them all. It is told which layer it is, the chords, and what it hears of the others: once a noise is
known its layers are sampled one after the other, each hearing those before, and what they heard then stays with the
scene. From there on all are sampled side by side, so that a search may move each without moving what the others heard.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from midi.chords.text import ChordSpan, key_of

from ..controls import find
from ..errors import BadRequestError, ModelError
from ..models.protocol import Scene, Schedule
from ..request import LoopRequest
from ..sampling import sample
from ..settings import Settings
from ..spectrum import Spectrum
from ..takes.noise import open_seeds
from . import musical_time
from .arrangement import FILE, Arrangement, LayerRepertoire
from .bands import FLOOR, band_power, log_bands
from .latents import LatentMap
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
from .model import WEIGHTS, Pocket, frame_rate_hz, load_pocket
from .scenes import Inputs, described, laid_out, on_device, read_request
from .sound import spectrum_of, together, together_resynthesised


class _Ears:
    """How layers are listened to: their sum, or some of them; latents are [batch, layers, frames, channels]."""

    def __init__(self, pocket: Pocket) -> None:
        self.pocket = pocket

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the sum as the latents say it: powers add."""
        return self.listen_to(latent, scene, scene.layers)

    def listen_to(self, latent: Tensor, scene: Scene, layers: Collection[str]) -> Spectrum:
        """Return the spectrum of some layers; the gradient reaches those alone."""
        chosen = [index for index, name in enumerate(scene.layers) if name in layers]
        if not chosen:
            raise BadRequestError(
                f"This loop has no layer {', '.join(layers)}.", remedy=f"It has {', '.join(scene.layers)}."
            )
        return spectrum_of(_summed(self.pocket.latent_map, latent[:, chosen]), frame_rate_hz(scene))

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum that the sum of the layers' waveforms really has; phases are constant in the gradient."""
        bands = self.pocket.latent_map.decode(latent)
        return together_resynthesised(
            bands, scene.model_samples, frame_rate_hz(scene), self.pocket.vocoder, limits=scene.inputs.limits
        )

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of audio [batch, 2, samples] in the bands of `listen`."""
        return self.pocket.hear(audio, scene)

    def faded(self, latent: Tensor, gain_db: Tensor) -> Tensor:
        """Return the latents with the level of all layers moved by `gain_db` [batch, frames]."""
        return self.pocket.faded(latent, gain_db[:, None])

    def character(self, latent: Tensor) -> Tensor | None:
        """Return how the tower that may be optimised hears the sum of the layers; None without it."""
        towers = self.pocket.towers
        return None if towers is None else towers.guide.hear(_summed(self.pocket.latent_map, latent))

    def text_similarity(self, latent: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how well the sum of the layers fits `text`, -1 to 1: [batch]."""
        return self.pocket.similarity(_summed(self.pocket.latent_map, latent), scene, text)


class LayeredPocket(_Ears):
    """The model protocol for a loop in layers; latents and noises are [batch, layers, frames, channels]."""

    card = Pocket.card

    def __init__(self, pocket: Pocket, repertoire: LayerRepertoire) -> None:
        super().__init__(pocket)
        self.repertoire = repertoire
        self.device = pocket.device

    def arrange(
        self, request: LoopRequest, layers: Collection[Layer] = (), chords: Sequence[ChordSpan] = ()
    ) -> Arrangement:
        """Return which layers `request` has and what each is told; those and the chords that are given stay."""
        reading = read_request(request)
        key = reading.key or (key_of(chords) if chords else None)
        return self.repertoire.arrange(
            reading.text.ids, reading.away, open_seeds(request),
            tempo_bpm=reading.tempo_bpm, key=key, bars=request.bars,
            beats_per_bar=request.meter.beats_per_bar, layers=layers, chords=tuple(chords),
            needed={Layer(row.layers[0]) for control in request.controls if (row := find(control.kind)).layers},
            draws_key=reading.draws_key and not chords,
        )  # fmt: skip

    def scene(self, request: LoopRequest, arrangement: Arrangement | None = None) -> Scene:
        """Return the scene of `request` in layers, each of which hears nothing of the others yet: see `rehearsed`."""
        if any(find(control.kind).reference is not None for control in request.controls):
            raise BadRequestError(
                "A recording has no layers, and cannot be kept in a loop that is made of them.",
                remedy="Ask without layers: the full mix takes recordings.",
            )
        reading = read_request(request)
        plan = self.arrange(request) if arrangement is None else arrangement
        notes = [f"Layers: {', '.join(plan.layers)}."]
        if plan.key != reading.key:
            notes.append(f"No key was given: it is {plan.key}, as seed and chords say.")
        if plan.chords:
            notes.append(f"Chords: {' '.join(str(span.chord) for span in plan.chords)}.")
        conditions = described(request, reading, [plan.words[layer] for layer in plan.layers], plan.key)
        scene = laid_out(request, reading, conditions, self.pocket.latent_map.channels, notes)
        return on_device(_in_layers(scene, plan), self.device)

    def rehearsed(self, scene: Scene, noise: Tensor, beside: Tensor | None = None) -> tuple[Scene, Tensor]:
        """Return the scene whose layers hear those before them as `noise` [batch, *noise_shape] makes them.

        All of them hear what is `beside` the loop, a recording [2, samples] of its length, too. Also returns what they
        hear [batch, layers, frames, HEARD_CHANNELS], for a take to store.
        """
        powers = torch.zeros(2 * scene.frames, SUMMARY_CHANNELS, device=self.device)
        if beside is not None:
            powers = summary(log_bands(beside.to(self.device), 2 * scene.frames))
        rows = torch.stack([_rehearsed(self, scene, take, powers) for take in noise.to(self.device)])
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
        """Return x_0 on the line from `latent` [batch, layers, frames, channels].

        With a gradient all layers go side by side. Without, one by one: what was answered in the rehearsal is known.
        """
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

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return the sum of the layers' audio [batch, 2, samples], without a gradient."""
        return self.stems(latent, scene).sum(1)

    def stems(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return each layer's audio [batch, layers, 2, samples]; with a limiter, that of their sum on each."""
        bands = self.pocket.latent_map.decode(latent.float())
        return together(bands, scene.model_samples, self.pocket.vocoder, limits=scene.inputs.limits)

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Raise `ModelError`: nobody can tell the layers of a recording apart."""
        raise ModelError("A recording cannot be taken apart into layers.", remedy="Ask without layers.")


def _rehearsed(model: LayeredPocket, scene: Scene, noise: Tensor, powers: Tensor) -> Tensor:
    """Return what each layer of one take hears of those before it, and of `powers` beside them all."""
    rows = torch.zeros(len(noise), scene.frames, HEARD_CHANNELS, device=model.device)
    for index, own in enumerate(noise):
        rows[index] = heard(powers)
        alone = _one(model.with_heard(scene, rows[None]), index)
        steps = model.pocket.schedule(model.card.decode_steps, alone)
        with torch.no_grad():
            latent = sample(model.pocket, alone, own[None], steps, model.card.sampler, checkpoint=False)
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
        record={
            **scene.record,
            "key": None if plan.key is None else str(plan.key),
            "layers": [layer.value for layer in plan.layers],
            "chords": " ".join(str(span.chord) for span in plan.chords),
        },
        inputs=replace(scene.inputs, layers=plan.layers, layer=rows, context=context),
    )


def chord_frames(spans: Sequence[ChordSpan], beats: float, frames: int) -> Tensor:
    """Return the chord that sounds at each latent frame of a loop of so many beats: [frames, CHORD_CHANNELS]."""
    rows = torch.stack([chord_row(span.chord.root, span.chord.pitch_classes, span.chord.bass) for span in spans])
    starts = torch.tensor([float(span.beat) for span in spans], dtype=torch.float64)
    centres = musical_time.centres(torch.arange(frames), torch.tensor(frames)) * beats
    return rows[(torch.searchsorted(starts, centres, right=True) - 1).clamp_min(0)]


def _summed(latent_map: LatentMap, latent: Tensor) -> Tensor:
    """Return the log band power [batch, frames, bands] of the sum of layers [batch, layers, frames, channels]."""
    return torch.log(band_power(latent_map.decode(latent)).sum(1) + FLOOR)


def _one(scene: Scene, index: int, take: int = 0) -> Scene:
    """Return the scene of one layer of one take alone, as `Pocket` sees it."""
    inputs: Inputs = scene.inputs
    assert inputs.layer is not None
    assert inputs.context is not None
    row = slice(index, index + 1)
    place = (take * len(scene.layers) + index) % len(inputs.context)
    own = replace(
        inputs, conditional=inputs.conditional[row], unconditional=inputs.unconditional[row],
        layer=inputs.layer[row], layers=inputs.layers[row],
        context=inputs.context[place : place + 1],
    )  # fmt: skip
    return replace(scene, noise_shape=scene.noise_shape[1:], time_axis=0, layers=(), inputs=own)


def _for_batch(inputs: Inputs, takes: int) -> Inputs:
    """Return the inputs with a row for each layer of each take."""
    assert inputs.layer is not None
    assert inputs.context is not None
    rows = {name: getattr(inputs, name).repeat(takes, 1) for name in ("conditional", "unconditional", "layer")}
    wanted, known = len(rows["layer"]), len(inputs.context)
    context = inputs.context[:wanted] if known >= wanted else inputs.context.repeat(wanted // known, 1, 1)
    return replace(inputs, **rows, context=context)


def load_layered(settings: Settings, folder: Path = WEIGHTS) -> LayeredPocket:
    """Return the model in layers from its weights; raise `ModelError` where they know no layers."""
    pocket, file = load_pocket(settings, folder), folder / FILE
    if not file.exists() or not pocket.network.config["layered"]:
        raise ModelError(f"The weights in {folder} know no layers.", remedy="Ask without layers.")
    return LayeredPocket(pocket, LayerRepertoire.load(file))

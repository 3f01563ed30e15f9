"""`pocket` as it is by default: a loop is the sum of its layers, each with noise, words and sound of its own.

One network plays them all. It is conditioned on the layer, on the chords, and on features of the other layers. For a
given noise the layers are sampled once in order, each conditioned on the sum of those before it, and this conditioning
stays with the scene. From then on all layers are sampled in parallel, so that a search may move one of them without
changing the conditioning of the others. Requests that need one sound of everything get the full mix, to the bit as from
`Pocket`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from midi.chords.text import ChordSpan

from ..errors import ModelError
from ..models.protocol import Scene, Schedule
from ..request import LoopRequest
from ..sampling import sample
from ..settings import Settings
from .arrangement import FILE, Arrangement, LayerRepertoire
from .bands import log_bands
from .controls import Conditioned, ControlInputs, without_controls
from .first_step import PocketStep
from .in_layers.mix import mix_notes
from .in_layers.scenes import LayerScenes, for_batch, one_layer, only_layers
from .in_layers.sounds import LayerSounds, audible, summed
from .layers import (
    CHORD_CHANNELS,
    HEARD_CHANNELS,
    SUMMARY_CHANNELS,
    Layer,
    heard,
    summary,
)
from .model import MIX_FILES, WEIGHTS, Pocket, digest_of, load_pocket, uncontrolled_latent
from .network import LAYER_INPUTS, PocketNetwork
from .scenes import Inputs
from .towers import Towers


class LayeredPocket(LayerSounds, Conditioned):
    """The model protocol for loops in layers and for full mixes, as each scene says.

    Latents and noises are [batch, layers, frames, channels], of a full mix [batch, frames, channels].
    """

    card = Pocket.card

    def __init__(self, pocket: Pocket, repertoire: LayerRepertoire, weights: str = "") -> None:
        super().__init__(pocket)
        self.scenes = LayerScenes(repertoire, pocket.latent_map.channels, pocket.device)
        self.weights, self.device = weights, pocket.device

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
        """Return which layers `request` has and the words of each; those and the chords that are given stay."""
        return self.scenes.arrange(request, layers, chords)

    def scene(self, request: LoopRequest, arrangement: Arrangement | None = None) -> Scene:
        """Return the scene of `request`, whose layers `condition_layers` conditions on each other."""
        mix = mix_notes(request)
        if mix is None:
            return self.pocket.asking(request, self.scenes.scene(request, arrangement))
        plain = self.pocket.scene(request)
        return replace(plain, notes=(*plain.notes, *mix))

    def only(self, scene: Scene, layers: Collection[str]) -> Scene:
        """Return the scene of some of the layers, with their conditioning; all are audible if all of them are muted."""
        return only_layers(scene, layers)

    def condition_layers(
        self, scene: Scene, noise: Tensor, beside: Tensor | None = None, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Scene, Tensor]:
        """Sample the layers of `noise` [batch, *noise_shape] in order, and condition each on those before it.

        Return the scene with that conditioning, and the conditioning [batch, layers, frames, HEARD_CHANNELS] itself,
        for a take to store. Layers in `known` come first and keep theirs [frames, HEARD_CHANNELS]; all others are also
        conditioned on the recording `beside` [2, samples], which is as long as the loop.
        """
        powers = torch.zeros(2 * scene.frames, SUMMARY_CHANNELS, device=self.device)
        if beside is not None:
            powers = summary(log_bands(beside.to(self.device), 2 * scene.frames))
        rows = torch.stack([_layer_context(self, scene, take, powers, known or {}) for take in noise.to(self.device)])
        return self.with_layer_context(scene, rows), rows

    def with_layer_context(self, scene: Scene, heard: Tensor) -> Scene:
        """Return the scene with layers conditioned on `heard` [batch, layers, frames, HEARD_CHANNELS]."""
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

        With a gradient all layers are one batch. Without one they go one by one, as in `condition_layers`, whose
        answers are cached.
        """
        if not scene.layers:
            return self.pocket.denoise(latent, time, scene, until=until)
        if not (latent.is_meta or (torch.is_grad_enabled() and latent.requires_grad)):
            layers = range(latent.shape[1])
            rows = [
                [
                    self.pocket.denoise(take[None, index], time, one_layer(scene, index, number), until=until)
                    for index in layers
                ]
                for number, take in enumerate(latent)
            ]
            return torch.stack([torch.cat(row) for row in rows])
        flat = replace(scene, inputs=for_batch(scene.inputs, len(latent)))
        return self.pocket.denoise(latent.flatten(0, 1), time, flat, until=until).view_as(latent)

    @property
    def learned_step(self) -> PocketStep | None:
        """The learned first step, layer by layer; None without its weights."""
        return None if self.pocket.begins is None else PocketStep(self.pocket.begins, self)

    def embedding_distance(
        self, latent: Tensor, noise: Tensor, scene: Scene, uncontrolled: Tensor | None = None
    ) -> float | None:
        """Return the distance (0 to 2) of `latent` to the uncontrolled loop of `noise`, in the judge's embedding."""

        def bands(latent: Tensor) -> Tensor:
            return summed(self.pocket.latent_map, audible(latent, scene))

        def beside() -> Tensor:
            return bands(uncontrolled_latent(self, noise, scene) if uncontrolled is None else uncontrolled)

        return self.pocket.embeddings.distance(lambda: bands(latent), beside, noise, without_controls(scene))

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits of the files that decide on the sound of `scene`."""
        return self.weights if scene.layers else self.pocket.weights


def _layer_context(
    model: LayeredPocket, scene: Scene, noise: Tensor, powers: Tensor, known: Mapping[str, Tensor]
) -> Tensor:
    """Return the conditioning of each layer of one take on those before it, and on `powers` beside them all.

    `noise` is [layers, frames, channels], `powers` [2 frames, SUMMARY_CHANNELS]; the result [layers, frames,
    HEARD_CHANNELS].
    """
    rows = torch.zeros(len(noise), scene.frames, HEARD_CHANNELS, device=model.device)
    for index in sorted(range(len(noise)), key=lambda one: scene.layers[one] not in known):
        name = scene.layers[index]
        rows[index] = known[name].to(rows) if name in known else heard(powers)
        alone = one_layer(model.with_layer_context(scene, rows[None]), index)
        steps = model.pocket.schedule(model.card.decode_steps, alone)
        with torch.no_grad():
            latent = sample(model.pocket, alone, noise[None, index], steps, model.card.sampler, checkpoint=False)
            powers = powers + summary(model.pocket.latent_map.decode(latent))[0]
    return rows


def load_default(settings: Settings, folder: Path = WEIGHTS) -> LayeredPocket | Pocket:
    """Return the model that plays in layers, or the full mix alone where the weights know none."""
    return load_layered(settings, folder) if (folder / FILE).exists() else load_pocket(settings, folder)


def load_layered(
    settings: Settings, folder: Path = WEIGHTS, *, inputs: ControlInputs = ControlInputs.TUNE
) -> LayeredPocket:
    """Return the model in layers from its weights; raise `ModelError` where they know no layers."""
    pocket, file = load_pocket(settings, folder, inputs=inputs), folder / FILE
    if not file.exists() or not pocket.network.config["layered"]:
        raise ModelError(f"The weights in {folder} know no layers.", remedy="Ask without layers.")
    return LayeredPocket(pocket, LayerRepertoire.load(file), digest_of(folder, (*MIX_FILES, FILE, LAYER_INPUTS)))

"""Layers as sound: decoded to stems, and heard as their sum or some of them."""

from collections.abc import Collection

import torch
from torch import Tensor

from ...errors import BadRequestError, ModelError
from ...models.protocol import Scene
from ...spectrum import Spectrum
from ..bands import FLOOR, band_power
from ..latents import LatentMap
from ..model import Pocket, frame_rate_hz
from ..sound import layers_resynthesised, spectrum_of, stem_waveforms


class LayerSounds:
    """How layers sound, and are listened to: their sum, or some; latents are [batch, layers, frames, channels].

    Latents [batch, frames, channels] of a scene without layers are heard as `Pocket` hears them.
    """

    def __init__(self, pocket: Pocket) -> None:
        self.pocket = pocket

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the sum as the latents say it: powers add."""
        return spectrum_of(summed(self.pocket.latent_map, audible(latent, scene)), frame_rate_hz(scene))

    def listen_to(self, latent: Tensor, scene: Scene, layers: Collection[str]) -> Spectrum:
        """Return the spectrum of some layers; the gradient reaches those alone."""
        chosen = [index for index, name in enumerate(scene.layers) if name in layers]
        if not chosen:
            raise BadRequestError(
                f"This loop has no layer {', '.join(layers)}.", remedy=f"It has {', '.join(scene.layers)}."
            )
        return spectrum_of(summed(self.pocket.latent_map, latent[:, chosen]), frame_rate_hz(scene))

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum that the sum of the layers' waveforms really has; phases are constant in the gradient."""
        if not scene.layers:
            return self.pocket.listen_through(latent, scene)
        bands = self.pocket.latent_map.decode(audible(latent, scene))
        return layers_resynthesised(
            bands, scene.model_samples, frame_rate_hz(scene), self.pocket.vocoder, limits=scene.inputs.limits
        )

    def expected_through(self, spectrum: Spectrum, scene: Scene) -> Spectrum:
        """Return the spectrum that the waveform is likely to have whose latents say `spectrum`."""
        return self.pocket.expected_through(spectrum, scene)

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of audio [batch, 2, samples] in the bands of `listen`."""
        return self.pocket.hear(audio, scene)

    def faded(self, latent: Tensor, gain_db: Tensor) -> Tensor:
        """Return the latents with the level of all layers moved by `gain_db` [batch, frames]."""
        return self.pocket.faded(latent, gain_db[:, None] if _is_layered(latent) else gain_db)

    def character(self, latent: Tensor) -> Tensor | None:
        """Return how the tower that may be optimised hears the sum of the layers; None without it."""
        return self.pocket.embeddings.character(summed(self.pocket.latent_map, latent))

    def text_similarity(self, latent: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how well the sum of the layers fits `text`, -1 to 1: [batch]."""
        bands = summed(self.pocket.latent_map, audible(latent, scene))
        return self.pocket.embeddings.similarity(bands, scene, text)

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return the sum of the audible layers' audio [batch, 2, samples], without a gradient."""
        if not scene.layers:
            return self.pocket.decode(latent, scene)
        return self.stems(latent, scene)[:, _audible_places(scene)].sum(1)

    def stems(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return each layer's audio [batch, layers, 2, samples]; with a limiter, that of the audible sum on each."""
        bands, heard = self.pocket.latent_map.decode(latent.float()), _audible_places(scene)
        return stem_waveforms(
            bands, scene.model_samples, self.pocket.vocoder, limits=scene.inputs.limits, audible=heard
        )

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return the latent of audio [batch, 2, samples]; raise `ModelError` for a scene in layers."""
        if scene.layers:
            raise ModelError("A recording cannot be taken apart into layers.", remedy="Ask for the full mix.")
        return self.pocket.encode(audio, scene)


def _is_layered(latent: Tensor) -> bool:
    return latent.dim() == 4


def _audible_places(scene: Scene) -> list[int]:
    return [index for index, name in enumerate(scene.layers) if name in scene.audible]


def audible(latent: Tensor, scene: Scene) -> Tensor:
    """Return the latents of the layers that are not muted."""
    return latent[:, _audible_places(scene)] if scene.muted else latent


def summed(latent_map: LatentMap, latent: Tensor) -> Tensor:
    """Return the log band power [batch, frames, bands] of the sum of layers [batch, layers, frames, channels]."""
    bands = latent_map.decode(latent)
    return torch.log(band_power(bands).sum(1) + FLOOR) if _is_layered(latent) else bands

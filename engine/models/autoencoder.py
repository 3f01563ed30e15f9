"""Waveform autoencoders in exact tiles, whose context is the receptive field of the network, counted layer by layer."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .decode import tiled
from .hardware import Place
from .loading import visiting

TILE_FRAMES = 24  # about 1 s: a tile of Stable Audio Open with its context costs 1.8 GiB
ENCODER_TILE_FRAMES = 128  # longer than a decoder's tile, because no activations are kept for a gradient


def oobleck_context(downsampling_ratios: Sequence[int]) -> int:
    """Return the receptive field of an Oobleck decoder: latent frames on each side of one, rounded up.

    It has a first convolution of 7 taps, then at each rate a transposed convolution of two strides and three
    residual units of 7 taps, dilated by 1, 3 and 9, and a last convolution of 7.
    """
    reach, rate = 3.0, 1
    for ratio in reversed(downsampling_ratios):
        reach += 1 / rate
        rate *= ratio
        reach += 3 * (1 + 3 + 9) / rate
    return math.ceil(reach + 3 / rate)


def same_context(depths: Sequence[int], strides: Sequence[int], window: int) -> int:
    """Return the receptive field of a SAME decoder: latent frames on each side of one, rounded up.

    Each of the `depths` transformer layers of a stage attends to `window` segments on each side, and each stage
    multiplies the rate by its stride.
    """
    reach, rate = 0.0, 1
    for depth, stride in zip(reversed(depths), reversed(strides), strict=True):
        reach += depth * window / rate
        rate *= stride
    return math.ceil(reach)


class Autoencoder:
    """A frozen waveform autoencoder: the decoder stays on the device, the encoder is moved there while it is used.

    `decode` and `encode` are the network's own, latent [batch, channels, frames] to audio
    [batch, channels, frames * hop_samples] and back. `context` is the receptive field in latent frames on each side.
    """

    def __init__(
        self, network: nn.Module, place: Place, *, hop_samples: int, context: int,
        decode: Callable[[Tensor], Tensor], encode: Callable[[Tensor], Tensor],
    ) -> None:  # fmt: skip
        self._network = network.to(place.device)
        self._encoder: nn.Module = network.get_submodule("encoder").to("cpu")
        self._place = place
        self.hop_samples = hop_samples
        self.context = context
        self._decode, self._encode = decode, encode

    def decode(self, latent: Tensor, circular: bool) -> Tensor:
        """Return the audio of a latent, shapes as above, carrying the gradient.

        With `circular` the ends are decoded in the context of each other, so that the last sample meets the first.
        """
        return tiled(
            self._decode, latent.to(self._place.device, self._place.decoder_dtype), hop=self.hop_samples,
            tile=TILE_FRAMES, context=self.context, circular=circular,
        )  # fmt: skip

    def encode(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent of audio, shapes as above; with `circular` each end has the other one as its context."""
        audio = audio.to(self._place.device, self._place.decoder_dtype)
        frames = audio.shape[-1] // self.hop_samples
        with visiting(self._place.device, self._encoder):
            starts = range(0, frames, ENCODER_TILE_FRAMES)
            tiles = [self._encode_tile(audio, start, frames, circular) for start in starts]
        return torch.cat(tiles, -1)

    def _encode_tile(self, audio: Tensor, start: int, frames: int, circular: bool) -> Tensor:
        stop = min(start + ENCODER_TILE_FRAMES, frames)
        low, high = start - self.context, stop + self.context
        if not circular:
            low, high = max(low, 0), min(high, frames)
        index = torch.arange(low * self.hop_samples, high * self.hop_samples, device=audio.device)
        latent = self._encode(audio[..., index % audio.shape[-1]])
        return latent[..., start - low : stop - low]

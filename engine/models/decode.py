"""From latent to waveform, in tiles where a whole one would not fit; and tiles that leave no trace.

A convolutional decoder depends on a few latents either side (Oobleck on 9): a tile decoded with that much context
and cropped is *exactly* the part of the whole. With context taken round the circle, the last sample meets the first.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from .protocol import Model, Scene

Decoder = Callable[[Tensor], Tensor]
"""From latents [batch, channels, frames] to audio [batch, channels, frames * hop]."""


def to_audio(model: Model, scene: Scene, latent: Tensor) -> Tensor:
    """Return the audio [batch, channels, model_samples] of `latent`, float32 on the CPU, without a gradient."""
    with torch.no_grad():
        return model.decode(latent, scene).float().cpu()


def tiled(decode: Decoder, latent: Tensor, *, hop: int, context: int, circular: bool, tile: int) -> Tensor:
    """Return `decode(latent)` [batch, channels, frames * hop] of a latent [batch, channels, frames], tile by tile.

    A decoder that hears at most `context` frames on each side gives the same samples for the memory of one tile of
    `tile` frames, which is recomputed in the backward pass. In a circle the context at the ends is the other end, so
    the result turns with the latent, exactly; otherwise nothing is beyond the ends.
    """
    frames = latent.shape[-1]
    parts = []
    for start in range(0, frames, tile):
        stop = min(start + tile, frames)
        low, high = start - context, stop + context
        if not circular:
            low, high = max(low, 0), min(high, frames)
        around = latent[..., torch.arange(low, high, device=latent.device) % frames]
        sound = _recomputed(decode, around)
        parts.append(sound[..., (start - low) * hop : (stop - low) * hop])
    return torch.cat(parts, -1)


def _recomputed(decode: Decoder, latent: Tensor) -> Tensor:
    if not (torch.is_grad_enabled() and latent.requires_grad):
        return decode(latent)
    sound: Tensor = recomputed(decode, latent, use_reentrant=False, preserve_rng_state=False)
    return sound

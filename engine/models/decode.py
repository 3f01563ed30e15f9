"""From latent to waveform, in tiles that give the same samples as the whole.

A convolutional decoder depends on a few latent frames on each side (Oobleck on 9): a tile decoded with that much
context and cropped is *exactly* the part of the whole. Where the context of one end of a loop is its other end, the
last sample meets the first.
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

    `context` is the decoder's receptive field in frames on each side, `hop` its samples per frame. The samples are as
    from one call, for the memory of one tile of `tile` frames, which is recomputed in the backward pass. With
    `circular` the context of each end is the other end, so that rotating the latent rotates the result, exactly.
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

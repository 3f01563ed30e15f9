"""The discriminators of `polish`: heads over the flow's hidden states, and convolutions over the spectrogram.

Both score above 0 for true loops. The heads get the features that a frozen flow computes from a loop, its words and its
musical time (latent adversarial diffusion distillation, Sauer et al. 2024, arXiv:2403.12015). The convolutions judge
what those features may miss, the sharpness of partials and of attacks (patches, Isola et al. 2017, arXiv:1611.07004).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..pocket.latents import LatentMap


class StateCritic(nn.Module):
    """One head for each of some of the flow's blocks."""

    def __init__(self, width: int, blocks: tuple[int, ...], inner: int = 64) -> None:
        super().__init__()
        self.blocks = blocks
        self.heard = nn.ModuleList(nn.Linear(width, inner) for _ in blocks)
        self.said = nn.ModuleList(nn.Linear(width, inner, bias=False) for _ in blocks)
        self.around = nn.ModuleList(nn.Conv1d(inner, inner, 9, padding=4, padding_mode="circular") for _ in blocks)
        self.verdict = nn.ModuleList(nn.Linear(inner, 1) for _ in blocks)
        for name, parameter in self.named_parameters():
            if name.startswith("said."):
                nn.init.zeros_(parameter)

    def forward(self, states: list[Tensor], summary: Tensor) -> Tensor:
        """Return scores [heads, batch, frames]; `states` are [batch, frames, width], `summary` is [batch, width]."""
        verdicts = []
        for block, heard, said, around, verdict in zip(
            self.blocks, self.heard, self.said, self.around, self.verdict, strict=True
        ):
            state = F.layer_norm(states[block], states[block].shape[-1:])
            inner = F.silu(heard(state) + said(summary)[:, None])
            inner = inner + F.silu(around(inner.transpose(1, 2)).transpose(1, 2))
            verdicts.append(verdict(inner)[..., 0])
        return torch.stack(verdicts)


class PictureCritic(nn.Module):
    """Convolutions over bands and frames; a patch is about 40 bands high and half a second long."""

    def __init__(self, latent_map: LatentMap, condition_channels: int, inner: int = 24) -> None:
        super().__init__()
        self.latent_map = latent_map
        widths = (2, inner, 2 * inner, 4 * inner)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(one, other, 5, stride=2, padding=2))
            for one, other in zip(widths, widths[1:], strict=False)
        )
        self.verdict = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))
        self.said = nn.Linear(condition_channels, widths[-1], bias=False)
        nn.init.zeros_(self.said.weight)

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Return scores of the patches of `latent` [batch, frames, channels]: [batch, patches]."""
        bands = self.latent_map.centred(latent)
        height = torch.linspace(-1, 1, bands.shape[-1], device=bands.device).expand_as(bands)
        picture = torch.stack([bands, height], 1)
        for layer in self.layers:
            picture = F.leaky_relu(layer(picture), 0.2)
        # What was asked for should be there somewhere, not in every patch (projection, Miyato and Koyama 2018).
        fits = (self.said(condition) * picture.mean((2, 3))).sum(1, keepdim=True)
        return self.verdict(picture).flatten(1) + fits

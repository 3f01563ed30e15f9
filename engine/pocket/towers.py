"""Two small text-audio embeddings, trained apart: a guide that may be optimised and a judge that never is.

The guide hears the mid bands with one-dimensional convolutions over time; the judge hears mid and side as a
picture, coarser in frequency, with two-dimensional ones, and is trained on other loops in another order. A
sound that only pleases the guide has found a hole in it; the judge tells.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.stored import Stored
from .condition import WORD_SLOTS

MID_BANDS = 246
CENTRE, SPREAD = -1.0, 5.0  # log band power of a mix, roughly


class _Words(nn.Module):
    """A bag of words to a unit vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(WORD_SLOTS, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, words: Tensor) -> Tensor:
        """Return [batch, width] of multi-hot words [batch, WORD_SLOTS]; more words do not mean more."""
        count = words.sum(-1, keepdim=True).clamp_min(1)
        return F.normalize(self.layers(words / count.sqrt()), dim=-1)


def _circular(hidden: Tensor, reach: int) -> Tensor:
    return F.pad(hidden, (reach, reach), mode="circular")


class GuideTower(Stored):
    """Text-audio similarity that the text control may optimise; differentiable in the bands."""

    def __init__(self, width: int = 128) -> None:
        super().__init__(width=width)
        self.words = _Words(width)
        self.bands = nn.Linear(MID_BANDS, width)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 5, stride=2) for _ in range(4))
        self.out = nn.Linear(2 * width, width)
        self.log_temperature = nn.Parameter(torch.tensor(2.6))

    def embed_bands(self, log_power: Tensor) -> Tensor:
        """Return unit vectors [batch, width] of log bands [batch, frames, >= MID_BANDS] round a loop."""
        hidden = self.bands((log_power[..., :MID_BANDS] - CENTRE) / SPREAD).transpose(1, 2)
        for layer in self.layers:
            hidden = F.gelu(layer(_circular(hidden, 2)))
        pooled = torch.cat([hidden.mean(-1), hidden.std(-1)], -1)
        return F.normalize(self.out(pooled), dim=-1)

    def embed_words(self, words: Tensor) -> Tensor:
        """Return unit vectors [batch, width] of multi-hot words."""
        return self.words(words)


class JudgeTower(Stored):
    """The embedding that no search optimises: for `embedding_distance`, ranking and evaluation."""

    def __init__(self, width: int = 128) -> None:
        super().__init__(width=width)
        self.words = _Words(width)
        sizes = (2, 24, 48, 96, width)
        self.layers = nn.ModuleList(
            nn.Conv2d(few, many, 3, stride=2) for few, many in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.out = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, width))
        self.log_temperature = nn.Parameter(torch.tensor(2.6))

    def embed_bands(self, log_power: Tensor) -> Tensor:
        """Return unit vectors [batch, width] of log bands [batch, frames, 295] round a loop."""
        heard = (log_power - CENTRE) / SPREAD
        picture = torch.stack(
            [F.adaptive_avg_pool1d(part, 48) for part in (heard[..., :MID_BANDS], heard[..., MID_BANDS:])], 1
        )
        for layer in self.layers:
            wrapped = F.pad(picture, (0, 0, 1, 1), mode="circular")
            picture = F.gelu(layer(F.pad(wrapped, (1, 1, 0, 0))))
        pooled = torch.cat([picture.mean((2, 3)), picture.amax((2, 3)), picture.mean(3).std(2)], -1)
        return F.normalize(self.out(pooled), dim=-1)

    def embed_words(self, words: Tensor) -> Tensor:
        """Return unit vectors [batch, width] of multi-hot words."""
        return self.words(words)


@dataclass(frozen=True, slots=True)
class Towers:
    """Both embeddings, frozen."""

    guide: GuideTower
    judge: JudgeTower

    def to(self, device: torch.device) -> "Towers":
        """Return both on `device`."""
        return Towers(self.guide.to(device), self.judge.to(device))


def load_towers(folder: Path) -> Towers | None:
    """Return the towers beside pocket's weights, or None where they were not trained."""
    if not (folder / "guide").is_dir() or not (folder / "judge").is_dir():
        return None
    guide, judge = GuideTower.load(folder / "guide"), JudgeTower.load(folder / "judge")
    return Towers(guide.requires_grad_(False), judge.requires_grad_(False))

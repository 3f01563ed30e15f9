"""Two small listeners, trained on held-out loops only: which genre, and which groups of instruments.

They are convolutional networks on four-second pictures of fine bands. Their own accuracy on true loops that they
never met stands beside every figure they give: a model cannot be better than its listener.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .hearing import PICTURE_BANDS

GROUPS = ("drums", "bass", "chords", "melody")
MIDS = 64


@dataclass(frozen=True, slots=True)
class Training:
    """How long and how hard."""

    epochs: int = 24
    batch: int = 32
    learning_rate: float = 2e-3
    seed: int = 0


class Listener(nn.Module):
    """Pictures [batch, frames, PICTURE_BANDS] to scores [batch, classes]."""

    def __init__(self, classes: int, width: int = 24) -> None:
        super().__init__()
        sizes = (2, width, 2 * width, 3 * width, 4 * width)
        self.layers = nn.ModuleList(nn.Conv2d(few, many, 3, 2, 1) for few, many in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm2d(many) for many in sizes[1:])
        self.out = nn.Linear(3 * sizes[-1], classes)

    def forward(self, picture: Tensor) -> Tensor:
        """Return scores."""
        mid, side = picture[..., :MIDS], picture[..., MIDS:]
        wide = functional.interpolate(side, size=MIDS)   # the side's few bands, as wide as the mid's
        hidden = torch.stack([mid, wide], 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = functional.relu(norm(layer(hidden)))
        pooled = torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3)), hidden.mean(3).std(2)], 1)
        return self.out(functional.dropout(pooled, 0.3, self.training))

    def scores(self, pictures: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the scores of pictures [n, frames, bands]."""
        self.eval()
        with torch.no_grad():
            parts = [self(_normed(pictures[first : first + 64])) for first in range(0, len(pictures), 64)]
        return torch.cat(parts).numpy()


def _normed(pictures: NDArray[np.floating]) -> Tensor:
    """Centre each picture, so that loudness tells nothing."""
    values = torch.from_numpy(np.asarray(pictures, np.float32))
    return (values - values.mean((1, 2), keepdim=True)) / 4


def train_listener(pictures: NDArray[np.floating], truth: NDArray, recipe: Training) -> Listener:
    """Return a listener for `truth`: class numbers [n], or groups present [n, groups] as booleans.

    Pictures are turned in time and a few bands are masked, so that a few hundred loops are enough.
    """
    torch.manual_seed(recipe.seed)
    generator = np.random.default_rng(recipe.seed)
    single = truth.ndim == 1
    listener = Listener(int(truth.max()) + 1 if single else truth.shape[1])
    optimizer = torch.optim.AdamW(listener.parameters(), recipe.learning_rate, weight_decay=0.05)
    steps = recipe.epochs * max(1, len(pictures) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    wanted = torch.from_numpy(truth.astype(np.int64 if single else np.float32))
    listener.train()
    for _ in range(steps):
        chosen = generator.choice(len(pictures), min(recipe.batch, len(pictures)), replace=False)
        scores = listener(_disturbed(_normed(pictures[chosen]), generator))
        loss = functional.cross_entropy(scores, wanted[chosen], label_smoothing=0.05) if single else (
            functional.binary_cross_entropy_with_logits(scores, wanted[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return listener


def _disturbed(pictures: Tensor, generator: np.random.Generator) -> Tensor:
    turned = pictures.roll(int(generator.integers(pictures.shape[1])), 1)
    first = int(generator.integers(PICTURE_BANDS - 8))
    masked = turned.clone()
    masked[:, :, first : first + int(generator.integers(1, 8))] = 0
    tone = generator.standard_normal((len(masked), 1, PICTURE_BANDS)).astype(np.float32)
    return masked + 0.1 * torch.from_numpy(tone)


def genre_accuracy(listener: Listener, pictures: NDArray[np.floating], truth: NDArray) -> float:
    """Return how often the best score is the truth's."""
    return float((listener.scores(pictures).argmax(1) == truth).mean())


def group_accuracy(listener: Listener, pictures: NDArray[np.floating], truth: NDArray) -> dict[str, float]:
    """Return for each group how often its presence is told right, and `all` for their mean."""
    right = ((listener.scores(pictures) > 0) == truth).mean(0)
    return {**dict(zip(GROUPS, right.tolist(), strict=True)), "all": float(right.mean())}

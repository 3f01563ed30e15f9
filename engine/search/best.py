"""The best noise so far, item by item, kept beside a search whose loss may rise (optimistix's `BestSoFarMinimiser`)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .objective import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best `noise` [batch, *noise_shape], its `total` [batch], and whether it is within all tolerances [batch]."""

    noise: Tensor
    total: Tensor
    reached: Tensor

    @classmethod
    def fresh(cls, noise: Tensor) -> "Best":
        """Return the best before anything was evaluated: `noise`, infinitely far from the goals."""
        worst = torch.full((len(noise),), math.inf, dtype=noise.dtype, device=noise.device)
        return cls(noise=noise, total=worst, reached=torch.zeros_like(worst, dtype=torch.bool))

    def updated(self, noise: Tensor, evaluation: Evaluation, *, exact: bool = True) -> "Best":
        """Return the better of this and `noise` with its `evaluation`, item by item; only an exact one may reach."""
        reached, total = (evaluation.farthest <= 1) & exact, evaluation.total
        # Within all tolerances counts before a lower sum: a sum can fall while one control leaves its tolerance.
        better = (reached & ~self.reached) | ((reached == self.reached) & (total < self.total))
        return Best(
            noise=torch.where(per_item(better, noise), noise, self.noise),
            total=torch.where(better, total, self.total),
            reached=torch.where(better, reached, self.reached),
        )


def per_item(values: Tensor, noise: Tensor) -> Tensor:
    """Return `values` [batch] in a shape that broadcasts over `noise` [batch, *noise_shape]."""
    return values.view(-1, *[1] * (noise.dim() - 1))

"""Muon (Jordan et al. 2024): momentum whose matrix is made orthogonal before each step.

PyTorch has one, too, but it multiplies in bfloat16 everywhere, and on a processor that does not do so natively that
takes longer than all the rest of a step.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from ..models.hardware import multiplies_bfloat16

QUINTIC = (3.4445, -4.7750, 2.0315)  # steepest at zero; singular values end between 0.7 and 1.2
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; steps are scaled to the root mean square of AdamW's (Liu et al. 2025)."""

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Take one step; matrices without a gradient stay."""
        assert closure is None
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for shape, matrices in alike.items():
                self._move(matrices, group, 0.2 * max(shape) ** 0.5 * group["lr"])

    def _move(self, matrices: list[Tensor], group: dict[str, Any], rate: float) -> None:
        """Move matrices of one shape, all at once: a GPU takes as long for one as for all layers' together."""
        memories = []
        for matrix in matrices:
            slots = self.state[matrix]
            if not slots:
                slots["momentum_buffer"] = torch.zeros_like(matrix)
            memories.append(slots["momentum_buffer"])
        slopes = [matrix.grad for matrix in matrices if matrix.grad is not None]
        torch._foreach_lerp_(memories, slopes, 1 - group["momentum"])
        pulls = orthogonal(torch.stack(torch._foreach_lerp(slopes, memories, group["momentum"])))
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(matrices, list(pulls.unbind()), alpha=-rate)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return roughly U V^T of each of `matrices` [..., rows, columns] = U S V^T, in what the device is fast in."""
    dtype = torch.bfloat16 if multiplies_bfloat16(matrices.device) else torch.float32
    tall = matrices.shape[-2] > matrices.shape[-1]
    found = (matrices.mT if tall else matrices).to(dtype)
    found = found / torch.linalg.matrix_norm(found, keepdim=True).clamp_min(1e-7)
    linear, cubic, quintic = QUINTIC
    for _ in range(ROUNDS):
        gram = found @ found.mT
        found = linear * found + (cubic * gram + quintic * (gram @ gram)) @ found
    return (found.mT if tall else found).to(matrices.dtype)

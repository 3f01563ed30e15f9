"""Muon (Jordan et al. 2024): momentum whose matrix is made orthogonal before each step.

PyTorch has one, too, but it multiplies in bfloat16 everywhere, and on a processor that does not do so natively that
takes longer than all the rest of a step.
"""

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
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                slots = self.state[matrix]
                if not slots:
                    slots["momentum_buffer"] = torch.zeros_like(matrix)
                memory = slots["momentum_buffer"]
                memory.lerp_(matrix.grad, 1 - group["momentum"])
                pull = matrix.grad.lerp(memory, group["momentum"])
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(orthogonal(pull), alpha=-0.2 * max(matrix.shape) ** 0.5 * group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """Return roughly U V^T of `matrix` = U S V^T, in the precision that the device is fast in."""
    dtype = torch.bfloat16 if multiplies_bfloat16(matrix.device) else torch.float32
    tall = matrix.shape[0] > matrix.shape[1]
    found = (matrix.T if tall else matrix).to(dtype)
    found = found / found.norm().clamp_min(1e-7)
    linear, cubic, quintic = QUINTIC
    for _ in range(ROUNDS):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=cubic, alpha=quintic), found, beta=linear)
    return (found.T if tall else found).to(matrix.dtype)

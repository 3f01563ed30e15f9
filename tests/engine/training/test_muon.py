"""Muon: the step that PyTorch's own takes, in whatever precision the processor is fast in."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.muon import Muon, orthogonal


@given(rows=st.integers(2, 40), columns=st.integers(2, 40), seed=st.integers(0, 2**16), size=st.floats(1e-3, 1e3))
@settings(max_examples=25)
def test_an_orthogonal_matrix_pulls_in_all_directions_alike(rows: int, columns: int, seed: int, size: float) -> None:
    """Whatever a gradient's size, its orthogonal form has the same directions, none longer than 1.3."""
    matrix = size * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    found = orthogonal(matrix)
    assert found.shape == matrix.shape
    assert float(torch.linalg.matrix_norm(found, 2)) < 1.3
    assert float((found * matrix).sum()) > 0


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (16, 16)])
def test_steps_are_those_of_pytorch(shape: tuple[int, int]) -> None:
    """Over several gradients both optimisers take a matrix to the same place, but for bfloat16's rounding."""
    generator = torch.Generator().manual_seed(1)
    own, other = (torch.nn.Parameter(torch.ones(shape)) for _ in range(2))
    optimizers = (
        Muon([own], lr=0.01, weight_decay=0.01),
        torch.optim.Muon([other], lr=0.01, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(6):
        own.grad = torch.randn(shape, generator=generator)
        other.grad = own.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    own, other = own.detach(), other.detach()
    moved = float((own - 1).abs().mean())
    assert float((own - other).abs().mean()) < 0.03 * moved

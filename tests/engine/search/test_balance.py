"""Losses of any size pull alike once they are balanced."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.search.balance import Balance, pull_at, urgency
from engine.search.objective import Objective


@given(steep=st.floats(1e-3, 1e3), seed=st.integers(3, 99))
def test_balanced_losses_have_gradients_of_length_1(steep: float, seed: int, toys: Any) -> None:
    """Whatever the losses' units; the pull of both is the sum of two unit vectors, weighted by their urgency."""
    goals = (toys.goal("strong", toys.noise(1), steep=steep), toys.goal("weak", toys.noise(2)))
    objective, latent = Objective(goals), toys.noise(seed).requires_grad_()
    evaluation = toys.evaluation(objective, latent)
    scales = Balance().scales({}, evaluation, latent, 0)
    expected = 0
    for goal in goals:
        loss = toys.evaluation(objective, latent).losses[goal.name]
        (gradient,) = torch.autograd.grad((scales[goal.name] * loss).sum(), latent)
        torch.testing.assert_close(gradient.flatten(1).norm(dim=1), torch.ones(2, dtype=torch.float64))
        expected = expected + gradient * urgency(evaluation.distances[goal.name])[:, None, None]
    pull, _ = pull_at(latent, objective, evaluation, scales)
    torch.testing.assert_close(pull, expected)


def test_scales_are_kept_between_measurements(toys: Any) -> None:
    """They are measured at the first step and at every sixth; a single loss has none."""
    goals = (toys.goal("a", toys.noise(1)), toys.goal("b", toys.noise(2)))
    latent = toys.noise(3).requires_grad_()
    first = Balance(every_steps=6).scales({}, toys.evaluation(Objective(goals), latent), latent, 4)
    moved = toys.noise(4).requires_grad_()
    later = [Balance(every_steps=6).scales(first, toys.evaluation(Objective(goals), moved), moved, i) for i in (5, 6)]
    assert later[0] is first
    assert not torch.equal(later[1]["a"], first["a"])
    assert Balance().scales({}, toys.evaluation(Objective(goals[:1]), latent), latent, 0) == {}


def test_without_scales_the_pull_is_the_weighted_sums_gradient(toys: Any) -> None:
    """As in the papers; the height is the sum itself."""
    wanted = toys.noise(1)
    objective, latent = Objective((toys.goal("a", wanted, weight=3.0),)), toys.noise(2).requires_grad_()
    pull, height = pull_at(latent, objective, toys.evaluation(objective, latent), {})
    torch.testing.assert_close(pull, 3 * 2 * (latent - wanted).detach() / wanted[0].numel())
    torch.testing.assert_close(height, 3 * (latent - wanted).square().mean((1, 2)).detach())


def test_urgency_is_bounded() -> None:
    """A goal within its tolerance still pulls, and a far one not without limit."""
    assert urgency(torch.tensor([0.0, 1.0, 500.0])).tolist() == pytest.approx([0.3, 1.0, 4.0])

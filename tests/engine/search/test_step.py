"""The step rule, and everything that decides the length of a step."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.search.step import Easing, Moments, Pace, Padam, StepSize, TrustRegion

ONE = torch.ones(2, dtype=torch.float64)


def test_fully_adaptive_it_is_adam(toys: Any) -> None:
    """Against torch.optim.Adam over ten gradients of a quadratic, from the same start."""
    wanted, start = toys.noise(1), toys.noise(2)
    theirs = start.clone().requires_grad_()
    adam = torch.optim.Adam([theirs], lr=0.05, betas=(0.9, 0.999))
    ours, moments, rule = start.clone(), Moments.fresh(start), Padam(betas=(0.9, 0.999), adaptivity=1.0)
    for count in range(1, 11):
        adam.zero_grad()
        (theirs - wanted).square().sum().backward()
        adam.step()
        size = torch.full((2, 1, 1), 0.05, dtype=torch.float64)
        moments, way = rule.move(moments, 2 * (ours - wanted), count, size)
        ours = ours - way
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-6, atol=1e-6)


@given(scale=st.floats(1e-3, 1e3), adaptivity=st.floats(0, 1))
def test_the_way_does_not_depend_on_the_gradients_size(scale: float, adaptivity: float, toys: Any) -> None:
    """A loss in other units leads the same way."""
    gradient, rule = toys.noise(3), Padam(adaptivity=adaptivity)
    size = ONE[:, None, None]
    ways = [rule.move(Moments.fresh(gradient), by * gradient, 1, size)[1] for by in (1.0, scale)]
    torch.testing.assert_close(ways[0], ways[1], rtol=1e-3, atol=1e-4)


@given(distance=st.floats(0, 1e6), weight=st.floats(0, 2), rate=st.floats(0.2, 1))
def test_a_step_is_its_factors_product(distance: float, weight: float, rate: float) -> None:
    """Learning rate, nearness of the target, the anchor's weight and the pace; the papers' size is the rate alone."""
    eased = StepSize(learning_rate=0.035, easing=Easing()).at(distance, weight, rate * ONE)
    plain = StepSize(learning_rate=0.035).at(distance, weight, rate * ONE)
    assert 0.2 * plain[0] <= eased[0] * (1 + 1e-12)
    assert eased[0] <= plain[0] * (1 + 1e-12)
    assert float(plain[0]) == pytest.approx(0.035 * (1 + 2 * weight) * rate)
    if distance >= 20:
        assert torch.equal(eased, plain)


@given(totals=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30))
def test_the_pace_slows_down_when_the_total_gets_worse(totals: list[float]) -> None:
    """By the factor 0.6, at a total more than a fifth worse; else it grows back; it stays within 0.2 to 1."""
    pace, before = Pace.fresh(torch.zeros(1, 2, dtype=torch.float64)), math.inf
    for total in totals:
        after = pace.after_surrogate(torch.tensor([total], dtype=torch.float64))
        rate, expected = float(after.rate), 0.6 if total > 1.2 * before else 1.05
        assert rate == pytest.approx(min(max(expected * float(pace.rate), 0.2), 1.0))
        pace, before = after, total


def test_a_verification_starts_a_new_comparison() -> None:
    """The corrected surrogate is another one: its first total is compared with nothing, the exact ones with theirs."""
    one, ten = torch.tensor([1.0]), torch.tensor([10.0])
    pace = Pace.fresh(torch.zeros(1, 2)).after_surrogate(one).after_verification(one)
    assert float(pace.after_surrogate(ten).rate) == 1
    assert float(pace.after_verification(ten).rate) == pytest.approx(0.6)


@given(off=st.floats(0.01, 1), size=st.floats(0.001, 10), seed=st.integers(0, 99))
def test_a_trusted_step_does_not_leap_over_its_target(off: float, size: float, seed: int, toys: Any) -> None:
    """Down the slope of a sum of squares, any step ends no farther off than it began, where the target is its zero."""
    wanted = toys.noise(seed)
    away = off * toys.noise(seed + 1)
    height, gradient = away.square().sum((1, 2)), 2 * away
    cut = TrustRegion().cut(size * gradient, gradient, height, distance=1e9 * ONE)
    left = (wanted + away - cut - wanted).flatten(1).norm(dim=1)
    assert (left <= away.flatten(1).norm(dim=1) * (1 + 1e-6)).all()


def test_a_short_step_is_left_alone(toys: Any) -> None:
    """The region only cuts off."""
    gradient = toys.noise(1)
    way = 1e-6 * gradient
    assert torch.equal(TrustRegion().cut(way, gradient, ONE, distance=5 * ONE), way)

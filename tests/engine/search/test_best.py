"""The best so far is kept item by item, and never gets worse."""

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.search.best import Best

Judged = st.lists(
    st.tuples(st.lists(st.floats(0, 9), min_size=2, max_size=2), st.lists(st.floats(0, 3), min_size=2, max_size=2)),
    min_size=1,
    max_size=8,
)


@given(judged=Judged)
def test_the_best_is_within_the_tolerances_first_and_lowest_then(judged: Any, toys: Any) -> None:
    """Of any sequence of evaluations each item keeps the first that no other beats."""
    best = Best.fresh(torch.zeros(2, 1, 1, dtype=torch.float64))
    for index, (total, far) in enumerate(judged):
        best = best.updated(torch.full((2, 1, 1), float(index), dtype=torch.float64), toys.judged(total, far))
    for item in range(2):
        ranked = [(far[item] > 1, total[item], index) for index, (total, far) in enumerate(judged)]
        beyond, total, index = min(ranked)
        assert float(best.noise[item]) == index
        assert float(best.total[item]) == total
        assert bool(best.reached[item]) is not beyond


def test_nothing_is_reached_before_the_first_evaluation() -> None:
    """Any finite total is better than none."""
    best = Best.fresh(torch.zeros(3, 2))
    assert not best.reached.any()
    assert torch.isinf(best.total).all()

"""The engine's memory: growth beyond all use is noticed once, and what stays counts as usual."""

from hypothesis import given
from hypothesis import strategies as st

from engine.service.workers.memory import MemoryWatch


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=30), st.integers(1, 200))
def test_only_growth_beyond_the_limit_is_noticed(sizes: list[int], limit: int) -> None:
    """Whatever the sizes: it is said only above the usual size and the limit, and never twice of one size."""
    now = sizes[0]
    watch = MemoryWatch(limit, lambda: now)
    for now in sizes:
        if watch.has_swollen():
            assert now > sizes[0] + limit
            assert not watch.has_swollen()

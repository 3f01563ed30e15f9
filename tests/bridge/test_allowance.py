"""An allowance lets so many through a second and no more."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.allowance import Allowance


@given(st.integers(1, 60), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_second_has_more_than_twice_its_share(per_second: int, pauses: list[float]) -> None:
    """However they come: in any second there are at most the store and what came back meanwhile."""
    allowance, now, taken = Allowance(per_second), 0.0, []
    for pause in pauses:
        now += pause
        if allowance.take(now):
            taken.append(now)
    for first in taken:
        assert sum(first <= one < first + 1 for one in taken) <= 2 * per_second


def test_what_was_used_up_comes_back() -> None:
    """After a second of quiet all of it is there again."""
    allowance = Allowance(3)
    assert [allowance.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take(1.0) for _ in range(4)] == [True, True, True, False]

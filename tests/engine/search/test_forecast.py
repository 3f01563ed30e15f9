"""How much time is left, told by a clock of our own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.search.forecast import Forecast

SECONDS = st.floats(0.01, 3)


def told(forecast: Forecast, costs: list[tuple[float, bool]], sound: float, falls: float, first: float) -> list[float]:
    """Make the steps of `costs` (seconds, verified) and return, after each, the estimate over the truth."""
    now, shares = 0.0, []
    end = sum(seconds for seconds, _ in costs) + sound
    for index, (seconds, exact) in enumerate(costs):
        now += seconds
        distance = first * falls**index
        over = index == len(costs) - 1
        forecast.step(index, now, exact=exact, distances={"intensity": distance, "melody": 0.5}, over=over)
        shares.append(forecast.seconds_left / (end - now))
    return shares


@given(SECONDS, st.floats(1.5, 3), st.integers(3, 60), st.floats(0.9, 1.1), st.integers(1, 4))
def test_a_counted_search_is_never_off_by_more_than_a_third(
    step: float, ratio: float, steps: int, sound: float, takes: int
) -> None:
    """After two steps the estimate holds the steps, the verifications among them, and the sound of every take."""
    verified = ratio * step
    exact = [index % 6 == 0 or index == steps for index in range(steps + 1)]
    costs = [(verified if due else step, due) for due in exact]
    forecast = Forecast(0.0, steps, takes=takes, verified_every=6, ends_early=False)
    for share in told(forecast, costs, takes * sound * verified, 0.99, 40.0)[1:]:
        assert 2 / 3 <= share <= 4 / 3


@given(SECONDS, st.floats(0.6, 0.9), st.floats(3, 300))
def test_a_search_that_ends_at_its_tolerances_is_foreseen(step: float, falls: float, first: float) -> None:
    """A distance that falls by the same share at each step tells after two steps when it will be one tolerance."""
    steps = math.ceil(math.log(1 / first) / math.log(falls)) + 1
    forecast = Forecast(0.0, 96)
    shares = told(forecast, [(step, True)] * steps, step, falls, first)
    assert all(2 / 3 <= share <= 4 / 3 for share in shares[1:])


@given(SECONDS, st.floats(1, 60), st.integers(3, 20))
def test_kernels_that_are_loaded_first_are_no_measure(step: float, cold: float, steps: int) -> None:
    """A first step that takes a minute more does not make the rest look longer than some steps."""
    forecast = Forecast(0.0, steps, verified_every=96, ends_early=False)
    for index in range(2):
        now = cold + (index + 1) * step
        forecast.step(index, now, exact=not index, distances={"melody": 9.0}, over=False)
    assert forecast.seconds_left <= (steps - 2) * step + 2 * 3 * step + 1e-6


def test_a_limit_is_the_end() -> None:
    """A search that may take ten seconds has no more than what is left of them before it."""
    forecast = Forecast(0.0, 96, limit_seconds=10.0)
    for index in range(3):
        forecast.step(index, 3.0 * (index + 1), exact=True, distances={"melody": 50.0}, over=False)
    assert forecast.seconds_left == pytest.approx(1.0 + 3.0)

"""How much time is left, told by a clock of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.search.forecast import Forecast
from engine.search.report import UNKNOWN_SECONDS

SECONDS = st.floats(0.01, 3)


def told(forecast: Forecast, costs: list[tuple[float, bool]], sound: float) -> list[float]:
    """Make the steps of `costs` (seconds, verified) and return, after each, the estimate over the truth."""
    now, shares, verifications = 0.0, [], 0
    end = sum(seconds for seconds, _ in costs) + sound
    for index, (seconds, verified) in enumerate(costs):
        now += seconds
        verifications += verified
        forecast.step(index, now, verifications=verifications, over=index == len(costs) - 1)
        shares.append(forecast.seconds_left / (end - now))
    return shares


@given(SECONDS, st.floats(1.5, 3), st.integers(3, 60), st.floats(0.9, 1.1), st.integers(1, 4))
def test_a_counted_search_is_never_off_by_more_than_a_third(
    step: float, ratio: float, steps: int, sound: float, sounds: int
) -> None:
    """After two steps the estimate holds the steps, the verifications among them, and the sound of every take."""
    verified = ratio * step
    due = [index % 6 == 0 or index == steps for index in range(steps + 1)]
    costs = [(verified if one else step, one) for one in due]
    forecast = Forecast(0.0, steps, sounds=sounds, verified_every=6)
    for share in told(forecast, costs, sounds * sound * verified)[1:]:
        assert 2 / 3 <= share <= 4 / 3


@given(SECONDS, st.integers(4, 90), st.floats(0.9, 1.1))
def test_a_search_of_usual_length_is_foreseen(step: float, usual: int, sound: float) -> None:
    """A search that ends by its tolerances after the steps that its controls usually take is foreseen from step two."""
    costs = [(step, True)] * usual
    shares = told(Forecast(0.0, 96, usual_steps=usual), costs, sound * step)
    assert all(2 / 3 <= share <= 4 / 3 for share in shares[1 : usual * 2 // 3])


@given(SECONDS, st.integers(4, 60), st.integers(61, 90))
def test_a_search_that_goes_on_for_longer_never_claims_to_be_at_its_end(step: float, usual: int, steps: int) -> None:
    """Past its usual steps the time left is a share of the time spent, until no step is left."""
    forecast = Forecast(0.0, steps, usual_steps=usual)
    for index in range(steps):
        forecast.step(index, (index + 1) * step, verifications=index + 1, over=False)
        assert not index or forecast.seconds_left >= min(steps - index, (index + 1) / 3) * step - 1e-6


@given(SECONDS, st.floats(1, 60), st.integers(3, 20))
def test_kernels_that_are_loaded_first_are_no_measure(step: float, cold: float, steps: int) -> None:
    """A first step that takes a minute more does not make the rest look longer than some steps."""
    forecast = Forecast(0.0, steps, verified_every=96)
    for index in range(2):
        forecast.step(index, cold + (index + 1) * step, verifications=1, over=False)
    assert forecast.seconds_left <= (steps - 1) * step + 2 * 3 * step


def test_a_verification_without_a_waveform_is_one_too() -> None:
    """Whether a step was verified is told by the count, so that the steps between are not taken for longer ones."""
    costs = [(1.0, True), (0.1, False), (0.1, False), (0.5, True), (0.1, False), (0.1, False)]
    forecast, now = Forecast(0.0, 96, usual_steps=12, verified_every=3), 0.0
    for index, (seconds, _) in enumerate(costs):
        now += seconds
        forecast.step(index, now, verifications=1 + index // 3, over=False)
    assert forecast.seconds_left == pytest.approx(6 * (0.1 + 0.4 / 3) + 0.5, rel=0.35)


def test_a_limit_is_the_end() -> None:
    """A search that may take ten seconds has no more than what is left of them before it."""
    forecast = Forecast(0.0, 96, limit_seconds=10.0)
    for index in range(3):
        forecast.step(index, 3.0 * (index + 1), verifications=index + 1, over=False)
    assert forecast.seconds_left == pytest.approx(1.0 + 3.0)


def test_before_a_second_step_nobody_knows() -> None:
    """The first step loads kernels; told from it, half a minute was left where four seconds were."""
    forecast = Forecast(0.0, 96, usual_steps=20)
    forecast.step(0, 3.0, verifications=1, over=False)
    assert forecast.seconds_left == UNKNOWN_SECONDS
    forecast.step(1, 3.1, verifications=1, over=False)
    assert forecast.seconds_left > 0

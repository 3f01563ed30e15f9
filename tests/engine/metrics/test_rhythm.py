"""The onset detector finds hits where they are, and F1 is mir_eval's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.metrics import rhythm

RATE = 44_100


def hits(times: Any, seconds: float = 4.0, kind: str = "click") -> np.ndarray[Any, Any]:
    """Return a loop with a hit at each time, over a quiet floor."""
    draws = np.random.default_rng(0)
    loop = 1e-4 * draws.normal(size=round(seconds * RATE))
    time = np.arange(round(0.15 * RATE)) / RATE
    for at in times:
        hit = {
            "click": draws.normal(size=len(time)) * np.exp(-time / 0.01),
            "kick": np.sin(2 * np.pi * 55 * time) * np.exp(-time / 0.03),
            "pluck": sum(np.sin(2 * np.pi * 330 * k * time) / k for k in range(1, 7)) * np.exp(-time / 0.03),
        }[kind]
        loop[(round(at * RATE) + np.arange(len(time))) % len(loop)] += 0.3 * hit * (1 - time / time[-1])
    return loop


def lateness(sound: np.ndarray, times: np.ndarray) -> float:
    """Return by how many seconds the hits that are found are late, in the mean."""
    found = rhythm.onset_times(sound, RATE, circular=True)
    return float(rhythm.matched(found, times, rhythm.WIDE_SECONDS, len(sound) / RATE).mean())


@pytest.mark.parametrize("kind", ["click", "kick", "pluck"])
def test_hits_are_found_to_the_millisecond(kind: str) -> None:
    """All of them, none besides, within 4 ms, round the wrap too."""
    times = np.array([0.0, 0.31, 0.77, 1.2, 1.9, 2.55, 3.1, 3.9])
    found = rhythm.compare(hits(times, kind=kind), RATE, times, circular=True)
    assert found.f1_tight == 1
    assert lateness(hits(times, kind=kind), times) == pytest.approx(0, abs=0.004)


def test_silence_has_no_hits() -> None:
    """Nor has a steady tone."""
    steady = 0.1 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)
    assert len(rhythm.onset_times(np.zeros(RATE), RATE, circular=True)) == 0
    assert len(rhythm.onset_times(steady, RATE, circular=True)) == 0
    assert rhythm.f1(np.zeros(0), np.zeros(0), 0.025, 4.0) == 1


@pytest.mark.parametrize("number", [2, 4, 8])
def test_ripples_between_few_hits_are_not_hits(number: int) -> None:
    """However few the hits are: what rises a twentieth as much in between stays what it is."""
    times = np.arange(number) * 4 / number + 0.1
    ripples = np.setdiff1d(np.arange(40) / 10, times) + 0.037
    soft = 0.003 * hits(ripples, kind="pluck")
    assert len(rhythm.onset_times(soft, RATE, circular=True)) > number  # alone they are heard
    found = rhythm.onset_times(hits(times) + soft, RATE, circular=True)
    assert rhythm.f1(found, times, 0.025, 4.0) == 1


def test_late_hits_count_wide_and_not_tight() -> None:
    """40 ms late is within 70 ms and outside 25 ms, and each is late by that."""
    times = np.array([0.5, 1.0, 1.6, 2.3, 3.0])
    found = rhythm.compare(hits(times + 0.04), RATE, times, circular=True)
    assert (found.f1, found.f1_tight) == (1, 0)
    assert lateness(hits(times + 0.04), times) == pytest.approx(0.04, abs=0.004)


@example(found=[0.25], wanted=[0.18])
@given(st.lists(st.floats(0, 3.99), min_size=1, max_size=12), st.lists(st.floats(0, 3.99), min_size=1, max_size=12))
@settings(max_examples=60)
def test_f1_is_symmetric_and_bounded(found: list[float], wanted: list[float]) -> None:
    """Found and wanted may change places, and a hit is matched at most once."""
    one, other = np.array(found), np.array(wanted)
    score = rhythm.f1(one, other, 0.07, 4.0)
    assert 0 <= score <= 1
    assert score == pytest.approx(rhythm.f1(other, one, 0.07, 4.0))
    assert len(rhythm.matched(one, other, 0.07, 4.0)) <= min(len(one), len(other))


def test_matching_goes_round_the_wrap_only_for_loops() -> None:
    """A hit 5 ms before the end is 15 ms from one 10 ms after the start, in a circle."""
    late, early = np.array([3.995]), np.array([0.010])
    assert rhythm.f1(late, early, 0.025, 4.0) == 1
    assert rhythm.f1(late, early, 0.025, None) == 0

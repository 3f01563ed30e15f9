"""The takes of a request in groups: the time left."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.search.report import UNKNOWN_SECONDS
from engine.takes import groups as module
from engine.takes.groups import TakeGroups


def test_the_time_left_counts_the_searches_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each as long as those before it; the last has only its own sound left, and before the first nothing is known."""
    three = cast(Any, (SimpleNamespace(noise=[0]),) * 3)
    groups = TakeGroups(groups=three, states=[], started=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: 10.0)
    assert groups.seconds_left(0) == UNKNOWN_SECONDS
    groups.place, groups.sound_seconds = 1, 0.5
    assert groups.seconds_left(0) == 0.5 + 10.0 / 2
    groups.place = 2
    assert groups.seconds_left(0) == 0.5


def test_takes_that_are_searched_together_are_turned_into_sound_one_by_one() -> None:
    """Of three in one group two are left after the first."""
    groups = TakeGroups(groups=cast(Any, (SimpleNamespace(noise=[0, 0, 0]),)), states=[], sound_seconds=0.5)
    assert [groups.seconds_left(item) for item in range(3)] == [1.5, 1.0, 0.5]

"""What the control benchmark asks for: every seed's own, the same for every method, and inside the loop."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from benchmarks.quality import tasks
from engine.request import Onsets


@pytest.mark.parametrize("task", tasks.TASKS)
def test_a_seed_asks_the_same_of_every_method(task: str) -> None:
    """Asked twice it is the same request but for its own name; another seed asks for something else."""
    first, again, other = (replace(tasks.request(task, seed), request_id="one") for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", range(8))
def test_a_groove_fills_the_loop_with_its_genres_drums(seed: int) -> None:
    """Strokes lie in the loop, in order, in each of its bars, and some have a drum of their own."""
    target = tasks.groove(seed).target
    assert isinstance(target, Onsets)
    beats = [onset.beat for onset in target.onsets]
    assert all(0 <= beat < tasks.BEATS for beat in beats)
    assert all(one <= other for one, other in pairwise(beats))
    assert {int(beat // 4) for beat in beats} == set(range(tasks.BARS))
    assert {onset.group for onset in target.onsets} - {"any", "perc"}

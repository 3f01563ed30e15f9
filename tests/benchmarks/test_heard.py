"""What --midi writes is compared with the notes that are known."""

from itertools import islice
from pathlib import Path

import pytest

from benchmarks.quality import heard
from benchmarks.rows import Rows
from benchmarks.speed import layers as seconds


def test_a_loop_is_scored_part_by_part(tmp_path: Path) -> None:
    """Of parts that a loop has each figure is a share, better in the stem than by chance; of others there is none."""
    rows = Rows(tmp_path / "heard.json")
    recipe = next(islice(heard.recipes(), 1))
    found = heard.measured(recipe, None)
    assert set(found) == {f"{name} {where}" for name in heard.NAMES for where in heard.WHERE}
    there = {name: value for name, value in found.items() if value is not None}
    assert there
    assert all(0 <= value <= 1 for value in there.values())
    rows.put("0", found)
    rows.put("1", {"kick stem": 1.0, "chords mix": 0.25})
    body = {row[0]: row[1:] for row in heard.table(rows).body}
    kicks = [value for value in (found["kick stem"], 1.0) if value is not None]
    assert body["kick"][0] == f"{sum(kicks) / len(kicks):.2f}"
    assert body["chords, %"][1].endswith(" %")


def test_seconds_of_layers_stand_beside_the_full_mix(tmp_path: Path) -> None:
    """Each number of layers has its mean, its range and how many times the full mix it takes; a missed bar is bold."""
    rows = Rows(tmp_path / "layers.json")
    for name, took in (("full mix", 0.5), ("four layers", 1.3)):
        for seed in range(2):
            rows.put(f"two cores, bfloat16/{name}/{seed}", {"seconds": took + seed / 10, "processor_seconds": took})
    body = {row[1]: row[2:] for row in seconds.table(rows).body}
    assert body["full mix"] == ["0.550 (0.500-0.600)", "0.500", "1.00"]
    assert body["four layers"] == ["**1.35** (1.30-1.40)", "1.30", "2.60"]
    assert body["three layers"] == ["", "", ""]
    assert not seconds.MAX_SECONDS[False].met(1.7)


@pytest.mark.parametrize("group", sorted(heard.PIECES))
def test_groups_name_pieces_of_the_kit(group: str) -> None:
    """No piece belongs to two groups."""
    others = set().union(*(pieces for name, pieces in heard.PIECES.items() if name != group))
    assert not heard.PIECES[group] & others

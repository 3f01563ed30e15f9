"""What the benchmark of replays asks for, and that it goes on where it stopped."""

from pathlib import Path

import pytest

from benchmarks.quality import replays
from benchmarks.rows import Rows
from benchmarks.service import parts
from bridge.requests.fields import is_known


def test_every_kind_is_asked_for_by_settings_that_there_are() -> None:
    """No kind names a setting that the reader would refuse."""
    names = {name for settings in replays.kinds().values() for name in settings}
    assert [name for name in names if not is_known(name)] == []


def test_a_take_that_does_not_come_back_is_counted(tmp_path: Path) -> None:
    """One of three that differs makes two thirds."""
    rows = Rows(tmp_path / "rows.json")
    rows.put("words/0", {"takes": 1, "from_take": 1, "replayed": 1})
    rows.put("several/1", {"takes": 2, "from_take": 1, "replayed": 2})
    found = replays.summary(rows)
    assert found["from the take, %"] == pytest.approx(200 / 3)
    assert found["replayed, %"] == 100


def test_a_long_run_goes_on_with_its_next_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its second part, it does not measure the first again; growth counts within one process only."""
    monkeypatch.setattr(parts, "WORK", tmp_path)
    asked: list[int] = []
    measured: list[int] = []

    def measure(part: int) -> dict[str, list[float]]:
        asked.append(part)
        if asked == [0, 1]:
            raise RuntimeError("stopped")
        measured.append(part)
        return {"memory_mb": [100.0 + part, 50.0]}

    with pytest.raises(RuntimeError, match="stopped"):
        parts.in_parts("soak", 3, measure, publish=False, run="first")
    rows = parts.in_parts("soak", 3, measure, publish=False, run="second")
    assert measured == [0, 1, 2]
    assert [row["process"] for row in rows] == ["first", "second", "second"]
    assert parts.growth_mb(rows, "memory_mb") == [1.0, 0.0]

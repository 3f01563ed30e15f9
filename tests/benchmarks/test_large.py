"""Steps through models that are too large to run are counted."""

from pathlib import Path

import pytest

from benchmarks.rows import Rows
from benchmarks.speed import large


def test_recomputing_trades_operations_for_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Counted over two steps, recomputing takes half as many operations again, and less memory."""
    pytest.importorskip("diffusers")
    monkeypatch.setattr(large, "STEPS", 2)
    monkeypatch.setattr(large, "SIZES", (1,))
    kinds = {kind: large.counted(1, checkpoint=checkpoint) for kind, checkpoint in large.KINDS.items()}
    own, plain = kinds["recomputed"], kinds["plain"]
    assert own["operations"] == pytest.approx(1.5 * plain["operations"])
    assert own["bytes"] < plain["bytes"]
    assert own["weights"] == plain["weights"]
    rows = Rows(tmp_path / "rows.json")
    assert {line[3] for line in large.table(rows).body} == {"not yet run"}
    for kind, row in kinds.items():
        rows.put(f"counted/1/{kind}", row)
    rows.put("measured/1/plain", {"bytes": 1.1 * plain["bytes"], "seconds": 2.0, "millions": plain["millions"]})
    assert [line[5] for line in large.table(rows).body] == ["", "1.1"]

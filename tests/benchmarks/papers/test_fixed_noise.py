"""What a noise fixes."""

from benchmarks.papers import fixed_noise
from benchmarks.rows import Rows
from engine.models.testing import TinyModel


def test_loops_of_one_noise_are_more_alike(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """On the toy model, too, ten prompts over one noise differ less in level and structure than over ten."""
    row = fixed_noise.measured(TinyModel(), 1, 2)
    assert set(row) == set(fixed_noise.FEATURES)
    assert row["level"] < 0.9
    assert row["structure"] < 0.9
    rows = Rows(tmp_path / "rows.json")
    rows.put("1", row)
    assert len(fixed_noise.table(rows).body) == len(fixed_noise.FEATURES)

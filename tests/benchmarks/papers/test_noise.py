"""What one noise fixes, and what a search over it reaches."""

from pathlib import Path

import pytest
import torch

from benchmarks.papers.noise import fixed, ripples, toy
from benchmarks.quality import tasks
from benchmarks.rows import Rows
from engine.models.testing import TinyModel
from engine.pocket.model import load_pocket
from engine.settings import Settings


def test_loops_of_one_noise_are_more_alike(tmp_path: Path) -> None:
    """On the toy model, too, ten prompts over one noise differ less in level and structure than over ten."""
    row = fixed.measured(TinyModel(), 1, 2)
    assert set(row) == set(fixed.FEATURES)
    assert row["level"] < 1
    assert row["structure"] < 1
    rows = Rows(tmp_path / "rows.json")
    rows.put("0", row)
    assert len(fixed.table(rows).body) == len(fixed.FEATURES)


def test_some_batches_of_the_toy_are_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow that has learned little still makes loops of one noise more alike than loops of ten."""
    monkeypatch.setattr(toy, "GROUP", 10)
    rows = Rows(tmp_path / "rows.json")
    assert {line[2] for line in toy.table(rows).body} == {"not yet run"}
    rows.put("0", toy.measured(toy.trained_flow(20), 0))
    assert [line[1] for line in toy.table(rows).body] == ["10"] * 4
    assert all(0 <= toy.shares(rows, name)[0] < 1 for name in toy.FEATURES)


def test_a_form_is_seen_in_the_toys_structure() -> None:
    """Sections that repeat are alike whatever their level, and those that do not are not."""
    draws = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, toy.BANDS, toy.FRAMES // toy.SECTIONS, generator=draws)
    alike = toy.features(torch.cat([one, other, one + 3, other], 1))["structure"].view(4, 4)
    assert alike[0, 2] == pytest.approx(1, abs=1e-5)
    assert alike[0, 1] < 0.9


def test_the_share_of_a_ripple_is_found() -> None:
    """Levels with half of a ripple have a half of it, wherever they are heard, and none of another ripple."""
    model = load_pocket(Settings(dtype="float32"))
    scene = model.scene(tasks.base(0))
    with torch.no_grad():
        spectrum = model.listen(torch.zeros(1, *scene.noise_shape), scene)
    own, wanted = ripples.level_db(spectrum), ripples.ripple(spectrum, 4, 0)
    heard = torch.rand(own.shape, generator=torch.Generator().manual_seed(0)) < 0.9
    assert ripples.written(own + wanted / 2, own, wanted, heard) == pytest.approx(0.5)
    assert abs(ripples.written(own + ripples.ripple(spectrum, 8, 0), own, wanted, heard)) < 0.05


def test_a_search_writes_a_slow_ripple(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps write much of a slow ripple; the table has a line for each ripple."""
    monkeypatch.setattr(ripples, "STEPS", 4)
    rows = Rows(tmp_path / "rows.json")
    assert {line[3] for line in ripples.table(rows).body} == {"not yet run"}
    row = ripples.measured(load_pocket(Settings(dtype="float32")), 0.5, 0, 0)
    assert row["written"] > 0.2
    rows.put("0.5/0/0", row)
    assert ripples.table(rows).body[0][3] != "not yet run"

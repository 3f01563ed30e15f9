"""Training the learned first step: one stage may begin where another ended."""

from pathlib import Path

import pytest

from engine.controls import FeatureKind
from engine.pocket.first_step import FirstStep
from engine.pocket.layered import LayeredPocket, load_layered
from engine.settings import Settings
from engine.training.first_step import Recipe, Trainer


@pytest.fixture(scope="module")
def model() -> LayeredPocket:
    return load_layered(Settings())


def test_a_stage_knows_its_own_controls(model: LayeredPocket, tmp_path: Path) -> None:
    """What was learnt for all controls goes on for an intensity alone, and then says that it knows no other."""
    Trainer(Recipe(minutes=1), model, tmp_path / "all").save(1.0)
    recipe = Recipe(minutes=1, controls=("intensity",))
    begun = Trainer(recipe, model, tmp_path / "one", tmp_path / "all")
    begun.export(tmp_path)
    assert (read := FirstStep.load(tmp_path)) is not None
    assert read.trained_on == begun.network.trained_on == {FeatureKind.LEVEL}


def test_a_stage_goes_on_with_its_own_state(model: LayeredPocket, tmp_path: Path) -> None:
    """The same command once more takes the stage's own state, not the one that it began with."""
    Trainer(Recipe(minutes=1), model, tmp_path / "all").save(1.0)
    first = Trainer(Recipe(minutes=1), model, tmp_path / "one", tmp_path / "all")
    first.step = 7
    first.save(1.0)
    assert Trainer(Recipe(minutes=1), model, tmp_path / "one", tmp_path / "all").step == 7

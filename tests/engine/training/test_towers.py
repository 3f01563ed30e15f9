"""The towers at toy size: they learn which words belong to which loop, apart from each other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.pocket.bands import FLOOR
from engine.pocket.condition import WORD_SLOTS
from engine.pocket.towers import GuideTower, JudgeTower, load_towers
from engine.training.towers import (
    FRAMES,
    MAX_GAIN_DB,
    MAX_SWELL_DB,
    Excerpts,
    at_levels,
    contrast,
    level_curve,
    train,
)


def test_each_tower_hears_its_own_half(shards: Path) -> None:
    """No loop is in both halves, and excerpts have the length that was promised."""
    first, second = (Excerpts(shards, 0.5, first=side) for side in (True, False))
    assert len(first.loops) == len(second.loops) == 4
    assert not any(np.array_equal(one[0], other[0]) for one in first.loops for other in second.loops)
    sounds, words = first.draw(3, np.random.default_rng(0))
    assert sounds.shape == (3, FRAMES, 295)
    assert words.shape == (3, WORD_SLOTS)
    assert (words.sum(1) > 0).all()


@given(st.integers(0, 2**32 - 1))
def test_levels_change_and_nothing_else(seed: int) -> None:
    """Under a curve of levels each band moves by that level, and nothing falls below the floor of what is heard."""
    generator = np.random.default_rng(seed)
    gain_db = level_curve(FRAMES, generator)
    assert np.abs(gain_db).max() <= MAX_GAIN_DB + MAX_SWELL_DB / 2
    assert np.abs(np.diff(gain_db)).max() < 1.0  # no step that a hit could be mistaken for
    loud = generator.uniform(3, 6, (FRAMES, 5))  # far enough over the floor at the quietest level
    moved = at_levels(loud, gain_db)
    assert np.allclose(moved - loud, gain_db[:, None] * np.log(10) / 10, atol=0.02)
    assert np.allclose(at_levels(np.full((FRAMES, 5), np.log(FLOOR)), gain_db), np.log(FLOOR), atol=0.01)


@pytest.mark.parametrize("tower", [GuideTower, JudgeTower])
def test_a_tower_learns_and_is_kept(shards: Path, tmp_path: Path, tower: type) -> None:
    """After a few seconds the loops that it has met fit their words better, and it comes back from its file."""
    torch.manual_seed(0)
    made = tower(width=32)
    excerpts = Excerpts(shards, 1.0, first=True)
    sounds, words = excerpts.draw(8, np.random.default_rng(9))
    before, _ = contrast(made, sounds, words)
    train(made, excerpts, 2 / 60, 0, batch=8)
    after, _ = contrast(made, sounds, words)
    assert after.item() < before.item()
    made.half().save(tmp_path)
    again = tower.load(tmp_path)
    assert torch.allclose(again.embed_words(words), made.float().embed_words(words), atol=1e-2)


def test_towers_load_together_or_not_at_all(tmp_path: Path) -> None:
    """One tower alone is none: the judge is never missing where the guide is optimised."""
    GuideTower(width=16).save(tmp_path / "guide")
    assert load_towers(tmp_path) is None
    JudgeTower(width=16).save(tmp_path / "judge")
    towers = load_towers(tmp_path)
    assert towers is not None
    assert not any(parameter.requires_grad for parameter in towers.judge.parameters())

"""A few synthesised loops as training sees them, rendered once without any assets."""

from pathlib import Path

import pytest

from engine.training import batches, loops


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two shards of four loops each."""
    folder = tmp_path_factory.mktemp("shards")
    for first in (0, 4):
        loops.render_shard(first, 4, "train", None, folder)
    return folder


@pytest.fixture(scope="session")
def loop_set(shards: Path) -> batches.LoopSet:
    """Return those loops as latents."""
    return batches.LoopSet.load(shards)

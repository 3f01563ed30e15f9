"""What the tests share: one torch thread, quiet hubs, and the optional folder of real material."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real Live sets, MIDI files and loops, which is not part of the repository."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "fixtures").is_dir():
        pytest.skip("the folder of real Live sets and MIDI files is not beside the repository")
    return folder

"""What the command line's tests share: folders of their own, and the shipped melody and curve."""

from pathlib import Path

import pytest

from engine.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point takes, journal and models at the test's own folder."""
    for name in ("home", "takes", "models"):
        monkeypatch.setenv(f"DITTO_{name.upper()}", str(tmp_path / "ditto" / name))


@pytest.fixture
def settings(own_folders: None) -> Settings:
    """Return settings with those folders."""
    return Settings()


@pytest.fixture
def melody() -> str:
    """Return the path of the shipped melody."""
    return str(EXAMPLES / "melody.mid")


@pytest.fixture
def curve() -> str:
    """Return the path of the shipped curve."""
    return str(EXAMPLES / "intensity.json")

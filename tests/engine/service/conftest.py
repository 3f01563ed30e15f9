"""The parts of a queue on a journal of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import Parts


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """Return them without a scheduler; the journal is `tmp_path / "j"`."""
    made = Parts(tmp_path / "j")
    yield made
    made.journal.close()

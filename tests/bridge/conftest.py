"""Running services for the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.testing import Service, make_service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a running service that tests share; requests of different tests do not meet."""
    made = make_service(tmp_path_factory.mktemp("service"))
    try:
        made.start_engine()
        made.start_bridge()
        yield made
    finally:
        made.close()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """Return a running service of its own, for tests that stop or break it."""
    made = make_service(tmp_path)
    try:
        made.start_engine()
        made.start_bridge()
        yield made
    finally:
        made.close()

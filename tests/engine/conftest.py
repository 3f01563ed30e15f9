"""What tests of the engine share: a toy model, and short requests."""

from collections.abc import Iterator

import pytest
import torch
from asking import Asking

from engine.models.testing import TinyModel
from engine.request import CHANCE

torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def usual_seed() -> Iterator[None]:
    """Give every request that names no seed the seed 0: what a test finds it finds again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CHANCE, "randrange", lambda _stop: 0)
        yield


@pytest.fixture(scope="session")
def ask() -> Asking:
    return Asking()


@pytest.fixture(scope="session")
def tiny() -> TinyModel:
    return TinyModel()

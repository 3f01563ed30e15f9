"""What tests of the engine share: a toy model, and short requests."""

import pytest
import torch
from asking import Asking

from engine.models.testing import TinyModel

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def ask() -> Asking:
    return Asking()


@pytest.fixture(scope="session")
def tiny() -> TinyModel:
    return TinyModel()

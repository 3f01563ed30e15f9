"""Embeddings: what the towers are asked, and what is answered where there are none."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from engine.errors import ModelError
from engine.models.protocol import Scene
from engine.pocket.embeddings import Embeddings
from engine.pocket.towers import Towers
from engine.pocket.words import WORD_IDS


class Ear:
    """A tower that hears the mean of each band, and reads words as their count."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self, log_power: Tensor) -> Tensor:
        self.heard += 1
        return torch.nn.functional.normalize(log_power.mean(1), dim=-1)

    def read(self, words: Tensor) -> Tensor:
        return torch.nn.functional.normalize(words[:, :4], dim=-1)


@pytest.fixture
def towers() -> Towers:
    return cast(Towers, SimpleNamespace(guide=Ear(), judge=Ear()))


def scene(said: tuple[int, ...] = (0,)) -> Scene:
    return cast(Scene, SimpleNamespace(inputs=Said(said)))


class Said:
    """Inputs that say some words."""

    __dataclass_fields__ = replace.__kwdefaults__ or {}

    def __init__(self, said: tuple[int, ...]) -> None:
        self.said = said


def bands(*values: float) -> Tensor:
    return torch.tensor(values).expand(1, 8, 4)


def test_without_towers_nothing_is_heard_and_text_says_why() -> None:
    """A character and a distance are left out; a control that needs the towers is refused in a sentence."""
    deaf = Embeddings(None)
    assert deaf.character(bands(1, 0, 0, 0)) is None
    assert deaf.distance(lambda: bands(1, 0, 0, 0), lambda: bands(0, 1, 0, 0), torch.zeros(1), scene()) is None
    with pytest.raises(ModelError, match="towers"):
        deaf.similarity(bands(1, 0, 0, 0), scene(), "warm")

"""Embeddings: what the towers are asked, and what is answered where there are none."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from engine.errors import ModelError
from engine.models.protocol import Scene
from engine.pocket.embeddings import Embeddings
from engine.pocket.scenes import Inputs
from engine.pocket.towers import Towers
from engine.pocket.words import WORD_IDS, WORDS

BANDS = len(WORDS)


class Ear:
    """A tower that hears how loud each band is on average, and reads words as bands: word 0 is the first."""

    def __init__(self) -> None:
        self.heard = 0

    def embed_bands(self, log_power: Tensor) -> Tensor:
        self.heard += 1
        return torch.nn.functional.normalize(log_power.mean(1), dim=-1)

    def embed_words(self, words: Tensor) -> Tensor:
        return torch.nn.functional.normalize(words[:, :BANDS], dim=-1)


@pytest.fixture
def towers() -> Towers:
    return cast(Towers, SimpleNamespace(guide=Ear(), judge=Ear()))


def scene(*said: int) -> Scene:
    nothing = torch.zeros(1, 1)
    made: Any = Inputs(nothing, nothing, nothing, pieces=1, said=said, avoided=False)
    return cast(Scene, SimpleNamespace(inputs=made))


def sound(word: int) -> Tensor:
    """Return a loop of one band: [1, frames, bands]."""
    return torch.nn.functional.one_hot(torch.tensor(word), BANDS).float().expand(1, 8, BANDS)


def test_without_towers_nothing_is_heard_and_text_says_why() -> None:
    """A character and a distance are left out; a control that needs the towers is refused in a sentence."""
    deaf = Embeddings(None)
    assert deaf.character(sound(0)) is None
    assert deaf.distance(lambda: sound(0), lambda: sound(1), torch.zeros(1), scene()) is None
    with pytest.raises(ModelError, match="towers"):
        deaf.similarity(sound(0), scene(), "warm")


def test_a_text_of_its_own_is_read_and_else_the_prompt_counts(towers: Towers) -> None:
    """A loop is one with the words that it sounds like, and nothing with others."""
    ears, drums, bass = Embeddings(towers), WORD_IDS["drums"], WORD_IDS["bass"]
    assert ears.similarity(sound(drums), scene(bass), "drums") == pytest.approx(1)
    assert ears.similarity(sound(drums), scene(bass), "") == pytest.approx(0)
    assert ears.similarity(sound(drums), scene(drums), "") == pytest.approx(1)


def test_the_uncontrolled_loop_is_heard_once_a_noise(towers: Towers) -> None:
    """A redraw of the same noise hears only itself; another noise hears its own uncontrolled loop."""
    ears, judge = Embeddings(towers), cast(Ear, towers.judge)
    noise = torch.randn(1, 4)
    assert ears.distance(lambda: sound(1), lambda: sound(1), noise, scene()) == pytest.approx(0)
    assert judge.heard == 2

    def never() -> Tensor:
        raise AssertionError("it was heard already")

    assert ears.distance(lambda: sound(2), never, noise, scene()) == pytest.approx(2**0.5)
    assert ears.distance(lambda: sound(2), lambda: sound(2), noise + 1, scene()) == pytest.approx(0)
    assert ears.distance(lambda: sound(2), lambda: sound(3), noise, scene()) == pytest.approx(2**0.5)

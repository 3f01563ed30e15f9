"""A take's noise survives as bytes, and nothing else is taken for one."""

import pytest
import torch
from safetensors.torch import save

from engine.errors import BadInputError
from engine.request import LoopRequest, Start
from engine.takes.noise import OpenSeeds, noise_from_bytes, noise_to_bytes, open_seeds


def test_a_takes_noise_comes_back_exactly() -> None:
    """Bit by bit, for the length that it was made for."""
    noise = torch.randn(6, 4)
    assert torch.equal(
        noise_from_bytes(noise_to_bytes(noise, model="tiny", seed=3, open_seeds=OpenSeeds(3, 3)), (6, 4)), noise
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (noise_to_bytes(torch.zeros(6, 5), model="tiny", seed=0, open_seeds=OpenSeeds(0, 0)), "of another length"),
        (save({"noise": torch.full((6, 4), float("nan"))}), "not numbers"),
        (save({"weights": torch.zeros(6, 4)}), "not the stored noise"),
        (b"junk", "not the stored noise"),
    ],
)
def test_a_noise_that_does_not_fit_is_refused(data: bytes, sentence: str) -> None:
    """Another length, other contents, or no noise at all."""
    with pytest.raises(BadInputError, match=sentence):
        noise_from_bytes(data, (6, 4))


@pytest.mark.parametrize("name", ["words_seed", "key_seed"])
@pytest.mark.parametrize("kept", [torch.tensor(-1), torch.tensor(float("nan")), torch.tensor([1, 2])])
def test_a_seed_that_is_none_is_refused(kept: torch.Tensor, name: str) -> None:
    """Nobody's bytes choose words by a negative seed, by no number or by two."""
    noise = save({"noise": torch.zeros(6, 4), name: kept})
    with pytest.raises(BadInputError, match="not the stored noise"):
        open_seeds(LoopRequest(seed=5, start=Start(noise=noise)))


def test_noise_without_a_seed_of_words_takes_the_requests() -> None:
    """A take of another program still starts."""
    noise = save({"noise": torch.zeros(6, 4)})
    assert open_seeds(LoopRequest(seed=5, start=Start(noise=noise))) == OpenSeeds(5, 5)

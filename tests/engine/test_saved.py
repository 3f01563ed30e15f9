"""States and noises survive as bytes, and nothing else is taken for them."""

import pytest
import torch
from safetensors.torch import save

from engine.errors import BadInputError
from engine.request import LoopRequest, Start
from engine.search.state import SavedState
from engine.takes.noise import OpenSeeds, noise_from_bytes, noise_to_bytes, open_seeds


def test_a_state_comes_back_as_it_was() -> None:
    """Tensors, counts, scales and corrections."""
    noise = torch.randn(2, 5, 3)
    state = SavedState(
        iteration=17,
        looks=4,
        looked_at=15,
        noise=noise,
        first_moment=noise + 1,
        second_moment=noise**2,
        best_noise=-noise,
        best_total=torch.tensor([0.5, 2.0]),
        best_reached=torch.tensor([True, False]),
        looked_total=torch.tensor([0.4, 1.0]),
        heard_total=torch.tensor([0.3, 1.5]),
        rate=torch.tensor([1.0, 0.6]),
        scales={"melody": torch.ones(2)},
        corrections={"latent": noise * 3},
    )
    again = SavedState.from_bytes(state.to_bytes())
    assert (again.iteration, again.looks, again.looked_at) == (17, 4, 15)
    assert torch.equal(again.heard_total, state.heard_total)
    assert torch.equal(again.second_moment, state.second_moment)
    assert torch.equal(again.best_reached, state.best_reached)
    assert torch.equal(again.scales["melody"], torch.ones(2))
    assert torch.equal(again.corrections["latent"], noise * 3)


def test_a_state_before_the_first_step_comes_back() -> None:
    """Though some of its tensors are one and the same."""
    noise = torch.randn(1, 5, 3)
    again = SavedState.from_bytes(SavedState.fresh(noise).to_bytes())
    assert torch.equal(again.noise, noise)
    assert torch.equal(again.best_noise, noise)
    assert float(again.heard_total) == float("inf")


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", save({"noise": torch.zeros(2)})])
def test_other_bytes_are_refused(data: bytes) -> None:
    """In a sentence, not with a traceback of the format's library."""
    with pytest.raises(BadInputError, match="not the saved state"):
        SavedState.from_bytes(data)


def test_a_takes_noise_comes_back_exactly() -> None:
    """Bit by bit, for the length that it was made for."""
    noise = torch.randn(6, 4)
    assert torch.equal(
        noise_from_bytes(noise_to_bytes(noise, model="tiny", seed=3, open_seeds=OpenSeeds(3, 3)), (6, 4)), noise
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (noise_to_bytes(torch.zeros(6, 5), model="tiny", seed=0, open_seeds=OpenSeeds(0, 0)), "shape"),
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

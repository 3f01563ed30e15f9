"""Samplers are compared for every kind of prediction."""

import pytest
import torch

from benchmarks.papers import samplers
from benchmarks.papers.samplers import Toy
from benchmarks.rows import Rows
from engine.models.protocol import Schedule
from engine.sampling import sample_ddim, start


@pytest.fixture(scope="module", params=samplers.PREDICTIONS)
def toy(request: pytest.FixtureRequest) -> Toy:
    """A perceptron that has learned a little."""
    return Toy(request.param, 20)


def test_euler_is_ddim(toy: Toy) -> None:
    """The probability flow by Euler's steps is DDIM for every prediction, after the first step from pure noise."""
    schedule, noise = toy.schedule(4), torch.randn(2, samplers.FRAMES, generator=torch.Generator().manual_seed(1))
    euler, ddim = (sampled(toy.denoiser(schedule), noise, schedule) for sampled in (samplers.sample_euler, sample_ddim))
    assert torch.allclose(euler, ddim, atol=1e-4, rtol=1e-4)


def test_the_answer_that_is_right_gives_the_data(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the network answers with the true v, eps or velocity, the estimate of x_0 is the data."""
    schedule = toy.schedule(4)
    draws = torch.Generator().manual_seed(2)
    clean, eps = torch.randn(2, samplers.FRAMES, generator=draws), torch.randn(2, samplers.FRAMES, generator=draws)
    alpha, sigma = float(schedule.alphas[1]), float(schedule.sigmas[1])
    answer = {"v": alpha * eps - sigma * clean, "eps": eps, "flow": eps - clean}[toy.prediction]
    monkeypatch.setattr(toy.network, "forward", lambda *_: answer)
    assert torch.allclose(toy.denoiser(schedule)(alpha * clean + sigma * eps, 1), clean, atol=1e-4)


def test_an_ancestral_sampler_keeps_the_deviation_of_the_data() -> None:
    """With the exact denoiser of N(0, 0.5^2) and eta 1 the loops are as loud as the data; equal noises, equal loops."""
    times = torch.linspace(1, 0, 61, dtype=torch.float64)
    schedule = Schedule(times=times, alphas=(times * torch.pi / 2).cos(), sigmas=(times * torch.pi / 2).sin())
    dice = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, dtype=torch.float64, generator=dice)
    added = torch.randn(60, 4000, dtype=torch.float64, generator=dice)

    def clean(latent: torch.Tensor, i: int) -> torch.Tensor:
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        return alpha * 0.25 / (alpha**2 * 0.25 + sigma**2) * latent

    found = [samplers.sample_ddim_ancestral(clean, start(noise, schedule), schedule, added) for _ in range(2)]
    assert torch.equal(*found)
    assert found[0].std() == pytest.approx(0.5, rel=0.08)


def test_each_row_says_how_the_gradient_is(toy: Toy) -> None:
    """A search through two steps lowers its loss, and says how long and how rough its first gradient was."""
    (row,) = samplers.optimised(toy, [0], "ddim", 2)
    assert row["least"] < row["first"]
    assert row["gradient"] > 0
    assert 0 <= row["rough"] < 1
    assert row["way"] == pytest.approx(1)


@pytest.mark.parametrize("sampler", ["ancestral", samplers.FRESH])
def test_seeds_in_one_batch_do_not_meet(toy: Toy, sampler: str) -> None:
    """Each seed of a batch has the row that it has alone, and other noises point another way."""
    together = samplers.optimised(toy, [3, 4], sampler, 3, steps=4)
    for seed, row in zip((3, 4), together, strict=True):
        (alone,) = samplers.optimised(toy, [seed], sampler, 3, steps=4)
        assert row == pytest.approx(alone, rel=1e-3)
        assert row["way"] < 1


def test_a_cell_that_was_not_run_says_so(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The table has all its lines without rows."""
    assert {line[3] for line in samplers.table(Rows(tmp_path / "rows.json")).body} == {"not yet run"}

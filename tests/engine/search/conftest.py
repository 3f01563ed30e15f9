"""What tests of the search's parts share: goals of which the answer is known, without a model."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.controls import Term
from engine.search.objective import Evaluation, Goal, Objective
from engine.spectrum import Spectrum

FRAMES, CHANNELS = 6, 4


class Toys:
    """Goals on latents [batch, 6, 4], and a spectrum of silence: only the latent counts."""

    shape = (FRAMES, CHANNELS)

    @staticmethod
    def noise(seed: int = 0, batch: int = 2) -> Tensor:
        draws = torch.Generator().manual_seed(seed)
        return torch.randn(batch, FRAMES, CHANNELS, generator=draws, dtype=torch.float64)

    @staticmethod
    def silence(latent: Tensor) -> Spectrum:
        power = torch.full((len(latent), CHANNELS, FRAMES), 1e-9, dtype=latent.dtype)
        return Spectrum(
            power=power,
            frequencies_hz=torch.linspace(100, 1000, CHANNELS, dtype=latent.dtype),
            bins=torch.ones(CHANNELS, dtype=latent.dtype),
            frame_rate_hz=10.0,
            circular=True,
        )

    @staticmethod
    def goal(name: str, wanted: Tensor, *, steep: float = 1.0, weight: float = 1.0, **term: Any) -> Goal:
        """Return the goal to be `wanted`, as `steep` times the mean square of what is lacking."""

        def loss(_spectrum: Spectrum, latent: Tensor) -> Tensor:
            return steep * (latent - wanted).square().mean((1, 2))

        def distance(spectrum: Spectrum, latent: Tensor) -> Tensor:
            return loss(spectrum, latent).detach()

        return Goal(name=name, kind=name, weight=weight, tolerance=1.0, term=Term(loss, distance, **term))

    @classmethod
    def evaluation(cls, objective: Objective, latent: Tensor) -> Evaluation:
        return objective.evaluate(cls.silence(latent), latent)

    @staticmethod
    def judged(total: list[float], farthest: list[float]) -> Evaluation:
        """Return an evaluation of which only the totals and the distances are known."""
        values = torch.tensor(total, dtype=torch.float64)
        latent = values[:, None, None]
        distances = {"goal": torch.tensor(farthest, dtype=torch.float64)}
        spectrum = Toys.silence(latent)
        return Evaluation(latent=latent, spectrum=spectrum, losses={"goal": values}, distances=distances, total=values)


@pytest.fixture(scope="session")
def toys() -> type[Toys]:
    return Toys

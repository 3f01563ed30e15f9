"""Training-free guidance with the same controls: fast, and not as close (FreeDoM, Yu et al. 2023, arXiv:2303.09833).

At every step the gradient of the loss is taken at the state x_t through one denoiser call and the analysis, and the
estimate of x_0 moves down it by a step of normalised length. The cost is the chain's own steps. Deterministic: the
same noise gives the same loop, though not through `decode(sample(noise))` as every other method.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..events import Phase
from ..models.protocol import Model, Sampler, Scene
from ..sampling import DETERMINISTIC, estimate, first_noise, start
from .objective import Objective
from .report import Step
from .state import SearchState

STEPS, JUMPS = 20, 8  # of an ordinary model's chain, and of a two-time model's own
STRENGTH = 1.0  # of the step that would reach the target if the loss were a straight slope
LONGEST = 0.1  # of a step, in standard deviations of the state's noise
FLATTEST = 1e-12  # norm of a gradient


def guide(objective: Objective, model: Model, scene: Scene, noise: Tensor) -> Iterator[Step]:
    """Yield one step at the end, with `latent` [batch, *noise_shape] ready to decode."""
    started = time.perf_counter()
    jumps = model.card.sampler == Sampler.TRAJECTORY
    sampler = Sampler.TRAJECTORY if jumps else Sampler.DDIM
    schedule = model.schedule(JUMPS if jumps else STEPS, scene)

    def guided(latent: Tensor, i: int) -> Tensor:
        with torch.enable_grad():
            state = latent.detach().requires_grad_()
            clean = estimate(model, scene, state, schedule, sampler, i, checkpoint=False)
            spectrum = model.listen(clean, scene)
            loss = objective.total(objective.losses(spectrum, clean), spectrum)
            (gradient,) = torch.autograd.grad(loss.sum(), state)
        return clean.detach() - _correction(gradient, loss.detach())

    with torch.no_grad():
        latent = DETERMINISTIC[sampler](guided, start(first_noise(noise, scene), schedule), schedule)
        found = objective.evaluate(model.listen(latent, scene), latent)
    fresh = SearchState.fresh(noise)
    yield Step(
        index=schedule.steps,
        steps=schedule.steps,
        phase=Phase.GUIDE,
        losses=_first(found.losses),
        distances=_first(found.distances),
        total=found.total,
        best_total=found.total,
        best_noise=noise,
        reached=bool((found.farthest <= 1).all()),
        seconds=time.perf_counter() - started,
        state=replace(fresh, best=replace(fresh.best, total=found.total)),
        latent=latent,
    )


def _correction(gradient: Tensor, loss: Tensor) -> Tensor:
    """Return a step down that ends where the loss would be 0 (Polyak 1969), of a limited length."""
    flat = gradient.flatten(1)
    steepness = flat.norm(dim=1).clamp_min(FLATTEST)
    length = (STRENGTH * loss / steepness).clamp_max(LONGEST * flat.shape[1] ** 0.5)
    return gradient * (length / steepness).view(-1, *[1] * (gradient.dim() - 1))


def _first(values: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value[0]) for name, value in values.items()}

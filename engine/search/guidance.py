"""Training-free guidance with the same controls: faster, less exact (FreeDoM, Yu et al. 2023, arXiv:2303.09833).

At every step the gradient of the loss is taken at the state x_t through one denoiser call and the analysis, and the
estimate of x_0 moves down it by a step of normalised length. It costs one gradient per step of the chain. The same
noise gives the same loop, but not by `decode(sample(noise))` as with every other method.
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

STEPS, JUMPS = 20, 8  # of a DDIM chain, and of a two-time model's own sampler
STRENGTH = 1.0  # factor of the step at whose end a linear loss would be 0
LONGEST = 0.1  # of a step, in standard deviations of the state's noise
FLATTEST = 1e-12  # norm of a gradient, at least, in a division


def guide(objective: Objective, model: Model, scene: Scene, noise: Tensor) -> Iterator[Step]:
    """Yield one step, at the end of the chain, whose `latent` [batch, *noise_shape] is to be decoded."""
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
    """Return the step down `gradient` after which a linear `loss` [batch] would be 0 (Polyak 1969), cut."""
    flat = gradient.flatten(1)
    steepness = flat.norm(dim=1).clamp_min(FLATTEST)
    length = (STRENGTH * loss / steepness).clamp_max(LONGEST * flat.shape[1] ** 0.5)
    return gradient * (length / steepness).view(-1, *[1] * (gradient.dim() - 1))


def _first(values: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value[0]) for name, value in values.items()}

"""Training-free guidance with the same controls: fast, and not as close (FreeDoM, Yu et al. 2023, arXiv:2303.09833).

At every step the gradient of the loss is taken at the state x_t through one denoiser call and the ear, and the
state moves down it by a step of normalised length. Only the chain's own steps are paid for. Deterministic: the
same noise gives the same loop, though not through `decode(sample(noise))` as everything else here.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..models.protocol import Model, Scene
from ..sampling import estimate, follow, start
from .minimize import Plan, Step
from .objective import Objective
from .state import SavedState
from .surrogate import Chain, listen

STEPS, JUMPS = 20, 8  # of an ordinary model's chain, and of a two-time model's own
STRENGTH = 1.0  # of a step that would reach the target, were the loss a straight slope
LONGEST = 0.1  # in standard deviations of the state's noise


def guide(plan: Plan, objective: Objective, model: Model, scene: Scene, noise: Tensor) -> Iterator[Step]:
    """Yield one step at the end, with `latent` [batch, *noise_shape] ready to decode."""
    started = time.perf_counter()
    jumps = model.card.sampler == "trajectory"
    chain = Chain(steps=JUMPS if jumps else STEPS, sampler="trajectory" if jumps else "ddim")
    schedule = model.schedule(chain.steps, scene)

    def corrected(latent: Tensor, i: int) -> Tensor:
        with torch.enable_grad():
            state = latent.detach().requires_grad_()
            clean = estimate(model, scene, state, schedule, chain.sampler, i, checkpoint=False)
            spectrum = listen(model, scene, clean, through_waveform=False)
            loss = objective.total(objective.losses(spectrum, clean), spectrum)
            (gradient,) = torch.autograd.grad(loss.sum(), state)
        return clean.detach() - _correction(gradient, loss.detach())

    first = noise.chunk(scene.extra.get("noises", 1), 1)[0]
    with torch.no_grad():
        latent = follow(start(first, schedule), schedule, chain.sampler, None, corrected)
        spectrum = listen(model, scene, latent, through_waveform=False)
        losses = objective.losses(spectrum, latent)
        distances = objective.distances(spectrum, latent)
    total = objective.total(losses, spectrum)
    state = replace(SavedState.fresh(noise), best_total=total)
    yield Step(
        index=schedule.steps,
        steps=schedule.steps,
        phase="guide",
        losses=_first(losses),
        distances=_first(distances),
        total=total,
        best_total=total,
        best_noise=noise,
        reached=_all_reached(distances),
        seconds=time.perf_counter() - started,
        state=state,
        latent=latent,
    )


def _correction(gradient: Tensor, loss: Tensor) -> Tensor:
    """Return a step down that ends where the loss would be 0 (Polyak 1969), no longer than is safe."""
    flat = gradient.flatten(1)
    steepness = flat.norm(dim=1).clamp_min(1e-12)
    length = (STRENGTH * loss / steepness).clamp_max(LONGEST * flat.shape[1] ** 0.5)
    return gradient * (length / steepness).view(-1, *[1] * (gradient.dim() - 1))


def _first(values: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value[0]) for name, value in values.items()}


def _all_reached(distances: dict[str, Tensor]) -> bool:
    return all(bool((distance <= 1).all()) for distance in distances.values())

"""The initial noise of a search that keeps part of a recording: that part's noise, by inversion of the chain.

The kept frames are written into the latent of the uncontrolled loop, and the chain is inverted step by step: the state
before each step by a damped fixed-point iteration, because the denoiser's output depends on that state. DDIM inversion
(Song et al. 2021) takes the output at the state after it instead, and has four times the error where steps are few. In
uncontrolled frames the noise of the seed stays.
"""

import math

import torch
from torch import Tensor

from ..models.protocol import Model, Sampler, Scene
from ..sampling import estimate
from .best import per_item
from .shell import Shell
from .surrogate import Chain, Problem, latent_of

STEPS, ITERATIONS, DAMPING = 8, 4, 0.5  # more iterations or fewer steps have a larger error


@torch.no_grad()
def inverted_where_kept(problem: Problem, noise: Tensor, chain: Chain) -> Tensor:
    """Return `noise` [batch, *noise_shape] with inverted noise in the kept frames, for items that it brings nearer.

    Nearer is by the farthest goal; the headroom does not count, because a search reduces peaks in a few steps. It is
    `noise` itself without kept frames, for layers, and for samplers with several noises.
    """
    model, scene, objective = problem
    if scene.layers or scene.noises > 1 or chain.sampler == Sampler.RENOISE:
        return noise
    uncontrolled = latent_of(model, scene, noise, chain, checkpoint=False)
    whole = objective.with_kept_frames(uncontrolled)
    kept = whole != uncontrolled
    if not kept.any():
        return noise
    moved = Shell().projected(torch.where(kept, inverted(model, scene, whole, chain.sampler), noise), scene.time_axis)
    before, after = (
        objective.evaluate(model.listen(latent, scene), latent).farthest
        for latent in (uncontrolled, latent_of(model, scene, moved, chain, checkpoint=False))
    )
    return torch.where(per_item(after < before, noise), moved, noise)


@torch.no_grad()
def inverted(
    model: Model, scene: Scene, latent: Tensor, sampler: Sampler, steps: int = STEPS, iterations: int = ITERATIONS
) -> Tensor:
    """Return a noise from which `steps` DDIM steps make nearly `latent`, both [batch, *noise_shape]."""
    schedule, state = model.schedule(steps, scene), latent
    for i in reversed(range(steps)):
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        next_alpha, next_sigma = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        end = state
        for iteration in range(iterations):
            clean = estimate(model, scene, state, schedule, sampler, i, checkpoint=False)
            stepped = next_alpha * clean + next_sigma * (state - alpha * clean) / sigma
            state = state + (DAMPING if iteration else 1.0) * (end - stepped)
    return state / math.hypot(float(schedule.alphas[0]), float(schedule.sigmas[0]))

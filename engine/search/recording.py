"""Where a search begins that keeps part of a recording: at the noise from which the model makes that part.

The kept frames are known before anything is searched. They are written into the free loop, and the chain is solved
backwards: each step for the state that it began with, by a damped fixed-point iteration, because the step's own answer
is at that state. DDIM backwards (Song et al. 2021) takes the answer at the step's end instead, and is four times as far
off where steps are few. In the frames that are free the noise of the seed stays.
"""

import math

import torch
from torch import Tensor

from ..models.protocol import Model, Sampler, Scene
from ..sampling import estimate
from .best import per_item
from .shell import Shell
from .surrogate import Chain, Problem, latent_of

STEPS, ITERATIONS, DAMPING = 8, 4, 0.5  # more iterations, or fewer steps, leave farther off: the answers are not smooth


@torch.no_grad()
def recalled(problem: Problem, noise: Tensor, chain: Chain) -> Tensor:
    """Return `noise` [batch, *noise_shape] with the kept frames' own noise in them, where its loop is then nearer.

    Levels that no file can hold do not count here: the search brings them down in a few steps. Without a part that is
    kept, and with samplers that draw noise, it is `noise` itself.
    """
    model, scene, objective = problem
    if scene.layers or scene.noises > 1 or chain.sampler == Sampler.RENOISE:
        return noise
    free = latent_of(model, scene, noise, chain, checkpoint=False)
    whole = objective.settled(free)
    kept = whole != free
    if not kept.any():
        return noise
    moved = Shell().projected(torch.where(kept, backwards(model, scene, whole, chain.sampler), noise), scene.time_axis)
    before, after = (
        objective.evaluate(model.listen(latent, scene), latent).farthest
        for latent in (free, latent_of(model, scene, moved, chain, checkpoint=False))
    )
    return torch.where(per_item(after < before, noise), moved, noise)


@torch.no_grad()
def backwards(
    model: Model, scene: Scene, latent: Tensor, sampler: Sampler, steps: int = STEPS, iterations: int = ITERATIONS
) -> Tensor:
    """Return the noise from which `steps` first-order steps nearly make `latent`, both [batch, *noise_shape]."""
    schedule, state = model.schedule(steps, scene), latent
    for i in reversed(range(steps)):
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        end = state
        for iteration in range(iterations):
            clean = estimate(model, scene, state, schedule, sampler, i, checkpoint=False)
            made = after * clean + spread * (state - alpha * clean) / sigma
            state = state + (DAMPING if iteration else 1.0) * (end - made)
    return state / math.hypot(float(schedule.alphas[0]), float(schedule.sigmas[0]))

"""EDICT: sampling with two coupled latents that can be inverted exactly (Wallace et al. 2023, arXiv:2211.12446).

The pair x, y begins as the same noise. In a step each moves by the model's answer to the other, one after the other and
in turns, and then both are mixed:

    x' = x + dt v(y)      y' = y + dt v(x')      x" = p x' + (1 - p) y'      y" = p y' + (1 - p) x"

Every line can be solved for what it changes, so no state has to be kept for the backward pass: DOODL (Wallace et al.
2023, arXiv:2303.13703) finds them again from the end. Where it differs from the paper: EDICT writes a_t x + b_t eps(y)
for eps-prediction; on a rectified flow a step is x + dt v(y). The paper has one loss on x; so it is here.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from benchmarks.papers.baseline import Chain
from engine.models.protocol import Model, Sampler, Scene, Schedule
from engine.sampling import estimate, first_noise, start

MIXING = {20: 0.83, 50: 0.93}
"""The paper's p for chains of 20 and of 50 steps (DITTO, Novack et al. 2024, appendix)."""

Velocity = Callable[[Tensor, int], Tensor]
"""From a state at step i, and i, to the flow's velocity there."""

Pair = tuple[Tensor, Tensor]


class Memory(StrEnum):
    """What the backward pass has of the states in between."""

    KEPT = "kept"  # everything, with all activations
    CHECKPOINTED = "checkpointed"  # the pair before each step, the step's activations recomputed
    INVERTED = "inverted"  # nothing: found again from the end, step by step


def mixing(steps: int) -> float:
    """Return p for a chain of `steps`: the paper's, and for other lengths that of the nearest."""
    return MIXING[min(MIXING, key=lambda known: abs(known - steps))]


def step(velocity: Velocity, pair: Pair, i: int, dt: float, p: float) -> Pair:
    """Return the pair after step `i`; the first to move is x at even steps."""
    x, y = pair
    if i % 2 == 0:
        x = x + dt * velocity(y, i)
        y = y + dt * velocity(x, i)
    else:
        y = y + dt * velocity(x, i)
        x = x + dt * velocity(y, i)
    x = p * x + (1 - p) * y
    return x, p * y + (1 - p) * x


def unstep(velocity: Velocity, pair: Pair, i: int, dt: float, p: float) -> Pair:
    """Return the pair before step `i`, from that after it."""
    x, y = pair
    y = (y - (1 - p) * x) / p
    x = (x - (1 - p) * y) / p
    if i % 2 == 0:
        y = y - dt * velocity(x, i)
        return x - dt * velocity(y, i), y
    x = x - dt * velocity(y, i)
    return x, y - dt * velocity(x, i)


def run(velocity: Velocity, pair: Pair, schedule: Schedule, p: float, memory: Memory = Memory.KEPT) -> Pair:
    """Return the pair at the end of the chain."""
    if memory == Memory.INVERTED and torch.is_grad_enabled():
        x, y = _Inverted.apply(*pair, velocity, schedule, p)  # type: ignore[no-untyped-call]
        return x, y
    for i in range(schedule.steps):
        if memory == Memory.CHECKPOINTED and torch.is_grad_enabled():
            pair = recomputed(
                step, velocity, pair, i, _dt(schedule, i), p, use_reentrant=False, preserve_rng_state=False
            )
        else:
            pair = step(velocity, pair, i, _dt(schedule, i), p)
    return pair


def inverted(velocity: Velocity, pair: Pair, schedule: Schedule, p: float) -> Pair:
    """Return the pair from which `run` makes `pair`."""
    for i in reversed(range(schedule.steps)):
        pair = unstep(velocity, pair, i, _dt(schedule, i), p)
    return pair


def velocity_of(model: Model, scene: Scene, schedule: Schedule) -> Velocity:
    """Return the velocity (x_t - x_0) / t of a rectified flow's estimate of x_0."""

    def velocity(latent: Tensor, i: int) -> Tensor:
        clean = estimate(model, scene, latent, schedule, Sampler.DDIM, i, checkpoint=False)
        return (latent - clean) / float(schedule.sigmas[i])

    return velocity


def chain(model: Model, scene: Scene, steps: int, memory: Memory) -> Chain:
    """Return the chain from noise to x through EDICT."""
    schedule = model.schedule(steps, scene)
    velocity = velocity_of(model, scene, schedule)

    def sampled(noise: Tensor) -> Tensor:
        latent = start(first_noise(noise, scene), schedule)
        return run(velocity, (latent, latent), schedule, mixing(steps), memory)[0]

    return sampled


def _dt(schedule: Schedule, i: int) -> float:
    return float(schedule.times[i + 1] - schedule.times[i])


class _Inverted(torch.autograd.Function):
    """The chain without a memory of its states: each is found by inversion when the gradient comes to it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, velocity: Velocity, schedule: Schedule, p: float) -> Pair:
        pair = run(velocity, (x, y), schedule, p)
        ctx.save_for_backward(*pair)
        ctx.told = velocity, schedule, p
        return pair

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        velocity, schedule, p = ctx.told
        pair, pulls = ctx.saved_tensors, gradients
        for i in reversed(range(schedule.steps)):
            with torch.no_grad():
                before = unstep(velocity, pair, i, _dt(schedule, i), p)
            with torch.enable_grad():
                x, y = (one.detach().requires_grad_() for one in before)
                after = step(velocity, (x, y), i, _dt(schedule, i), p)
            pulls, pair = torch.autograd.grad(after, (x, y), pulls), before
        return (*pulls, None, None, None)

"""From noise to latent, carrying the gradient: deterministic samplers over any model of the protocol.

All of them work on x_t = alpha_t x_0 + sigma_t eps and on a denoiser that answers with x_0, so there is one
step function for each sampler and no scheduler state. Every denoiser call is checkpointed (Chen et al. 2016):
memory does not grow with steps but by the latents themselves. Dynamic thresholding, which DITTO uses on
spectrogram pixels in [-1, 1], is left out on purpose: latents have no such bounds.
"""

import math
import zlib
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from .models.protocol import Model, Sampler, Scene, Schedule, Turns

GOLDEN = (math.sqrt(5) - 1) / 2  # turns of the latent between steps never come back to the same place

Estimate = Callable[[Tensor, int], Tensor]
"""From (x at step i, i) to the denoiser's x_0."""


def sample(
    model: Model,
    scene: Scene,
    noise: Tensor,
    schedule: Schedule,
    sampler: Sampler | Literal["ancestral"],
    *,
    checkpoint: bool = True,
    renoise: Tensor | None = None,
) -> Tensor:
    """Return the latent x_0 [batch, *noise_shape] of `noise`, the same shape and of unit variance.

    `ddim` is eta 0 (Song et al. 2021; Euler on a rectified flow), `dpm++` DPM-Solver++(2M) (Lu et al. 2022),
    `trajectory` the deterministic jump of two-time models, `renoise` (ping-pong) and `ancestral` (DDIM with
    eta 1) put in the frozen noises `renoise` [steps, batch, *noise_shape]. Models that know no circle see the
    latent rolled by another amount at each step of a circular scene, so that the seam never settles.
    """
    if sampler == "renoise" and renoise is None:
        noise, renoise = _own_noises(noise, scene, schedule)
    else:
        noise = noise.chunk(scene.extra.get("noises", 1), 1)[0]
    return follow(
        start(noise, schedule),
        schedule,
        sampler,
        renoise,
        lambda latent, i: estimate(model, scene, latent, schedule, sampler, i, checkpoint=checkpoint),
    )


def start(noise: Tensor, schedule: Schedule) -> Tensor:
    """Return x_T of unit noise: of unit variance in flows and variance preserving schedules, sigma_T in VE ones."""
    return noise * math.hypot(float(schedule.alphas[0]), float(schedule.sigmas[0]))


def _own_noises(noise: Tensor, scene: Scene, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """Split a noise that holds x_T and the injected noises side by side in its channels, to be optimised together."""
    first, *others = noise.chunk(scene.extra.get("noises", 1), 1)
    if len(others) < schedule.steps - 1:
        raise ValueError(f"{schedule.steps} renoising steps need {schedule.steps} noises, not {1 + len(others)}")
    return first, torch.stack([*others[: schedule.steps - 1], torch.zeros_like(first)])  # the last puts none in


def follow(
    latent: Tensor,
    schedule: Schedule,
    sampler: Sampler | Literal["ancestral"],
    renoise: Tensor | None,
    estimate: Estimate,
) -> Tensor:
    """Run all steps of `sampler` from `latent` with any source of x_0 estimates."""
    earlier: Tensor | None = None
    for i in range(schedule.steps):
        clean = estimate(latent, i)
        if sampler == "dpm++":
            latent = _multistep(latent, clean, earlier, schedule, i)
        elif sampler in ("renoise", "ancestral"):
            if renoise is None:
                raise ValueError(f"the sampler {sampler} needs its noises")
            latent = _stochastic(latent, clean, schedule, i, renoise[i], keep=sampler == "ancestral")
        else:
            latent = _straight(latent, clean, schedule, i)
        earlier = clean
    return latent


def estimate(
    model: Model, scene: Scene, latent: Tensor, schedule: Schedule, sampler: str, i: int, *, checkpoint: bool
) -> Tensor:
    """Return the denoiser's x_0 at step `i`, rolled and recomputed in the backward pass where that is asked for."""
    until = schedule.times[i + 1] if sampler == "trajectory" else None
    turn = _turn(model, scene, i)
    turned = model.turned(scene, turn) if turn and isinstance(model, Turns) else scene

    def denoise(latent: Tensor) -> Tensor:
        rolled = latent.roll(turn, 1 + scene.time_axis) if turn else latent
        clean = model.denoise(rolled, schedule.times[i], turned, until=until)
        return clean.roll(-turn, 1 + scene.time_axis) if turn else clean

    if checkpoint and torch.is_grad_enabled() and latent.requires_grad:
        return recomputed(denoise, latent, use_reentrant=False, preserve_rng_state=False)
    return denoise(latent)


def _turn(model: Model, scene: Scene, i: int) -> int:
    if model.card.circular or not scene.circular:
        return 0
    return int(scene.frames * (GOLDEN * i % 1))


def _straight(latent: Tensor, clean: Tensor, schedule: Schedule, i: int) -> Tensor:
    """DDIM: keep x_0 and eps, change their shares."""
    alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
    eps = (latent - alpha * clean) / sigma
    return float(schedule.alphas[i + 1]) * clean + float(schedule.sigmas[i + 1]) * eps


def _multistep(latent: Tensor, clean: Tensor, earlier: Tensor | None, schedule: Schedule, i: int) -> Tensor:
    """DPM-Solver++(2M): first order at both ends, where the log-SNR is infinite."""
    before, now, after = (_log_snr(schedule, j) for j in (max(i - 1, 0), i, i + 1))
    if earlier is not None and math.isfinite(before) and math.isfinite(after):
        half_ratio = (after - now) / (2 * (now - before))
        clean = clean + half_ratio * (clean - earlier)
    keep = float(schedule.sigmas[i + 1] / schedule.sigmas[i])
    return keep * latent - float(schedule.alphas[i + 1]) * math.expm1(now - after) * clean


def _log_snr(schedule: Schedule, i: int) -> float:
    alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
    if alpha <= 0 or sigma <= 0:
        return -math.inf if alpha <= 0 else math.inf
    return math.log(alpha / sigma)


def _stochastic(latent: Tensor, clean: Tensor, schedule: Schedule, i: int, noise: Tensor, *, keep: bool) -> Tensor:
    """Put frozen noise in: all of it (ping-pong), or as much as the forward process would (eta 1)."""
    alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
    after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
    if not keep:
        return after * clean + spread * noise
    fresh = spread**2 * (1 - (alpha * spread / (after * sigma)) ** 2)
    eps = (latent - alpha * clean) / sigma
    return after * clean + math.sqrt(max(spread**2 - fresh, 0)) * eps + math.sqrt(max(fresh, 0)) * noise


def start_noise(scene: Scene, seed: int, count: int = 1) -> Tensor:
    """Return the noise of `seed` on every machine, float32 [count, *noise_shape]; later items belong to later seeds.

    A layer's noise is the same whichever layers there are beside it.
    """
    if scene.layers:
        return torch.stack([_layer_noises(scene, seed + item) for item in range(count)])
    draws = [torch.randn(scene.noise_shape, generator=_generator(seed + item)) for item in range(count)]
    return torch.stack(draws)


def _layer_noises(scene: Scene, seed: int) -> Tensor:
    streams = (zlib.crc32(name.encode()) for name in scene.layers)
    return torch.stack([torch.randn(scene.noise_shape[1:], generator=_generator(seed, stream)) for stream in streams])


def step_noises(scene: Scene, seed: int, steps: int, batch: int = 1) -> Tensor:
    """Return the frozen noises of a stochastic sampler, float32 [steps, batch, *noise_shape]."""
    return torch.randn((steps, batch, *scene.noise_shape), generator=_generator(seed, stream=1))


def vary(noise: Tensor, amount: float, seed: int) -> Tensor:
    """Return `noise` moved by `amount` 0..1 towards fresh noise: sqrt(1 - a^2) x + a eps, still a Gaussian's."""
    fresh = torch.randn(noise.shape, generator=_generator(seed, stream=2)).to(noise)
    return math.sqrt(1 - amount**2) * noise + amount * fresh


def _generator(seed: int, stream: int = 0) -> torch.Generator:
    # torch reads 32 bits of a seed; seeds have up to 53, so the upper ones, and the stream, are mixed into the lower.
    mixed = seed ^ (seed >> 32) * 0x9E3779B1 ^ stream * 0x85EBCA6B
    return torch.Generator("cpu").manual_seed(mixed & 0xFFFF_FFFF)

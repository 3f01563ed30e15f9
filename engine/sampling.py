"""From noise to latent, carrying the gradient: deterministic samplers over any model of the protocol.

All of them work on x_t = alpha_t x_0 + sigma_t eps and on a denoiser that answers with x_0, so each sampler is one
function without scheduler state, and `Sampler` names them. Every denoiser call is checkpointed (Chen et al. 2016): a
further step costs the memory of its latents only. Dynamic thresholding, which DITTO uses on spectrogram pixels in
[-1, 1], is left out on purpose: latents have no such bounds.
"""

import math
import zlib
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from .models.protocol import Model, RollsConditioning, Sampler, Scene, Schedule

GOLDEN = (math.sqrt(5) - 1) / 2  # share of the loop by which the latent is rolled per step: no two steps share a seam

Denoise = Callable[[Tensor, int], Tensor]
"""From (x_t at step i, i) to the estimate of x_0, both [batch, *noise_shape]."""


def sample(
    model: Model,
    scene: Scene,
    noise: Tensor,
    schedule: Schedule,
    sampler: Sampler,
    *,
    checkpoint: bool = True,
) -> Tensor:
    """Return the latent x_0 [batch, *noise_shape] of `noise`, the same shape and of unit variance.

    `RENOISE` takes the noises that it adds from the channels of `noise`. Models that know no circle see the latent of a
    circular scene rolled by another amount at each step, so that the seam has no fixed place. Raises `ValueError` for
    missing noises.
    """

    def denoise(latent: Tensor, i: int) -> Tensor:
        return estimate(model, scene, latent, schedule, sampler, i, checkpoint=checkpoint)

    if sampler == Sampler.RENOISE:
        first, added = _own_noises(noise, scene, schedule)
        return sample_renoise(denoise, start(first, schedule), schedule, added)
    return DETERMINISTIC[sampler](denoise, start(first_noise(noise, scene), schedule), schedule)


def sample_ddim(denoise: Denoise, latent: Tensor, schedule: Schedule) -> Tensor:
    """DDIM with eta 0 (Song et al. 2021), which on a rectified flow is Euler: keep x_0 and eps, change their shares."""
    for i in range(schedule.steps):
        clean = denoise(latent, i)
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        eps = (latent - alpha * clean) / sigma
        latent = float(schedule.alphas[i + 1]) * clean + float(schedule.sigmas[i + 1]) * eps
    return latent


def sample_trajectory(denoise: Denoise, latent: Tensor, schedule: Schedule) -> Tensor:
    """The jumps of a two-time model: DDIM's line, drawn to the x_0 that `denoise` gives for the end of each jump."""
    return sample_ddim(denoise, latent, schedule)


def sample_dpmpp_2m(denoise: Denoise, latent: Tensor, schedule: Schedule) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022): first order at both ends, where the log-SNR is infinite."""
    earlier: Tensor | None = None
    for i in range(schedule.steps):
        clean = denoise(latent, i)
        before, now, after = (_log_snr(schedule, j) for j in (max(i - 1, 0), i, i + 1))
        aim = clean
        if earlier is not None and math.isfinite(before) and math.isfinite(after):
            half_ratio = (after - now) / (2 * (now - before))
            aim = clean + half_ratio * (clean - earlier)
        keep = float(schedule.sigmas[i + 1] / schedule.sigmas[i])
        latent = keep * latent - float(schedule.alphas[i + 1]) * math.expm1(now - after) * aim
        earlier = clean
    return latent


def sample_renoise(denoise: Denoise, latent: Tensor, schedule: Schedule, noises: Tensor) -> Tensor:
    """Ping-pong (Stable Audio's distilled models): go to x_0, then back with a frozen noise [steps, ...]."""
    for i in range(schedule.steps):
        clean = denoise(latent, i)
        latent = float(schedule.alphas[i + 1]) * clean + float(schedule.sigmas[i + 1]) * noises[i]
    return latent


DETERMINISTIC = {
    Sampler.DDIM: sample_ddim,
    Sampler.DPMPP_2M: sample_dpmpp_2m,
    Sampler.TRAJECTORY: sample_trajectory,
}


def start(noise: Tensor, schedule: Schedule) -> Tensor:
    """Return x_T of unit noise: of unit variance in flows and variance preserving schedules, sigma_T in VE ones."""
    return noise * math.hypot(float(schedule.alphas[0]), float(schedule.sigmas[0]))


def first_noise(noise: Tensor, scene: Scene) -> Tensor:
    """Return x_T alone, of a noise that may hold other noises beside it in its channels."""
    return noise.chunk(scene.noises, 1)[0]


def _own_noises(noise: Tensor, scene: Scene, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """Split a noise that holds x_T and the injected noises side by side in its channels, to be optimised together."""
    first, *others = noise.chunk(scene.noises, 1)
    if len(others) < schedule.steps - 1:
        raise ValueError(f"{schedule.steps} renoising steps need {schedule.steps} noises, not {1 + len(others)}")
    return first, torch.stack([*others[: schedule.steps - 1], torch.zeros_like(first)])  # the last step adds none


def estimate(
    model: Model, scene: Scene, latent: Tensor, schedule: Schedule, sampler: Sampler, i: int, *, checkpoint: bool
) -> Tensor:
    """Return the model's x_0 [batch, *noise_shape] at step `i` of `latent`, the same shape.

    A model that is not circular sees a circular scene rolled. With `checkpoint` it is recomputed in the backward pass.
    """
    until = schedule.times[i + 1] if sampler == Sampler.TRAJECTORY else None
    frames = _roll_frames(model, scene, i)
    rolled_scene = model.rolled(scene, frames) if frames and isinstance(model, RollsConditioning) else scene

    def denoise(latent: Tensor) -> Tensor:
        rolled = latent.roll(frames, 1 + scene.time_axis) if frames else latent
        clean = model.denoise(rolled, schedule.times[i], rolled_scene, until=until)
        return clean.roll(-frames, 1 + scene.time_axis) if frames else clean

    if checkpoint and torch.is_grad_enabled() and latent.requires_grad:
        return recomputed(denoise, latent, use_reentrant=False, preserve_rng_state=False)
    return denoise(latent)


def _roll_frames(model: Model, scene: Scene, i: int) -> int:
    """Return by how many latent frames a model that is not circular sees a circular scene rolled at step `i`."""
    if model.card.circular or not scene.circular:
        return 0
    return int(scene.frames * (GOLDEN * i % 1))


def _log_snr(schedule: Schedule, i: int) -> float:
    alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
    if alpha <= 0 or sigma <= 0:
        return -math.inf if alpha <= 0 else math.inf
    return math.log(alpha / sigma)


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


def vary(noise: Tensor, amount: float, seed: int) -> Tensor:
    """Return `noise` moved by `amount` 0..1 towards fresh noise: sqrt(1 - a^2) x + a eps, still a Gaussian's."""
    fresh = torch.randn(noise.shape, generator=_generator(seed, stream=2)).to(noise)
    return math.sqrt(1 - amount**2) * noise + amount * fresh


def _generator(seed: int, stream: int = 0) -> torch.Generator:
    # torch reads 32 bits of a seed; seeds have up to 53, so the upper ones, and the stream, are mixed into the lower.
    mixed = seed ^ (seed >> 32) * 0x9E3779B1 ^ stream * 0x85EBCA6B
    return torch.Generator("cpu").manual_seed(mixed & 0xFFFF_FFFF)

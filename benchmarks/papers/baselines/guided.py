"""One guided chain instead of a search: Guidance Gradients and FreeDoM, with the same losses as every other method.

Both take the gradient of the loss of the estimate of x_0 at each step of the teacher's plain chain.

`guidance_gradients` (Levy et al. 2023, arXiv:2311.00613, after reconstruction guidance): the score is moved by
xi sqrt(n) / (t |g|) times the gradient g, so a step's length does not depend on the loss. A flow's estimate of x_0
moves by xi sqrt(n) t then: where the paper's noise grows without end, the flow's ends at 1.

`freedom` (Yu et al. 2023, arXiv:2303.09833): each step ends with a step down the loss, and in the middle of the chain
it goes back to its beginning by fresh noise and is made again (time travel). Its length is a fifth of the step's own
move; the paper takes a fifth of the guidance's correction, which not every model has.
"""

import torch
from torch import Tensor

from benchmarks.papers.baseline import Setting
from engine.models.protocol import Sampler, Schedule
from engine.sampling import estimate, first_noise, start

XI = 0.25
RHO = 0.2
TRAVELS, SEMANTIC = 3, (0.3, 0.7)  # how often, and from which to which share of the chain
FLATTEST = 1e-12


def slope(setting: Setting, latent: Tensor, schedule: Schedule, i: int) -> tuple[Tensor, Tensor]:
    """Return the estimate of x_0 at step `i`, and the unit gradient of its loss at the state: both [batch, ...]."""
    with torch.enable_grad():
        state = latent.detach().requires_grad_()
        clean = estimate(setting.model, setting.scene, state, schedule, Sampler.DDIM, i, checkpoint=False)
        (gradient,) = torch.autograd.grad(setting.loss(clean).sum(), state)
    norm = gradient.flatten(1).norm(dim=1).clamp_min(FLATTEST)
    return clean.detach(), gradient / norm.view(-1, *[1] * (gradient.dim() - 1))


def moved(latent: Tensor, clean: Tensor, schedule: Schedule, i: int) -> Tensor:
    """Return DDIM's state after step `i` from the state and the estimate of x_0."""
    eps = (latent - float(schedule.alphas[i]) * clean) / float(schedule.sigmas[i])
    return float(schedule.alphas[i + 1]) * clean + float(schedule.sigmas[i + 1]) * eps


@torch.no_grad()
def guidance_gradients(setting: Setting, noise: Tensor, steps: int, xi: float = XI) -> Tensor:
    """Return the latent of `noise` [batch, *noise_shape] after a chain whose estimates are moved down the loss."""
    schedule = setting.model.schedule(steps, setting.scene)
    latent = start(first_noise(noise, setting.scene), schedule)
    size = latent[0].numel() ** 0.5
    for i in range(steps):
        clean, way = slope(setting, latent, schedule, i)
        latent = moved(latent, clean - xi * size * float(schedule.sigmas[i]) * way, schedule, i)
    return latent


@torch.no_grad()
def freedom(setting: Setting, noise: Tensor, steps: int, seed: int = 0) -> Tensor:
    """Return the latent of `noise` after a chain of guided steps with time travel in its middle."""
    schedule = setting.model.schedule(steps, setting.scene)
    latent = start(first_noise(noise, setting.scene), schedule)
    fresh = torch.Generator().manual_seed(seed)
    first, last = (round(share * steps) for share in SEMANTIC)
    for i in range(steps):
        for travel in range(TRAVELS if first <= i < last else 1):
            if travel:
                latent = back(latent, schedule, i, torch.randn(latent.shape, generator=fresh).to(latent))
            clean, way = slope(setting, latent, schedule, i)
            after = moved(latent, clean, schedule, i)
            length = RHO * (after - latent).flatten(1).norm(dim=1)
            latent = after - length.view(-1, *[1] * (latent.dim() - 1)) * way
    return latent


def back(latent: Tensor, schedule: Schedule, i: int, fresh: Tensor) -> Tensor:
    """Return a state before step `i` from the one after it, as the forward process would make it of `fresh` noise."""
    kept = float(schedule.alphas[i] / schedule.alphas[i + 1])
    spread = float(schedule.sigmas[i]) ** 2 - (kept * float(schedule.sigmas[i + 1])) ** 2
    return kept * latent + max(spread, 0.0) ** 0.5 * fresh

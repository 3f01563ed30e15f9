"""Methods that write the known part into the chain: naive masking, and MultiDiffusion (Bar-Tal et al. 2023).

`naive_mask` puts the known part, noised to the step's level, in place of the model's at each step. `multidiffusion`
(arXiv:2302.08113) averages all windows of a canvas where they overlap: here the known recording is one window, whose
path is the recording noised by the start's noise, and the model's loop is the other. Stopped half way (MD-50 in DITTO's
tables) the model finishes its window alone.

What is known may be a recording, or with `twin` another place of the loop itself, for a loop without a reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.papers.baseline import Setting
from benchmarks.papers.baselines.guided import moved
from engine.models.protocol import Sampler, Schedule
from engine.sampling import estimate, first_noise, start


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a latent: its `frames` [frames] of bool, and the latent [1, *noise_shape] that they come from.

    Without a latent the frames are those of the loop itself, `twin` frames before them.
    """

    frames: Tensor
    latent: Tensor | None = None
    twin: int = 0

    def at(self, state: Tensor, noise: Tensor, schedule: Schedule, i: int) -> Tensor:
        """Return the known part's path at step `i`, of the shape of `state` [batch, frames, channels]."""
        if self.latent is None:
            return state.roll(self.twin, 1)
        return float(schedule.alphas[i]) * self.latent.to(state) + float(schedule.sigmas[i]) * noise


def fused(windows: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Return the canvas that is nearest to all windows by their weights: their weighted mean, place by place."""
    total = torch.stack(list(weights)).sum(0)
    return torch.stack([weight * window for weight, window in zip(weights, windows, strict=True)]).sum(0) / total


@torch.no_grad()
def naive_mask(setting: Setting, noise: Tensor, known: Known, steps: int) -> Tensor:
    """Return the latent of `noise` with the known part put in at every step."""
    model, scene = setting.model, setting.scene
    schedule, inside = model.schedule(steps, scene), known.frames[:, None].to(noise.device)
    first = start(first_noise(noise, scene), schedule)
    latent = first
    for i in range(steps):
        latent = torch.where(inside, known.at(latent, first, schedule, i), latent)
        clean = estimate(model, scene, latent, schedule, Sampler.DDIM, i, checkpoint=False)
        latent = moved(latent, clean, schedule, i)
    return torch.where(inside, known.at(latent, first, schedule, steps), latent)


@torch.no_grad()
def multidiffusion(setting: Setting, noise: Tensor, known: Known, steps: int, until: float = 1.0) -> Tensor:
    """Return the latent of `noise`, averaged with the known window up to the share `until` of the chain."""
    model, scene = setting.model, setting.scene
    schedule, inside = model.schedule(steps, scene), known.frames[:, None].to(noise)
    first = start(first_noise(noise, scene), schedule)
    latent = first
    for i in range(steps):
        clean = estimate(model, scene, latent, schedule, Sampler.DDIM, i, checkpoint=False)
        latent = moved(latent, clean, schedule, i)
        if i < until * steps:
            other = known.at(latent, first, schedule, i + 1)
            latent = fused([latent, other], [torch.ones_like(inside), inside])
            if known.latent is None:  # both places are of one canvas
                latent = torch.where(inside.roll(-known.twin, 0) > 0, latent.roll(-known.twin, 1), latent)
    return latent

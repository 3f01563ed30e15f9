"""What keeps the music: while controls bend a loop, it is held to what its noise gave without them.

Many noises follow a curve, and the loss alone does not say which of them to take: a search drifts to one that makes
quite other music. So the controls' pull, whose length is 1, is joined by one back to the uncontrolled loop; the two
come to rest at a distance of 1 / hold. The hold slackens from step to step: a search that keeps up walks outwards and
stops at the first distance at which its target is within reach. A level curve asks for another level and not for
another loop: there the anchor is that loop as a fader would have it, where the model's latent can be faded. A groove
asks for other times and not for other sounds: there each frame is held to that frame of the loop that it is most like,
and the whole to how the loop sounded, where the model has ears for that.
"""

import torch
from torch import Tensor

from ..models.protocol import Characterises, Fades, Model
from ..spectrum import Spectrum
from .objective import Objective

CHARACTER_HOLD = 0.15  # for each unit of distance and slope; more costs hits, and brings a loop no nearer


@torch.no_grad()
def anchor_of(model: Model, objective: Objective, latent: Tensor, spectrum: Spectrum) -> Tensor:
    """Return what to hold on to [batch, *noise_shape]: the uncontrolled `latent`, faded as `objective` asks."""
    gain_db = objective.fade_db(spectrum)
    return latent if gain_db is None or not isinstance(model, Fades) else model.faded(latent, gain_db)


def nearest_frames(latent: Tensor, anchor: Tensor, time_axis: int) -> Tensor:
    """Return `latent` [batch, *noise_shape] put together of the frames of `anchor`, the same shape: each the likest."""
    frames, sounds = latent.movedim(1 + time_axis, 1), anchor.movedim(1 + time_axis, 1)
    likest = torch.cdist(frames.flatten(2), sounds.flatten(2)).argmin(2)
    items = torch.arange(len(sounds), device=sounds.device)[:, None]
    return sounds[items, likest].movedim(1, 1 + time_axis)


def held(pull: Tensor, latent: Tensor, anchor: Tensor, hold: float) -> Tensor:
    """Return `pull` [batch, *noise_shape] made 1 long, and `hold` back for each unit that `latent` is off (RMS)."""
    flat = pull.flatten(1)
    length = flat.norm(dim=1).clamp_min(1e-12).view(-1, *[1] * (pull.dim() - 1))
    return pull / length + hold * (latent - anchor) / flat.shape[1] ** 0.5


def out_of_character(model: Model, latent: Tensor, anchor: Tensor) -> Tensor:
    """Return the pull [batch, *noise_shape] by which `latent` would leave how `anchor` sounds; 0 without ears for it.

    The slope of half the squared distance of both characters, made independent of the latent's size as `held` is.
    """
    if not isinstance(model, Characterises):
        return torch.zeros_like(latent)
    with torch.enable_grad():
        moved = latent.detach().requires_grad_(True)
        was, now = model.character(anchor.detach()), model.character(moved)
        if was is None or now is None:
            return torch.zeros_like(latent)
        (slope,) = torch.autograd.grad((now - was).square().sum() / 2, moved)
    return CHARACTER_HOLD * latent[0].numel() ** 0.5 * slope

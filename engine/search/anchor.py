"""The proximal term: a pull towards the latent that the same noise gives without controls.

Many noises follow a curve, and the loss alone does not say which of them to take: a search drifts to one that sounds
like other music. So a pull back to the uncontrolled loop, the *anchor*, is added to the losses' gradient of norm 1; the
two balance at a distance of 1 / weight. The weight decays from step to step, so a search that keeps up moves outwards
and ends at the first distance at which its target is within reach. A level curve asks for another level and not for
another loop: there the anchor is the uncontrolled loop with that level, if the model can fade a latent. A groove asks
for other times and not for other sounds: there each frame is pulled to the most similar frame of the anchor, and the
whole to the anchor's character, if the model has an embedding for it. Where part of a recording is kept, the search
begins at its noise, and the anchor has it in its place. The papers have no such pull.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.protocol import Characterises, Fades, Model, Scene
from ..spectrum import Spectrum
from .objective import Evaluation, Objective

CHARACTER_WEIGHT = 0.15  # of `character_pull`; more costs hits, and keeps a loop no nearer
SHORTEST_PULL = 1e-12  # norm; a pull of 0 stays 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The schedule of the proximal weight: `weight` times the objective's own at first, times `decay` at each step."""

    weight: float = 1.0
    decay: float = 1.0

    def weight_at(self, iteration: int, objective: Objective) -> float:
        """Return the proximal weight, for each standard deviation of distance beside a pull of 1."""
        return self.weight * objective.proximal_weight * self.decay**iteration


def anchored(
    pull: Tensor,
    model: Model,
    objective: Objective,
    evaluation: Evaluation,
    anchor: Tensor,
    weight: float,
    scene: Scene,
) -> Tensor:
    """Return the gradient `pull` [batch, *noise_shape] of the losses, normalised, plus that of the proximal term.

    `weight` is in norms of the losses' gradient per standard deviation of distance from `anchor` [batch, *noise_shape].
    """
    latent = evaluation.latent.detach()
    if not objective.time_invariant:
        return with_proximal_pull(pull, latent, anchor, weight)
    near = nearest_frames(latent, anchor, scene.time_axis, layered=bool(scene.layers))
    return with_proximal_pull(pull, latent, near, weight) + character_pull(model, latent, anchor)


@torch.no_grad()
def anchor_of(model: Model, objective: Objective, latent: Tensor, spectrum: Spectrum) -> Tensor:
    """Return the anchor [batch, *noise_shape]: the uncontrolled `latent`, faded to the level that is asked for.

    Kept parts of references are written into it, so that it pulls nothing away from them.
    """
    gain_db = objective.fade_db(spectrum)
    faded = latent if gain_db is None or not isinstance(model, Fades) else model.faded(latent, gain_db)
    return objective.with_kept_frames(faded)


def nearest_frames(latent: Tensor, anchor: Tensor, time_axis: int, *, layered: bool = False) -> Tensor:
    """Return for each frame of `latent` [batch, *noise_shape] the frame of `anchor` that is most similar to it.

    Of a loop in layers, whose axes are layers, time and channels, each layer has frames of its own.
    """
    if layered:
        flat = nearest_frames(latent.flatten(0, 1), anchor.flatten(0, 1), time_axis - 1)
        return flat.view_as(latent)
    frames, sounds = latent.movedim(1 + time_axis, 1), anchor.movedim(1 + time_axis, 1)
    nearest = torch.cdist(frames.flatten(2), sounds.flatten(2)).argmin(2)
    items = torch.arange(len(sounds), device=sounds.device)[:, None]
    return sounds[items, nearest].movedim(1, 1 + time_axis)


def with_proximal_pull(pull: Tensor, latent: Tensor, anchor: Tensor, weight: float) -> Tensor:
    """Return `pull` with norm 1 plus a pull to `anchor` of norm `weight` per unit RMS: all [batch, *noise_shape]."""
    flat = pull.flatten(1)
    length = flat.norm(dim=1).clamp_min(SHORTEST_PULL).view(-1, *[1] * (pull.dim() - 1))
    return pull / length + weight * (latent - anchor) / flat.shape[1] ** 0.5


def character_pull(model: Model, latent: Tensor, anchor: Tensor) -> Tensor:
    """Return the gradient [batch, *noise_shape] of half the characters' squared distance, 0 without an embedding.

    It does not depend on the latent's size, like the pull of `with_proximal_pull`.
    """
    if not isinstance(model, Characterises):
        return torch.zeros_like(latent)
    with torch.enable_grad():
        moved = latent.detach().requires_grad_(True)
        was, now = model.character(anchor.detach()), model.character(moved)
        if was is None or now is None:
            return torch.zeros_like(latent)
        (gradient,) = torch.autograd.grad((now - was).square().sum() / 2, moved)
    return CHARACTER_WEIGHT * latent[0].numel() ** 0.5 * gradient

"""Where a search begins: at the noise of its seeds, or at what a model's learned first step makes of it."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..models.protocol import StepsFirst
from .anchor import anchor_of
from .best import per_item
from .objective import Evaluation
from .shell import Shell
from .surrogate import Chain, Problem, latent_of


class Begun(NamedTuple):
    """The noise [batch, *noise_shape] to search from, and the anchor of the noise before it, None where it is that."""

    noise: Tensor
    anchor: Tensor | None


@torch.no_grad()
def begin(problem: Problem, noise: Tensor, chain: Chain) -> Begun:
    """Return where to search from: item by item the better of `noise` and its learned first step, by `chain`.

    A model without one, and goals of which it knows nothing, begin at `noise` itself.
    """
    model, scene, objective = problem
    if not isinstance(model, StepsFirst) or not model.has_first_step:
        return Begun(noise, None)
    latent = latent_of(model, scene, noise, chain, checkpoint=False)
    before = _evaluated(problem, latent)
    features = objective.features(before.spectrum, latent)
    if not features:
        return Begun(noise, None)
    change = model.first_step(noise, latent, features, scene)
    moved = Shell().projected(noise + change, scene.time_axis, layered=bool(scene.layers))
    moved = torch.where(_still(change), noise, moved)
    after = _evaluated(problem, latent_of(model, scene, moved, chain, checkpoint=False))
    better = per_item(after.total < before.total, noise)
    return Begun(torch.where(better, moved, noise), anchor_of(model, objective, latent, before.spectrum))


def _evaluated(problem: Problem, latent: Tensor) -> Evaluation:
    model, scene, objective = problem
    return objective.evaluate(model.listen(latent, scene), latent)


def _still(change: Tensor) -> Tensor:
    """Return which rows of `change` [batch, (layers,) frames, channels] are nothing, to keep those to the bit."""
    return ~change.flatten(-2).any(-1)[..., None, None]

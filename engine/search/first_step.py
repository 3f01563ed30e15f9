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

PASSES = 2  # the second sees the exact chain's latent of the first, and mends what the surrogate got wrong


class Begun(NamedTuple):
    """The noise [batch, *noise_shape] to search from, and the anchor of the noise before it, None where it is that."""

    noise: Tensor
    anchor: Tensor | None


class Seen(NamedTuple):
    """A noise, its latent by the surrogate, and what is added to that: all [batch, *noise_shape]."""

    noise: Tensor
    latent: Tensor
    correction: Tensor


@torch.no_grad()
def begin(problem: Problem, noise: Tensor, chain: Chain, exact: Chain) -> Begun:
    """Return where to search from: item by item the best of `noise` and its learned first steps, by `chain`.

    A model without one, and goals of which it knows nothing, begin at `noise` itself.
    """
    model, scene, objective = problem
    if not isinstance(model, StepsFirst) or not model.has_first_step:
        return Begun(noise, None)
    seen = seen_by(problem, noise, chain)
    before = evaluated(problem, seen.latent)
    if not objective.features(before.spectrum, seen.latent):
        return Begun(noise, None)
    anchor = anchor_of(model, objective, seen.latent, before.spectrum)
    for number in range(PASSES):
        if number:
            seen = corrected(problem, seen, exact)
            before = evaluated(problem, seen.latent + seen.correction)
        moved = stepped(problem, seen, anchor)
        latent = latent_of(model, scene, moved, chain, checkpoint=False)
        after = evaluated(problem, latent + seen.correction)
        better = per_item(after.total < before.total, noise)
        seen = seen._replace(
            noise=torch.where(better, moved, seen.noise), latent=torch.where(better, latent, seen.latent)
        )
    return Begun(seen.noise, anchor)


def seen_by(problem: Problem, noise: Tensor, chain: Chain) -> Seen:
    """Return `noise` as the first pass sees it: by the surrogate `chain`, which nothing corrects yet."""
    latent = latent_of(problem.model, problem.scene, noise, chain, checkpoint=False)
    return Seen(noise, latent, torch.zeros_like(latent))


def corrected(problem: Problem, seen: Seen, exact: Chain) -> Seen:
    """Return the same with the difference that the `exact` chain makes."""
    latent = latent_of(problem.model, problem.scene, seen.noise, exact, checkpoint=False)
    return seen._replace(correction=latent - seen.latent)


def stepped(problem: Problem, seen: Seen, anchor: Tensor) -> Tensor:
    """Return the noise after one pass of the learned step, on the Gaussian's shell; carries its weights' gradient."""
    model, scene, objective = problem
    assert isinstance(model, StepsFirst)
    with torch.no_grad():
        own = seen.latent + seen.correction
        features = objective.features(model.listen(own, scene), own)
        shown = model.shown(seen.noise, scene) + seen.correction
        shown = anchor_of(model, objective, shown, model.listen(shown, scene))
        latents = torch.stack([own, shown, anchor])
    change = model.first_step(seen.noise, latents, features, scene)
    moved = Shell().projected(seen.noise + change, scene.time_axis, layered=bool(scene.layers))
    return torch.where(_still(change), seen.noise, moved)


def evaluated(problem: Problem, latent: Tensor) -> Evaluation:
    """Return the evaluation of `latent` as the model's own spectrum gives it."""
    model, scene, objective = problem
    return objective.evaluate(model.listen(latent, scene), latent)


def _still(change: Tensor) -> Tensor:
    """Return which rows of `change` [batch, (layers,) frames, channels] are nothing, to keep those to the bit."""
    return ~change.flatten(-2).any(-1)[..., None, None]

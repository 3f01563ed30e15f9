"""The balance of several losses: each is divided by its gradient's norm, and weighs more far from its tolerance.

Losses of different units have gradients of different lengths, and the steepest would decide alone. The papers use fixed
weights; without a `Balance` the pull, the gradient at the latent, is of the plain weighted sum.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .objective import Evaluation, Objective, Values, headroom, sum_of

MIN_URGENCY, MAX_URGENCY = 0.3, 4.0  # factors of a goal's weight, within its tolerance and far from it
SHORTEST_GRADIENT = 1e-9  # norm; a flat loss is not scaled up beyond this


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The scales of losses by their gradients, measured every `every_steps` steps and kept in between."""

    every_steps: int = 6

    def scales(self, before: Values, evaluation: Evaluation, latent: Tensor, iteration: int) -> Values:
        """Return one over the norm of each loss's gradient at `latent`, [batch] each; empty for a single loss.

        `before` are the scales so far, which stay unless `iteration` is a multiple of `every_steps`.
        """
        if len(evaluation.losses) < 2 or (before and iteration % self.every_steps):
            return before
        found = {}
        for name, loss in evaluation.losses.items():
            (gradient,) = torch.autograd.grad(loss.sum(), latent, retain_graph=True)
            found[name] = 1 / gradient.flatten(1).norm(dim=1).clamp_min(SHORTEST_GRADIENT)
        return found


def urgency(distance: Tensor) -> Tensor:
    """Return the factor of a goal's weight at `distance` tolerances [batch]: the distance itself, 0.3 to 4."""
    return distance.clamp(MIN_URGENCY, MAX_URGENCY)


def pull_at(latent: Tensor, objective: Objective, evaluation: Evaluation, scales: Values) -> tuple[Tensor, Tensor]:
    """Return the gradient [batch, *noise_shape] at `latent` of the scaled sum of losses, and that sum [batch].

    Without `scales` it is the plain weighted sum. The headroom loss has the mean scale of the others.
    """
    weighted = [
        goal.weight
        * evaluation.losses[goal.name]
        * (scales[goal.name] * urgency(evaluation.distances[goal.name]) if scales else 1)
        for goal in objective.goals
    ]
    usual = sum_of(scales.values()) / len(scales) if scales else 1
    loss = sum_of(weighted) + usual * headroom(evaluation.spectrum)
    (pull,) = torch.autograd.grad(loss.sum(), latent)
    return pull, loss.detach()

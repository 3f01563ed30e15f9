"""Several losses made to pull alike: each is scaled by its gradient, and weighs more the farther it is from its goal.

Losses of different units have gradients of different lengths, and the steepest would decide alone. The papers use fixed
weights; then there is no `Balance`, and the pull is the gradient of the weighted sum.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .objective import Evaluation, Objective, Values, headroom, sum_of

LEAST_URGENCY, MOST_URGENCY = 0.3, 4.0  # factors: a goal within its tolerance still pulls, a far one not without limit
SHORTEST_GRADIENT = 1e-9  # norm; a flat loss is not scaled up beyond this


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Measures the gradient of each loss every `every_steps` steps, and in between keeps the scales."""

    every_steps: int = 6

    def scales(self, before: Values, evaluation: Evaluation, latent: Tensor, iteration: int) -> Values:
        """Return one over the norm of each loss's gradient at `latent`, [batch] each; none for a single loss."""
        if len(evaluation.losses) < 2 or (before and iteration % self.every_steps):
            return before
        found = {}
        for name, loss in evaluation.losses.items():
            (gradient,) = torch.autograd.grad(loss.sum(), latent, retain_graph=True)
            found[name] = 1 / gradient.flatten(1).norm(dim=1).clamp_min(SHORTEST_GRADIENT)
        return found


def urgency(distance: Tensor) -> Tensor:
    """Return the factor of a goal's weight at `distance` tolerances."""
    return distance.clamp(LEAST_URGENCY, MOST_URGENCY)


def pull_at(latent: Tensor, objective: Objective, evaluation: Evaluation, scales: Values) -> tuple[Tensor, Tensor]:
    """Return the gradient [batch, *noise_shape] at `latent` of the scaled sum of losses, and that sum [batch].

    Without `scales` it is the plain weighted sum. The headroom has the mean scale of the losses.
    """
    weighted = [
        goal.weight
        * evaluation.losses[goal.name]
        * (scales[goal.name] * urgency(evaluation.distances[goal.name]) if scales else 1)
        for goal in objective.goals
    ]
    usual = sum_of(scales.values()) / len(scales) if scales else 1
    height = sum_of(weighted) + usual * headroom(evaluation.spectrum)
    (pull,) = torch.autograd.grad(height.sum(), latent)
    return pull, height.detach()

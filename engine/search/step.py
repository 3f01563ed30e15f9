"""How a step moves the noise: the step rule gives its direction, the step size and the trust region its length.

The length of a step is decided here and nowhere else:

    learning rate  x  easing near the target  x  (1 + 2 proximal weight)  x  rate of the pace,  cut by the trust region
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .best import per_item

EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Moments:
    """Adam's running means of the gradient and of its square, each [batch, *noise_shape]."""

    first: Tensor
    second: Tensor

    @classmethod
    def fresh(cls, noise: Tensor) -> "Moments":
        """Return the moments before the first step."""
        return cls(torch.zeros_like(noise), torch.zeros_like(noise))


@dataclass(frozen=True, slots=True, kw_only=True)
class Padam:
    """Partially adaptive Adam (Kingma and Ba 2015; Padam, Chen and Gu 2018).

    Adam moves coordinates with small gradients as far as others, and the loop changes more than the target needs; plain
    gradient descent moves a few coordinates far beyond Gaussian values. The geometric mean of the two (an `adaptivity`
    of 0.5; 1 is Adam, 0 is gradient descent) keeps most of the advantage of either (`benchmarks/search.md`). The decay
    rates `betas` are low, because the loss has no minibatch noise.
    """

    betas: tuple[float, float] = (0.5, 0.9)
    adaptivity: float = 0.5

    def move(self, moments: Moments, gradient: Tensor, count: int, size: Tensor) -> tuple[Moments, Tensor]:
        """Return the moments after the `count`-th `gradient`, from 1, and the step to subtract: [batch, *noise_shape].

        `size` broadcasts over the noise. It is the root mean square of the step for a gradient that never changes.
        """
        beta1, beta2 = self.betas
        first = beta1 * moments.first + (1 - beta1) * gradient
        second = beta2 * moments.second + (1 - beta2) * gradient.square()
        mean, power = first / (1 - beta1**count), second / (1 - beta2**count)  # bias-corrected
        mean_power = per_item(power.flatten(1).mean(1), power)
        scale = (power**self.adaptivity * mean_power ** (1 - self.adaptivity)).sqrt() + EPSILON
        return Moments(first, second), size * mean / scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The adaptation of the step size: its factor `rate` [batch], 0.2 to 1, and the last totals [batch].

    Exact totals are compared with exact ones, and the surrogate's with its own since the last verification.
    """

    rate: Tensor
    verified_total: Tensor
    surrogate_total: Tensor

    WORSE = 1.2  # a total that is a fifth worse than the one before makes steps shorter,
    SLOWER, SLOWEST = 0.6, 0.2  # by this factor and down to this rate,
    FASTER = 1.05  # and any other lets them grow back: one early leap would otherwise slow down the whole search

    @classmethod
    def fresh(cls, noise: Tensor) -> "Pace":
        """Return a rate of 1 and infinite totals, before the first evaluation."""
        worst = torch.full((len(noise),), math.inf, dtype=noise.dtype, device=noise.device)
        return cls(rate=torch.ones_like(worst), verified_total=worst, surrogate_total=worst)

    def after_surrogate(self, total: Tensor) -> "Pace":
        """Return the pace after the surrogate's `total` [batch]."""
        return replace(self, surrogate_total=total, rate=self._rate(total, self.surrogate_total))

    def after_verification(self, total: Tensor) -> "Pace":
        """Return the pace after the exact `total` [batch]; the surrogate's next total has none to be compared with."""
        none = torch.full_like(total, torch.inf)
        return Pace(rate=self._rate(total, self.verified_total), verified_total=total, surrogate_total=none)

    def _rate(self, total: Tensor, before: Tensor) -> Tensor:
        slower = (self.rate * self.SLOWER).clamp_min(self.SLOWEST)
        return torch.where(total > self.WORSE * before, slower, (self.rate * self.FASTER).clamp_max(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSize:
    """The length of a step in standard deviations of the noise; without `easing` it is the same at any distance."""

    learning_rate: float
    easing: "Easing | None" = None

    PER_PROXIMAL_WEIGHT = 2.0  # relative increase per unit of weight: a strong anchor limits the way anyway

    def at(self, distance: float, proximal_weight: float, rate: Tensor) -> Tensor:
        """Return the size [batch] at `distance` tolerances from the farthest goal, at the pace `rate` [batch]."""
        share = 1.0 if self.easing is None else self.easing.share(distance)
        return self.learning_rate * share * (1 + self.PER_PROXIMAL_WEIGHT * proximal_weight) * rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Easing:
    """Shorter steps near the target, against oscillation around it; the papers have constant steps."""

    full_from: float = 20.0  # tolerances: from this distance on a step has its full size
    least: float = 0.2  # share of the full size

    def share(self, distance: float) -> float:
        """Return the share of the full size at `distance` tolerances."""
        return min(max((max(distance, 0.0) / self.full_from) ** 0.5, self.least), 1.0)  # rounding may go below 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRegion:
    """Shortens a step that would overshoot its target; for searches that start near it.

    For a sum of squares, the step that reaches the minimum promises by its gradient (gradient times step) a decrease of
    twice the value (Polyak 1969). A step may promise as much of this as leaves a distance of `aim` tolerances, and
    always the share `least`.
    """

    aim: float = 0.4  # tolerances
    least: float = 0.1  # share

    def cut(self, update: Tensor, gradient: Tensor, loss: Tensor, distance: Tensor) -> Tensor:
        """Return the step `update` [batch, *noise_shape], shortened to the trust region.

        `loss` [batch] is the value of the sum with this `gradient`, `distance` [batch] the farthest goal's in
        tolerances.
        """
        trusted = loss * (2 * (1 - (self.aim / distance.clamp_min(EPSILON)).sqrt()).clamp_min(self.least))
        promised = (gradient * update).flatten(1).sum(1).clamp_min(EPSILON)
        return update * per_item((trusted / promised).clamp_max(1), update)

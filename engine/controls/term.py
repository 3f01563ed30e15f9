"""A control made for one request: its loss, its distance, and the facts that the search needs about it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ..curves import inside, weights
from ..models.protocol import Model
from ..request import LoopRequest, Point
from ..spectrum import Spectrum

WEIGHT_FRAMES = 1_024  # over which the mean of a curve of weights is taken
PROXIMAL_WEIGHT = 2.0  # by default, see `engine.search.anchor`; more slows the search

Loss = Callable[[Spectrum, Tensor], Tensor]
"""From a spectrum and its latent [batch, *noise_shape] to one number per batch item: [batch]."""


@dataclass(frozen=True, slots=True)
class Term:
    """A control made for one request.

    The search minimises `loss`. `distance` is in the row's unit, needs no gradient, and is compared with the row's
    tolerance. `write_kept_frames` writes the kept part of a reference into the finished latent [batch, *noise_shape].
    `fade_db` returns the gain over time in dB that would bring a spectrum's level to the target, [batch, frames].
    `proximal_weight` is that of the pull towards the uncontrolled loop at the start of a search: 0 for the wrap, or
    where a reference is kept that nothing writes into the latent. `time_invariant` is true for controls that place
    events: the anchor then compares sounds whenever they occur, because the events of the uncontrolled loop would
    otherwise stay where they were. `features` returns the input of a learned first step, [batch, channels, frames],
    scaled to about 1; see `grid.goal_features`.
    """

    loss: Loss
    distance: Loss
    write_kept_frames: Callable[[Tensor], Tensor] | None = None
    fade_db: Callable[[Spectrum], Tensor] | None = None
    proximal_weight: float = PROXIMAL_WEIGHT
    time_invariant: bool = False
    features: Callable[[Spectrum], Tensor] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The request and the model for which a control is made, with its range of beats and its curve of weights.

    `within` is in beats from the loop's start, None for the whole loop; an empty `weight_curve` is 1 throughout. The
    control hears the sum of `layers`, which has none for a model without layers.
    """

    request: LoopRequest
    model: Model
    within: tuple[Fraction, Fraction] | None = None
    weight_curve: tuple[Point, ...] = ()
    layers: tuple[str, ...] = ()

    def frame_weights(self, frames: int) -> Tensor:
        """Return the weight of each frame, 0 outside the control's range of beats, at most 1: float64 [frames]."""
        found = self._weights(frames)
        return found / found.max().clamp_min(1e-9) if self.weight_curve else found

    @property
    def mean_weight(self) -> float:
        """The mean of the curve of weights within the range.

        Losses are weighted means, from which the curve's own scale cancels; the objective multiplies by this.
        """
        found = self._weights(WEIGHT_FRAMES)
        return float(found.sum() / int(inside(self.within, self.request.beats, WEIGHT_FRAMES).sum()))

    def _weights(self, frames: int) -> Tensor:
        return torch.from_numpy(weights(self.within, self.weight_curve, self.request.beats, frames))


Builder = Callable[..., Term]
"""From (target, scene, context) to a term."""

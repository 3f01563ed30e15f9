"""Brightness: the spectral centroid, in octaves, follows a curve.

Power is smoothed over half a second before the centroid is taken, so that loud frames decide and silent ones do not
count; errors are in octaves, the scale of perceived pitch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .. import metrics
from ..curves import frequency_octaves
from ..models.protocol import Scene
from ..request import Curve, targets_of
from ..spectrum import Spectrum
from .grid import filtered, goal_features, hann_kernel, like, mean, per_layout
from .registry import control
from .row import FeatureKind
from .term import Context, Term

SMOOTHING_SECONDS = 0.5
PROXIMAL_WEIGHT = 0.45  # with more, a search waits until it has decayed
SILENCE = 1e-9  # mean square that is added to a frame, at 20 Hz: the centroid of silence
CENTRE_OCTAVES = 10.0  # log2 of hertz, about 1 kHz: subtracted from the features of a learned step


@dataclass(frozen=True, slots=True)
class _Grid:
    target: Tensor  # [frames], log2 of hertz, smoothed as the centroid is
    weights: Tensor  # [frames]
    window: Tensor  # smoothing kernel


def centroid_octaves(spectrum: Spectrum, window: Tensor) -> Tensor:
    """Return log2 of the power centroid in hertz, after smoothing by the kernel `window`: [batch, frames]."""
    frequency = spectrum.frequencies_hz.to(spectrum.power)
    power = filtered(spectrum.power.sum(1), window, circular=spectrum.circular).clamp_min(0)
    moment = filtered((frequency[:, None] * spectrum.power).sum(1), window, circular=spectrum.circular).clamp_min(0)
    return torch.log2((moment + 20 * SILENCE) / (power + SILENCE))


@control(
    "brightness",
    *targets_of("brightness"),
    unit="octaves",
    tolerance=0.15,
    tolerance_with_others=0.2,
    usual_steps=28,
    help="The spectral centroid follows a curve, in hertz or 0 to 1 of a range.",
    feature=FeatureKind.CENTROID,
    metric=metrics.BRIGHTNESS,
)
def brightness(target: Curve, scene: Scene, context: Context) -> Term:
    """Loss: the weighted mean squared error of the centroid in octaves squared; distance: the mean absolute error."""

    def make(spectrum: Spectrum) -> _Grid:
        window = hann_kernel(2 * SMOOTHING_SECONDS, spectrum)
        curve = like(frequency_octaves(target, context.request.beats, spectrum.frames), spectrum)
        return _Grid(
            filtered(curve, window, circular=spectrum.circular),
            like(context.frame_weights(spectrum.frames), spectrum),
            window,
        )

    grid_of = per_layout(make)

    def error(spectrum: Spectrum) -> tuple[Tensor, Tensor]:
        grid = grid_of(spectrum)
        return centroid_octaves(spectrum, grid.window) - grid.target, grid.weights

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        off, weights = error(spectrum)
        return mean(off.square(), weights)

    def distance(spectrum: Spectrum, _: Tensor) -> Tensor:
        off, weights = error(spectrum)
        return mean(off.abs(), weights)

    def features(spectrum: Spectrum) -> Tensor:
        grid = grid_of(spectrum)
        heard = centroid_octaves(spectrum, grid.window)
        return goal_features(grid.target - CENTRE_OCTAVES, heard - CENTRE_OCTAVES, grid.weights)

    return Term(loss, distance, proximal_weight=PROXIMAL_WEIGHT, features=features)

"""Intensity: the smoothed level in decibels follows a curve.

The level of a frame is the mean power of left and right in the rectangular window of the metric (2048 samples at
44.1 kHz), in dB with a floor of -60 dBFS. A Savitzky-Golay filter over one second smooths it, and the target too. The
paper optimises either the squared error (DITTO, Novack et al. 2024) or the correlation (its appendix C), and neither
brings the other within its tolerance; here both count. Its versions are `intensity-paper` and `intensity-corr`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .. import metrics
from ..curves import level_db
from ..models.protocol import Scene
from ..request import Curve, targets_of
from ..spectrum import Spectrum
from .grid import (
    CEILING_DB,
    FLOOR_POWER,
    correlation,
    filtered,
    goal_features,
    like,
    mean,
    per_layout,
    smoothing,
    window_kernel,
)
from .registry import control
from .row import FeatureKind, Paper
from .term import Context, Term

FLAT_STD_DB = 1.0  # under this a target has no shape to correlate with
ERROR_FLOOR_DB2 = 4.0  # added to the target's variance: a small error where the target is flat
SHAPE_WEIGHT = 1.0  # of 1 - rho beside the scaled squared error
SHAPE_DB2 = 40.0  # a correlation of 0.985 counts as a distance of 0.6 dB^2: 40 (1 - 0.985)
PROXIMAL_WEIGHT = 0.3  # its anchor is faded and nearly has the level: more only delays the search
FARTHEST_FADE_DB = 30.0  # largest gain of the anchor's fade either way: silence is not raised to a level
CENTRE_DB, SPREAD_DB = -25.0, 10.0  # mean and deviation of usual levels, which scale the features
PAPER = Paper(family="intensity", weight=1 / 40, weight_beside={"melody": 1 / 4})


@dataclass(frozen=True, slots=True)
class _Grid:
    target: Tensor  # [frames] in dBFS, smoothed
    weights: Tensor  # [frames]
    window: Tensor  # kernel of `window_kernel`
    smooth: Tensor  # kernel of `smoothing`

    @property
    def variance(self) -> Tensor:
        return mean((self.target - mean(self.target, self.weights)).square(), self.weights)

    @property
    def flat(self) -> bool:
        return bool(self.variance < FLAT_STD_DB**2)


def level(spectrum: Spectrum, window: Tensor, smooth: Tensor) -> Tensor:
    """Return the smoothed level in dBFS [batch, frames]; the kernels are of `window_kernel` and `smoothing`."""
    power = filtered(spectrum.level_power, window, circular=spectrum.circular).clamp_min(0)
    return filtered(10 * torch.log10(power + FLOOR_POWER), smooth, circular=spectrum.circular)


def _grid(target: Curve, context: Context) -> Callable[[Spectrum], _Grid]:
    def make(spectrum: Spectrum) -> _Grid:
        smooth = smoothing(spectrum)
        curve = like(level_db(target, context.request.beats, spectrum.frames), spectrum)
        return _Grid(
            filtered(curve, smooth, circular=spectrum.circular),
            like(context.frame_weights(spectrum.frames), spectrum),
            window_kernel(spectrum),
            smooth,
        )

    return per_layout(make)


def _error(spectrum: Spectrum, grid: _Grid) -> tuple[Tensor, Tensor]:
    heard = level(spectrum, grid.window, grid.smooth)
    return mean((heard - grid.target).square(), grid.weights), correlation(heard, grid.target, grid.weights)


def _over_ceiling_db(spectrum: Spectrum) -> Tensor:
    """Return by how many dB the highest peak exceeds the ceiling, which the finished loop is turned down by: [batch].

    It is 0 where peaks are not known.
    """
    if spectrum.peak_db is None:
        return torch.zeros_like(spectrum.power[:, 0, 0])
    return torch.relu(spectrum.peak_db.amax(1) - CEILING_DB)


@control(
    "intensity",
    *targets_of("intensity"),
    unit="dB^2",
    tolerance=0.45,
    tolerance_with_others=0.6,
    usual_steps=6,
    help="The smoothed level follows a curve, in dBFS or 0 to 1 of a range.",
    asks_level=True,
    feature=FeatureKind.LEVEL,
    metric=metrics.INTENSITY,
    paper=replace(PAPER, kind="intensity-paper"),
)
def intensity(target: Curve, scene: Scene, context: Context) -> Term:
    """Loss: MSE / (var(y) + 4 dB^2) + (1 - rho); distance: the larger of MSE and 40 dB^2 (1 - rho).

    A target y with a deviation under 1 dB has no shape, and only the MSE counts.
    """
    grid_of = _grid(target, context)

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        squared, rho = _error(spectrum, grid)
        scaled = squared / (grid.variance + ERROR_FLOOR_DB2)
        return scaled if grid.flat else scaled + SHAPE_WEIGHT * (1 - rho)

    def distance(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        squared, rho = _error(spectrum, grid)
        squared = ((squared + 1e-12).sqrt() + _over_ceiling_db(spectrum)).square()  # the gain may add so much
        return squared if grid.flat else torch.maximum(squared, SHAPE_DB2 * (1 - rho))

    def fade_db(spectrum: Spectrum) -> Tensor:
        grid = grid_of(spectrum)
        missing = grid.target - level(spectrum, grid.window, grid.smooth)
        return missing.clamp(-FARTHEST_FADE_DB, FARTHEST_FADE_DB) * grid.weights

    def features(spectrum: Spectrum) -> Tensor:
        grid = grid_of(spectrum)
        heard = level(spectrum, grid.window, grid.smooth)
        return goal_features((grid.target - CENTRE_DB) / SPREAD_DB, (heard - CENTRE_DB) / SPREAD_DB, grid.weights)

    return Term(loss, distance, fade_db=fade_db, proximal_weight=PROXIMAL_WEIGHT, features=features)


@control(
    "intensity-paper",
    Curve,
    unit="dB^2",
    tolerance=4.0,
    help="DITTO's own intensity: the squared error alone.",
    asks_level=True,
    metric=metrics.INTENSITY,
    paper=PAPER,
)
def intensity_paper(target: Curve, scene: Scene, context: Context) -> Term:
    """Loss and distance: the mean squared error in dB^2; the tolerance is (2 dB)^2."""
    grid_of = _grid(target, context)

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        return _error(spectrum, grid_of(spectrum))[0]

    return Term(loss, loss)


@control(
    "intensity-corr",
    Curve,
    unit="1 - rho",
    tolerance=0.015,
    help="DITTO's appendix C: only the shape of the level, not the level.",
    metric=metrics.INTENSITY,
    paper=PAPER,
)
def intensity_corr(target: Curve, scene: Scene, context: Context) -> Term:
    """Loss and distance: one minus Pearson's correlation of level and target."""
    grid_of = _grid(target, context)

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        return 1 - _error(spectrum, grid_of(spectrum))[1]

    return Term(loss, loss)

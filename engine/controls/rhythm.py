"""Rhythm: hits fall on the target's onsets, with their strengths, and nowhere else.

The onset envelope is the half-wave rectified rise of log power, averaged over bands, and compressed so that a soft hit
in the wrong place counts too. The target is a Gaussian bump for each onset, compressed in the same way. Each drum group
is also compared in its own range of frequencies, so that a hat in the place of a kick does not count as one. DITTO and
DITTO-2 have no such control.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from midi.grooves.rhythm import Group, onset_envelope

from .. import metrics
from ..models.protocol import Scene
from ..request import Onsets, targets_of
from ..spectrum import Spectrum
from .grid import correlation, filtered, goal_features, hann_kernel, like, mean, per_layout
from .registry import control
from .row import FeatureKind
from .term import Context, Term

QUIET = 1e-7  # mean square of a pooled band under which a rise is not heard
POOLS = 24  # ranges of equal width in octaves, from 40 Hz to 16 kHz
LEAD_SECONDS = 0.0085  # by which the rise precedes the hit: half a frame lies before its middle
WIDTH_SECONDS = 0.012  # of a target's Gaussian bump, standard deviation
COMPRESSION = 0.6  # at 1 a search finds the loud hits and leaves the soft ones between them: F1 0.1 lower
FAINT = 1e-4  # strength under which compression ends, because its slope has no bound at 0
GROUP_WEIGHT = 0.5  # of all drum groups together, beside the full range
PROXIMAL_WEIGHT = 0.5  # to the uncontrolled loop's sounds at any time (`Term.time_invariant`) and its character
RANGES_HZ: dict[Group, tuple[float, float]] = {
    "kick": (30, 160),
    "snare": (160, 5_000),
    "tom": (80, 600),
    "hat": (5_000, 16_000),
    "cymbal": (4_000, 16_000),
}


@dataclass(frozen=True, slots=True)
class _Part:
    """One range of frequencies: pooling weights [pools, bands], target envelope [frames], weight in the loss."""

    pools: Tensor
    target: Tensor
    weight: float


@dataclass(frozen=True, slots=True)
class _Grid:
    parts: tuple[_Part, ...]
    weights: Tensor  # [frames]
    window: Tensor  # smoothing kernel of the envelope


def pooled(spectrum: Spectrum, low_hz: float, high_hz: float, pools: int = POOLS) -> Tensor:
    """Return pooling weights [pools, bands] of equal ranges in octaves between two frequencies.

    A range that holds no band of `spectrum` is left out, so that there may be fewer than `pools`.
    """
    octaves = torch.log2(spectrum.frequencies_hz.double().clamp_min(1))
    low, high = torch.tensor([low_hz, high_hz], dtype=torch.float64).log2().tolist()
    number = ((octaves - low) / (high - low) * pools).floor()
    weights = (number == torch.arange(pools, device=number.device)[:, None]).double()
    return like(weights[weights.sum(1) > 0], spectrum)


def onset_strength(spectrum: Spectrum, pools: Tensor, window: Tensor) -> Tensor:
    """Return the onset envelope [batch, frames]: the mean rise of log power over the pools, smoothed, compressed."""
    level = torch.log1p(pools @ spectrum.power / QUIET)
    rise = torch.relu(level - level.roll(1, -1)).mean(1)
    if not spectrum.circular:
        rise = torch.cat([torch.zeros_like(rise[:, :1]), rise[:, 1:]], 1)
    return _compressed(filtered(rise, window, circular=spectrum.circular))


def _compressed(strength: Tensor) -> Tensor:
    return (strength.clamp_min(0) + FAINT) ** COMPRESSION - FAINT**COMPRESSION


def _grid(target: Onsets, context: Context) -> Callable[[Spectrum], _Grid]:
    strokes = tuple(stroke for stroke in target.onsets if 0 <= stroke.beat < context.request.beats)
    groups = sorted({stroke.group for stroke in strokes} & set(RANGES_HZ))

    def make(spectrum: Spectrum) -> _Grid:
        def bumps(group: Group | None) -> Tensor:
            chosen = [stroke for stroke in strokes if group in (None, stroke.group)]
            width = WIDTH_SECONDS * spectrum.frame_rate_hz
            envelope = onset_envelope(chosen, context.request.beats, spectrum.frames, width_frames=width)
            return _compressed(_earlier(like(envelope, spectrum), LEAD_SECONDS * spectrum.frame_rate_hz))

        parts = [_Part(pooled(spectrum, 40, 16_000), bumps(None), 1.0)]
        for group in groups:
            pools = pooled(spectrum, *RANGES_HZ[group], pools=6)
            if len(pools):
                parts.append(_Part(pools, bumps(group), GROUP_WEIGHT / len(groups)))
        weights = like(context.frame_weights(spectrum.frames), spectrum)
        return _Grid(tuple(parts), weights, hann_kernel(2 * WIDTH_SECONDS, spectrum))

    return per_layout(make)


def _earlier(values: Tensor, frames: float) -> Tensor:
    """Return `values` [frames] moved earlier by a fractional number of frames, by linear interpolation."""
    whole, share = int(frames // 1), frames % 1
    return values.roll(-whole) * (1 - share) + values.roll(-whole - 1) * share


@control(
    "rhythm",
    *targets_of("rhythm"),
    layers=("drums", "percussion"),
    unit="1 - correlation",
    tolerance=0.05,
    usual_steps=57,
    help="Hits fall on the onsets of a groove, and nowhere else.",
    feature=FeatureKind.ONSETS,
    metric=metrics.RHYTHM,
)
def rhythm(target: Onsets, scene: Scene, context: Context) -> Term:
    """Loss: one minus the correlation of onset envelopes, over the full range and each drum group's own.

    Distance: the same over the full range alone. A target without onsets asks for a small mean strength.
    """
    grid_of = _grid(target, context)

    def mismatch(spectrum: Spectrum, *, grouped: bool) -> Tensor:
        grid = grid_of(spectrum)
        found = []
        for part in grid.parts if grouped else grid.parts[:1]:
            strength = onset_strength(spectrum, part.pools, grid.window)
            # A target without onsets asks for silence; there is nothing to correlate with.
            off = (
                1 - correlation(strength, part.target, grid.weights)
                if part.target.any()
                else mean(strength, grid.weights)
            )
            found.append(part.weight * off)
        return torch.stack(found).sum(0)

    def features(spectrum: Spectrum) -> Tensor:
        grid = grid_of(spectrum)
        target = grid.parts[0].target
        heard = onset_strength(spectrum, grid.parts[0].pools, grid.window)
        return goal_features(
            target / (target.std() + FAINT), heard / (heard.std(1, keepdim=True) + FAINT), grid.weights
        )

    return Term(
        lambda spectrum, _: mismatch(spectrum, grouped=True),
        lambda spectrum, _: mismatch(spectrum, grouped=False),
        proximal_weight=PROXIMAL_WEIGHT,
        time_invariant=True,
        features=features,
    )

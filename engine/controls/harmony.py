"""Harmony: while a chord sounds, its notes together are louder than any note outside it.

The chroma is the melody's, from two octaves lower on. The *lead* of a frame is the log ratio of the mean energy of its
chord's notes, in which the root counts twice, to the energy of the loudest other note. Frames without a chord are free.
The text has the form of the request's `chords`; it works with models that have no conditioning for chords, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from midi.chords.text import ChordSpan
from midi.key import Key

from .. import metrics
from ..models.protocol import Scene
from ..request import Words, chord_spans
from ..spectrum import Spectrum
from .grid import hann_kernel, like, mean, per_layout
from .melody import WINDOW_SECONDS, chroma, class_weights
from .registry import control
from .term import Context, Term

LOWEST_HZ, HIGHEST_HZ = 65.0, 2100.0
MARGIN = 1.0  # nepers of energy by which the chord's notes should lead the loudest other
ROOT_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class _Grid:
    inside: Tensor  # [12, frames], weights of the chord's notes, which sum to 1
    outside: Tensor  # [12, frames], whether a note is no part of the chord
    weights: Tensor  # [frames], 0 where no chord sounds
    chroma: Tensor  # [12, bands]
    window: Tensor  # smoothing kernel of the chroma


def _frames(spans: Sequence[ChordSpan], beats: float, count: int) -> Tensor:
    """Return the weight of each pitch class in each of `count` frames: [12, count], 0 for notes outside the chord."""
    rows = torch.zeros(len(spans) + 1, 12, dtype=torch.float64)
    for row, span in zip(rows, spans, strict=False):
        if span.chord.pitch_classes:
            row[sorted(span.chord.pitch_classes)] = 1.0
            row[span.chord.root] *= ROOT_WEIGHT
    starts = torch.tensor([float(span.beat) for span in spans], dtype=torch.float64)
    centres = (torch.arange(count, dtype=torch.float64) + 0.5) * beats / count
    return rows[(torch.searchsorted(starts, centres, right=True) - 1).clamp_min(0)].T


def _grid(spans: Sequence[ChordSpan], context: Context) -> Callable[[Spectrum], _Grid]:
    def make(spectrum: Spectrum) -> _Grid:
        chosen = _frames(spans, float(context.request.beats), spectrum.frames)
        sounding = chosen.sum(0)
        weights = context.frame_weights(spectrum.frames) * (sounding > 0)
        return _Grid(
            like(chosen / sounding.clamp_min(1.0), spectrum),
            (chosen == 0).to(spectrum.power.device),
            like(weights, spectrum),
            class_weights(spectrum, LOWEST_HZ, HIGHEST_HZ),
            hann_kernel(WINDOW_SECONDS, spectrum),
        )

    return per_layout(make)


def _lead(spectrum: Spectrum, grid: _Grid) -> Tensor:
    """Return by how many nepers the chord's notes lead the loudest other: [batch, frames]."""
    share = chroma(spectrum, grid.chroma, grid.window)
    rival = share.masked_fill(~grid.outside, 0.0).amax(1)
    return (share * grid.inside).sum(1).clamp_min(1e-9).log() - rival.clamp_min(1e-9).log()


@control(
    "harmony",
    Words,
    layers=("chords", "bass"),
    unit="share of frames off",
    tolerance=0.1,
    tolerance_with_others=0.15,
    help="The notes of chords such as Am F | C G are louder than any other.",
    metric=metrics.HARMONY,
)
def harmony(target: Words, scene: Scene, context: Context) -> Term:
    """Loss: the weighted mean of the squared missing lead (soft); distance: the share of frames with a lead below 0.

    Raises `BadRequestError` for a text that is no chords, or that needs a key and has none.
    """
    request = context.request
    key = None if request.key is None else Key.parse(request.key)
    grid_of = _grid(chord_spans(target.text, key, request.bars, request.meter.beats_per_bar), context)

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        return mean(softplus(MARGIN - _lead(spectrum, grid)).square(), grid.weights)

    def distance(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        return mean((_lead(spectrum, grid) < 0).to(grid.weights), grid.weights)

    return Term(loss, distance)

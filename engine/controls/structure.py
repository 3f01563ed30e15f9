"""Structure: sections with the same letter sound alike, others do not.

Cepstra are averaged over four stretches per section, centred over the loop and normalised. Their self-similarity
matrix, smoothed by a Savitzky-Golay filter in both directions, is matched with the matrix of the letters, computed in
the same way (DITTO, Novack et al. 2024, draws its target matrices by hand).
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import metrics
from ..curves import smoothing_kernel
from ..errors import BadRequestError
from ..models.protocol import Scene
from ..request import Audio, Words, targets_of
from ..spectrum import Spectrum
from .cepstra import cepstra, cepstral_basis
from .grid import like, mean, per_layout
from .reference import on_the_loop
from .registry import control
from .row import Paper
from .term import Context, Term

STRETCHES = 4  # averages of the cepstra per section
SMOOTHING_WIDTH = 5  # of the matrix, in stretches
MAX_LETTERS = 32
MAX_STRETCHES = 64
SILENT_VARIATION = 1e-3  # dB: cepstra that vary less do not vary


@dataclass(frozen=True, slots=True)
class _Grid:
    target: Tensor  # [stretches, stretches]
    weights: Tensor  # [stretches, stretches]
    pooling: Tensor  # [frames, stretches]
    smooth: Tensor  # [stretches, stretches]
    basis: tuple[Tensor, Tensor]  # of `cepstral_basis`


def letters_of(words: Words) -> str:
    """Return the form in capitals, without spaces; raise `BadRequestError` unless it is 2 to 32 letters."""
    form = "".join(words.text.split()).upper()
    if not 2 <= len(form) <= MAX_LETTERS or not form.isalpha():
        raise BadRequestError(f"A structure is 2 to {MAX_LETTERS} letters like AABA, not {words.text[:40]!r}.")
    return form


def letter_matrix(form: str) -> NDArray[np.float64]:
    """Return the cosine similarity [letters, letters] of centred one-hot letters, as of the centred cepstra."""
    kinds = sorted(set(form))
    if len(kinds) == 1:
        return np.ones((len(form), len(form)))
    one_hot = np.array([[letter == kind for kind in kinds] for letter in form], dtype=np.float64)
    centred = one_hot - one_hot.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(unit @ unit.T)


def similarity(spectrum: Spectrum, pooling: Tensor, basis: tuple[Tensor, Tensor], smooth: Tensor) -> Tensor:
    """Return the smoothed cosine self-similarity of a loop: [batch, stretches, stretches].

    `pooling` is [frames, stretches], `basis` of `cepstral_basis`, `smooth` [stretches, stretches].
    """
    features = cepstra(spectrum, basis) @ pooling
    features = features - features.mean(-1, keepdim=True)
    unit = features / (features.square().sum(1, keepdim=True) + SILENT_VARIATION**2).sqrt()
    return _smoothed(unit.transpose(1, 2) @ unit, smooth)


def _smoothed(matrix: Tensor, smooth: Tensor) -> Tensor:
    return smooth @ matrix @ smooth.T


def _smoothing(count: int, spectrum: Spectrum) -> Tensor:
    """Return the Savitzky-Golay filter of order 2 as a matrix [count, count], the end values repeated."""
    width = min(SMOOTHING_WIDTH, count - (1 - count % 2))
    kernel = smoothing_kernel(width) if width > 2 else np.ones(1)
    matrix, half = np.zeros((count, count)), len(kernel) // 2
    for row in range(count):
        for offset, value in zip(range(-half, half + 1), kernel, strict=True):
            matrix[row, np.clip(row + offset, 0, count - 1)] += value
    return like(matrix, spectrum)


def _pooling(count: int, spectrum: Spectrum) -> Tensor:
    stretch = torch.arange(spectrum.frames) * count // spectrum.frames
    one_hot = torch.nn.functional.one_hot(stretch, count).double()
    return like(one_hot / one_hot.sum(0).clamp_min(1), spectrum)


@control(
    "structure",
    *targets_of("structure"),
    unit="MSE of similarity",
    tolerance=0.0005,  # with more, an independent segmenter finds only three in four forms
    usual_steps=43,
    help="Sections follow a form such as AABA, or the form of reference audio.",
    metric=metrics.STRUCTURE,
    paper=Paper(long=True),
)
def structure(target: Words | Audio, scene: Scene, context: Context) -> Term:
    """Loss and distance: the weighted mean squared error of the smoothed self-similarity matrix.

    Raises `BadRequestError` for a text that is no form, and for audio with values that are not finite.
    """
    form = letters_of(target) if isinstance(target, Words) else None
    bars = context.request.bars
    count = len(form) * STRETCHES if form else min(MAX_STRETCHES, max(4, bars * STRETCHES))
    heard = context.model.hear(on_the_loop(target, context.model, scene), scene) if isinstance(target, Audio) else None

    def make(spectrum: Spectrum) -> _Grid:
        basis, pooling, smooth = cepstral_basis(spectrum), _pooling(count, spectrum), _smoothing(count, spectrum)
        if heard is not None:
            reference = replace(heard, power=heard.power.to(spectrum.power))
            wanted = similarity(reference, pooling, basis, smooth)[0]
        else:
            letters = np.kron(letter_matrix(form or ""), np.ones((STRETCHES, STRETCHES)))
            wanted = _smoothed(like(letters, spectrum), smooth)
        inside = like(context.frame_weights(count), spectrum)
        return _Grid(wanted, inside[:, None] * inside, pooling, smooth, basis)

    grid_of = per_layout(make)

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        found = similarity(spectrum, grid.pooling, grid.basis, grid.smooth)
        return mean((found - grid.target).square().flatten(1), grid.weights.flatten())

    return Term(loss, loss)

"""Loop: for models that know no circle, the end leads into the beginning (DITTO, appendix E of Novack et al. 2024).

Where the model makes more than the loop, what comes after the loop's end must be its beginning. Where it makes
exactly the loop, the step from the last latent to the first must be no larger than the steps inside. It is
added by itself to loops of models that are not circular; nobody has to ask for it.
"""

import torch
from torch import Tensor

from ..models.protocol import Scene
from ..request import Words
from ..spectrum import Spectrum
from .registry import Context, Term, control

OVERLAP_SECONDS = 0.5  # the paper's
LEAST_EXTRA_FRAMES = 2
USUAL_QUANTILE = 0.9  # a hit on the downbeat is a large step, too


@control(
    "loop",
    Words,
    unit="excess at the wrap",
    tolerance=0.1,
    help="The end leads into the beginning; made by itself where it is needed.",
)
def loop(target: Words, scene: Scene, context: Context) -> Term:
    """Match the overlap, or else the step across the wrap; the target's text is not read."""
    inside = round(scene.frames * scene.loop_samples / scene.model_samples)
    extra = scene.frames - inside
    per_second = inside / context.request.seconds
    overlap = min(extra, round(OVERLAP_SECONDS * per_second))

    def loss(_: Spectrum, latent: Tensor) -> Tensor:
        rows = latent.movedim(1 + scene.time_axis, 1).flatten(2)
        if overlap >= LEAST_EXTRA_FRAMES:
            return _overlap_error(rows, inside, overlap)
        return _step_excess(rows[:, :inside])

    return Term(loss, loss)


def _overlap_error(rows: Tensor, inside: int, overlap: int) -> Tensor:
    """Squared difference of the overlap and the beginning, over the latent's variance: [batch]."""
    off = (rows[:, inside : inside + overlap] - rows[:, :overlap]).square().mean((1, 2))
    return off / rows.detach().var((1, 2)).clamp_min(1e-6)


def _step_excess(rows: Tensor) -> Tensor:
    """How much larger the step across the wrap is than the large steps inside, in their measure: [batch]."""
    steps = (rows.roll(-1, 1) - rows).square().mean(2)
    usual = steps[:, :-1].detach().quantile(USUAL_QUANTILE, dim=1).clamp_min(1e-9)
    return torch.relu(steps[:, -1] / usual - 1)

"""Loop: the end continues into the beginning, as in DITTO (Novack et al. 2024, appendix E).

Where the loop is trimmed out of a longer piece, the waveform around its end must equal the waveform around its
beginning, so that the join is inaudible. Where the model makes exactly the loop, the change from the last latent frame
to the first must be no larger than changes inside. The control is added to every loop of a model that is not circular.
"""

import torch
from torch import Tensor

from ..models.protocol import Scene
from ..request import Words
from ..spectrum import Spectrum
from .registry import control
from .term import Context, Term

USUAL_QUANTILE = 0.9  # of the changes inside, which the wrap may reach: a hit on the downbeat is a large one
WAVEFORM_SCALE = 100.0  # a difference 30 dB under the sound then counts 0.1, the tolerance
SILENCE = 1e-8  # mean square


@control(
    "loop",
    Words,
    unit="excess at the wrap",
    tolerance=0.1,
    help="The end leads into the beginning; made by itself where it is needed.",
    closes=True,
)
def loop(target: Words, scene: Scene, context: Context) -> Term:
    """Loss and distance: the mismatch of the waveform's ends, or else the excess of the change at the wrap.

    The text of the target is ignored.
    """
    inside = round(scene.frames * scene.loop_samples / scene.model_samples)

    def loss(spectrum: Spectrum, latent: Tensor) -> Tensor:
        if spectrum.ends is not None:
            return WAVEFORM_SCALE * _mismatch(*spectrum.ends)
        return _step_excess(latent.movedim(1 + scene.time_axis, 1).flatten(2)[:, :inside])

    return Term(loss, loss, proximal_weight=0.0)


def _mismatch(beginning: Tensor, end: Tensor) -> Tensor:
    """Return the power of the difference over the mean power of both, Hann-weighted around the join: [batch].

    Both waveforms are [batch, samples].
    """
    window = torch.hann_window(beginning.shape[-1], dtype=beginning.dtype, device=beginning.device)
    window = window / window.sum()
    power = (beginning.square() + end.square()) @ window / 2
    return (beginning - end).square() @ window / (power + SILENCE)


def _step_excess(rows: Tensor) -> Tensor:
    """Return the squared change at the wrap over the 0.9 quantile of those inside, minus 1, at least 0: [batch].

    `rows` is the latent as [batch, frames, values].
    """
    steps = (rows.roll(-1, 1) - rows).square().mean(2)
    usual = steps[:, :-1].detach().quantile(USUAL_QUANTILE, dim=1).clamp_min(1e-9)
    return torch.relu(steps[:, -1] / usual - 1)

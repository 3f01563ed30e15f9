"""Timbre: the loop's cepstra have the mean and the deviation over time of a reference's."""

from dataclasses import replace

import torch
from torch import Tensor

from ..models.protocol import Scene
from ..request import Audio, targets_of
from ..spectrum import Spectrum
from .cepstra import cepstra, cepstral_basis
from .grid import FLOOR_POWER, like, per_layout
from .reference import on_the_loop
from .registry import control
from .row import Reference
from .term import Context, Term

SCALE_DB = 10.0  # an error of so much in all statistics is a loss of 1


def statistics(spectrum: Spectrum, basis: tuple[Tensor, Tensor], weights: Tensor) -> Tensor:
    """Return mean and deviation in dB of each coefficient, weighted: [batch, 2 * coefficients], means first.

    `basis` is of `cepstral_basis`; frames under -60 dBFS hardly count beside their `weights` [frames].
    """
    values = cepstra(spectrum, basis)
    power = spectrum.power.sum(1, keepdim=True)
    heard = weights * power / (power + FLOOR_POWER)
    total = heard.sum(-1).clamp_min(1e-9)
    mean = (heard * values).sum(-1) / total
    variance = (heard * (values - mean[..., None]).square()).sum(-1) / total
    return torch.cat([mean, (variance + 1e-6).sqrt()], 1)


@control(
    "timbre",
    *targets_of("timbre"),
    unit="dB",
    tolerance=1.5,
    help="The sound has the colour of reference audio.",
    reference=Reference.TIMBRE,
)
def timbre(target: Audio, scene: Scene, context: Context) -> Term:
    """Loss: the mean squared error of the cepstral statistics over (10 dB)^2; distance: its root in dB.

    Raises `BadRequestError` for audio with values that are not finite.
    """
    heard = context.model.hear(on_the_loop(target, context.model, scene), scene)

    def make(spectrum: Spectrum) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
        basis = cepstral_basis(spectrum)
        reference = replace(heard, power=heard.power.to(spectrum.power))
        wanted = statistics(reference, basis, like(torch.ones(heard.frames), spectrum))
        return basis, like(context.frame_weights(spectrum.frames), spectrum), wanted

    grid_of = per_layout(make)

    def squared_db(spectrum: Spectrum) -> Tensor:
        basis, weights, wanted = grid_of(spectrum)
        return (statistics(spectrum, basis, weights) - wanted).square().mean(1)

    return Term(
        lambda spectrum, _: squared_db(spectrum) / SCALE_DB**2,
        lambda spectrum, _: (squared_db(spectrum) + 1e-12).sqrt(),
    )

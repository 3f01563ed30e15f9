"""A search through a cheap surrogate: how it is corrected, and when the exact chain verifies it.

A chain of few steps is cheap, but its latent differs from the delivered one, and moves less far; and a latent that is a
spectrogram may be one that no waveform has. Both differences are measured at some steps, the verifications, and taken
as constant until the next one: the latent's as a difference, once its movement is scaled by the model's
`surrogate_gain`, the waveform's as a ratio of powers, band by band and frame by frame; until a waveform is analysed it
is what the model expects. At that noise the corrected surrogate gives exactly what the exact evaluation gives,
for the surrogate's price (space mapping, Bandler et al. 1994, with the surrogate of DITTO-2, arXiv:2405.20289, as the
coarse model).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..models.protocol import ExpectsWaveform, ListensThrough, Model, Sampler, Scene
from ..sampling import sample
from ..spectrum import Spectrum
from .best import per_item
from .objective import Evaluation, Objective, farthest

WIDEST_RATIO = 100.0  # 20 dB; where powers differ by more, a ratio corrects nothing
SILENCE = 1e-9  # mean square that is added to both powers


class Problem(NamedTuple):
    """The objective of a search, with the model and the scene for which it is minimised."""

    model: Model
    scene: Scene
    objective: Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A sampling chain from noise to latent: a sampler and its number of denoiser calls."""

    steps: int
    sampler: Sampler


def latent_of(model: Model, scene: Scene, noise: Tensor, chain: Chain, *, checkpoint: bool = True) -> Tensor:
    """Return the latent [batch, *noise_shape] that `chain` makes of `noise`, carrying the gradient.

    With `checkpoint` activations are recomputed in the backward pass. The noise is made contiguous, as a stored one
    is: bfloat16 kernels add in another order for other strides, and a take could not be reproduced to the last bit.
    """
    noise = noise.contiguous()
    return sample(model, scene, noise, model.schedule(chain.steps, scene), chain.sampler, checkpoint=checkpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The differences of exact evaluation and surrogate at the last verification; None where not measured.

    `latent` [batch, *noise_shape] is added to `gain` [batch] times the surrogate's latent. `power` [batch, bands,
    frames] and `side` [batch, frames] are factors of the powers of mid and side. `crest` [batch, frames] in dB is added
    to a frame's level to give its peak, which no spectrum tells.
    """

    latent: Tensor | None = None
    gain: Tensor | None = None
    power: Tensor | None = None
    side: Tensor | None = None
    crest: Tensor | None = None

    def applied(self, model: Model, scene: Scene, latent: Tensor) -> tuple[Tensor, Spectrum]:
        """Return the surrogate's `latent` and its spectrum, both corrected, carrying the gradient."""
        shifted = latent if self.gain is None else latent * per_item(self.gain, latent)
        shifted = shifted if self.latent is None else shifted + self.latent
        spectrum = model.listen(shifted, scene)
        if self.power is None:
            return shifted, model.expected_through(spectrum, scene) if isinstance(model, ExpectsWaveform) else spectrum
        spectrum = replace(spectrum, power=spectrum.power * self.power)
        if self.side is not None and spectrum.side is not None:
            spectrum = replace(spectrum, side=spectrum.side * self.side)
        if self.crest is not None:
            spectrum = replace(spectrum, peak_db=spectrum.mid_level_db + self.crest)
        return shifted, spectrum

    def with_waveform(self, model: Model, scene: Scene, latent: Tensor, waveform: Spectrum) -> "Correction":
        """Return this correction with the ratios and the crest of `waveform`, the spectrum of the decoded `latent`."""
        own, side, crest = model.listen(latent, scene), self.side, self.crest
        if waveform.side is not None and own.side is not None:
            side = _ratio(waveform.side, own.side)
        if waveform.peak_db is not None:
            crest = waveform.peak_db - waveform.mid_level_db
        return replace(self, power=_ratio(waveform.power, own.power), side=side, crest=crest)


def _ratio(power: Tensor, surrogate: Tensor) -> Tensor:
    return ((power + SILENCE) / (surrogate + SILENCE)).clamp(1 / WIDEST_RATIO, WIDEST_RATIO)


@dataclass(frozen=True, slots=True)
class Verified:
    """The number of verifications, and the iteration of the last one."""

    count: int = 0
    iteration: int = 0


class Finding(NamedTuple):
    """The result of a verification: the new correction, and the evaluation by the exact chain.

    `exact` is false where the model's waveform was not analysed: then the `evaluation` uses the waveform ratios of the
    verification before, and decides neither on the best noise nor on the end.
    """

    correction: Correction
    evaluation: Evaluation
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The exact evaluation of a search through a surrogate, and when it takes place.

    It takes place every `every_steps` steps at the latest, and as soon as all distances by the surrogate are at most
    `BELIEVED` tolerances, but not within `apart_steps` of the last one.

    The waveform costs most: it is analysed where the delivered latent is within `NEAR` tolerances, and at the last
    verification; always with `always_waveform`.
    """

    chain: Chain
    gain: float = 1.0  # of the surrogate's movement
    every_steps: int = 6
    apart_steps: int = 2
    always_waveform: bool = False

    BELIEVED = 0.7  # tolerances
    NEAR = 1.0  # tolerances

    def is_due(self, verified: Verified, iteration: int) -> bool:
        """Return whether a step begins with a verification: the first one, or after `every_steps` steps."""
        return not verified.count or iteration - verified.iteration >= self.every_steps

    def is_worth_it(self, verified: Verified, iteration: int, surrogate: Evaluation) -> bool:
        """Return whether all items of the evaluation `surrogate` are near enough to be verified."""
        settled = iteration - verified.iteration >= self.apart_steps
        return settled and bool((surrogate.farthest <= self.BELIEVED).all())

    def verify(
        self, problem: Problem, surrogate: Tensor, exact: Tensor, correction: Correction, *, thorough: bool
    ) -> Finding:
        """Return a new correction and the exact evaluation of two latents [batch, *noise_shape] of one noise.

        `surrogate` is the surrogate's latent, `exact` the latent of `chain`. If `thorough` the waveform is analysed.
        """
        model, scene, objective = problem
        gain = torch.full((len(exact),), self.gain, dtype=exact.dtype, device=exact.device)
        correction = replace(correction, latent=exact - self.gain * surrogate, gain=gain)
        spectrum = correction.applied(model, scene, surrogate)[1]
        if not isinstance(model, ListensThrough):
            return Finding(correction, objective.evaluate(spectrum, exact), exact=True)
        near = bool((farthest(objective.distances(spectrum, exact)) <= self.NEAR).all())
        if not (thorough or near or self.always_waveform):
            return Finding(correction, objective.evaluate(spectrum, exact), exact=False)
        spectrum = model.listen_through(exact, scene)
        evaluation = objective.evaluate(spectrum, exact)
        return Finding(correction.with_waveform(model, scene, exact, spectrum), evaluation, exact=True)

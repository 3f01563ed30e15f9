"""What a step hears of a noise: through a chain, through the waveform, or through a corrected surrogate.

A few-step surrogate is cheap and hears something a little other than the loop that is delivered; a latent that is a
spectrogram may be one that no waveform has. Both gaps are measured now and then at the present noise and taken for
constant until the next look: the latent's as a difference, the waveform's as a ratio of powers, band by band and
frame by frame. At that noise the corrected surrogate hears exactly what the true ear hears, for the surrogate's price
(space mapping, Bandler et al. 1994, with DITTO-2's surrogate as the coarse model).
"""

from dataclasses import dataclass, replace

from torch import Tensor

from ..models.protocol import Model, Sampler, Scene
from ..sampling import sample
from ..spectrum import Spectrum

WIDEST_RATIO = 100.0  # 20 dB: beyond, the waveform has something quite other there, and no ratio mends it
SILENCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """How a noise becomes a latent."""

    steps: int
    sampler: Sampler


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """The true ear: the delivered chain, and the waveform itself where the model can be heard through it."""

    chain: Chain
    through_waveform: bool = True


def latent_of(model: Model, scene: Scene, noise: Tensor, chain: Chain, *, checkpoint: bool = True) -> Tensor:
    """Return the latent that `chain` makes of `noise`, carrying the gradient."""
    return sample(model, scene, noise, model.schedule(chain.steps, scene), chain.sampler, checkpoint=checkpoint)


def can_listen_through(model: Model) -> bool:
    """Return whether the model can be heard through its real waveform."""
    return hasattr(model, "listen_through")


def listen(model: Model, scene: Scene, latent: Tensor, *, through_waveform: bool) -> Spectrum:
    """Return what is heard of `latent`: of its real waveform where that is asked for and the model can."""
    if through_waveform and can_listen_through(model):
        spectrum: Spectrum = getattr(model, "listen_through")(latent, scene)  # noqa: B009  # optional in the protocol
        return spectrum
    return model.listen(latent, scene)


def waveform_gaps(model: Model, scene: Scene, latent: Tensor, spectrum: Spectrum) -> dict[str, Tensor]:
    """Return by what the waveform's `spectrum` differs from `latent`'s own: a ratio of powers, and the frames' crest.

    The crest, from a frame's level to its largest sample, is what a level alone does not tell of a file's limit.
    """
    own = model.listen(latent, scene)
    ratio = (spectrum.power + SILENCE) / (own.power + SILENCE)
    found = {"power": ratio.clamp(1 / WIDEST_RATIO, WIDEST_RATIO)}
    if spectrum.side is not None and own.side is not None:
        found["side"] = ((spectrum.side + SILENCE) / (own.side + SILENCE)).clamp(1 / WIDEST_RATIO, WIDEST_RATIO)
    return found if spectrum.peak_db is None else found | {"crest": spectrum.peak_db - spectrum.mid_level_db}


def corrected(model: Model, scene: Scene, latent: Tensor, found: dict[str, Tensor]) -> tuple[Tensor, Spectrum]:
    """Return the surrogate's latent and what is heard of it, corrected, carrying the gradient."""
    shifted = latent + found["latent"] if "latent" in found else latent
    spectrum = model.listen(shifted, scene)
    if "power" in found:
        spectrum = replace(spectrum, power=spectrum.power * found["power"])
    if "side" in found and spectrum.side is not None:
        spectrum = replace(spectrum, side=spectrum.side * found["side"])
    if "crest" in found:
        spectrum = replace(spectrum, peak_db=spectrum.mid_level_db + found["crest"])
    return shifted, spectrum

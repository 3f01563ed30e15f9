"""Inpaint and outpaint: in the kept beats the loop is the reference, elsewhere it is free.

The loss matches the levels of all bands frame by frame where beats are kept (DITTO's masked match, Novack et al. 2024),
and the sampler makes the rest fit. Where the latent is a spectrogram, the reference's latent is then written into the
kept frames, so that they sound as after encoding and decoding alone. There the target is the spectrum of the encoded
reference, and it is compared with the latent's own: the error of the codec alone exceeds the tolerance, and the phases
of the waveform add as much again. Inpainting keeps given beats of a loop. Outpainting keeps the whole reference and
adds bars.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ..curves import inside
from ..errors import BadRequestError
from ..models.protocol import ListensThrough, Scene
from ..request import Audio, targets_of
from ..spectrum import Spectrum
from .grid import like, mean, per_layout
from .reference import beats_of, on_the_loop
from .registry import control
from .row import Reference
from .term import Context, Term

SCALE_DB = 10.0  # an error of so much in all bands is a loss of 1
FLOOR_DENSITY = 1e-10  # mean square of one bin that counts as silence
PROXIMAL_WEIGHT = 0.3  # with more, no loop comes nearer

Keep = Sequence[tuple[Fraction, Fraction]]


@dataclass(frozen=True, slots=True)
class _Grid:
    target_db: Tensor  # [1, bands, frames]
    weights: Tensor  # [frames], 0 where nothing is kept


def kept_weights(keep: Keep, context: Context, frames: int) -> Tensor:
    """Return the weights, by `context`, of the loop's frames that begin in a range to keep: float64 [frames].

    All others weigh 0; a range that is shorter than a frame keeps one. A model that inpaints by itself has a mask of
    its own, `engine.models.span.kept_mask`.
    """
    chosen = np.zeros(frames, dtype=np.bool_)
    for part in keep:
        chosen |= inside(part, context.request.beats, frames)
    return torch.from_numpy(chosen).double() * context.frame_weights(frames)


def _checked(keep: Keep, context: Context) -> Keep:
    end = context.request.beats
    for first, last in keep:
        if not 0 <= first < last <= end:
            raise BadRequestError(
                f"Beats to keep must rise within 0 to {float(end):g}; these are {float(first):g}:{float(last):g}."
            )
    return keep


def _band_db(spectrum: Spectrum) -> Tensor:
    density = spectrum.power / spectrum.bins.to(spectrum.power)[:, None]
    return 10 * torch.log10(density + FLOOR_DENSITY)


def _grid(audio: Tensor, keep: Keep, scene: Scene, context: Context) -> Callable[[Spectrum], _Grid]:
    model = context.model
    coded = isinstance(model, ListensThrough)
    heard = model.listen(model.encode(audio, scene), scene) if coded else model.hear(audio, scene)

    def make(spectrum: Spectrum) -> _Grid:
        weights = like(kept_weights(keep, context, spectrum.frames), spectrum)
        return _Grid(_band_db(heard).to(spectrum.power), weights)

    return per_layout(make)


def _term(target: Audio, keep: Keep, scene: Scene, context: Context) -> Term:
    audio = on_the_loop(target, context.model, scene)
    grid_of = _grid(audio, _checked(keep, context), scene, context)

    coded = isinstance(context.model, ListensThrough)

    def squared_db(spectrum: Spectrum, latent: Tensor) -> Tensor:
        spectrum = context.model.listen(latent, scene) if coded else spectrum
        grid = grid_of(spectrum)
        return mean((_band_db(spectrum) - grid.target_db).square().mean(1), grid.weights)

    write_kept_frames = _writer(audio, keep, scene, context)
    return Term(
        write_kept_frames=write_kept_frames,
        loss=lambda spectrum, latent: squared_db(spectrum, latent) / SCALE_DB**2,
        distance=lambda spectrum, latent: (squared_db(spectrum, latent) + 1e-12).sqrt(),
        # An anchor without the kept part would pull away from it.
        proximal_weight=PROXIMAL_WEIGHT if write_kept_frames else 0.0,
    )


def _writer(audio: Tensor, keep: Keep, scene: Scene, context: Context) -> Callable[[Tensor], Tensor] | None:
    """Return a function that writes the reference's kept frames into a latent; None for a latent without frames."""
    if not isinstance(context.model, ListensThrough):
        return None
    known = context.model.encode(audio, scene)
    frames = kept_weights(keep, context, scene.frames).bool()
    chosen = frames[:, None] if scene.time_axis == 0 else frames
    return lambda latent: torch.where(chosen.to(latent.device), known.to(latent), latent)


@control(
    "inpaint",
    *targets_of("inpaint"),
    unit="dB",
    tolerance=2.0,
    help="Given beats of reference audio are kept, the rest is made anew.",
    keeps_level=True,
    reference=Reference.KEPT,
)
def inpaint(target: Audio, scene: Scene, context: Context) -> Term:
    """Loss: the mean squared error of band levels in the kept beats, over (10 dB)^2; distance: its root in dB.

    Raises `BadRequestError` where no beats are given, or some that do not rise within the loop.
    """
    if not target.keep:
        raise BadRequestError("Inpainting needs the beats to keep, like 0:8.")
    return _term(target, target.keep, scene, context)


@control(
    "outpaint",
    *targets_of("outpaint"),
    unit="dB",
    tolerance=2.0,
    help="Reference audio is kept from beat 0, and bars are added after it.",
    keeps_level=True,
    reference=Reference.KEPT,
)
def outpaint(target: Audio, scene: Scene, context: Context) -> Term:
    """Loss and distance of `inpaint`, in the beats that are given, else from beat 0 to the end of the reference."""
    whole = (Fraction(0), min(beats_of(target, context.request), context.request.beats))
    return _term(target, target.keep or (whole,), scene, context)

"""Reference audio of a request as a tensor: at a model's rate, and of the loop's length."""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ..audio.resample import resampled
from ..errors import BadRequestError
from ..models.protocol import Model, Scene
from ..request import Audio, LoopRequest


def at_rate(target: Audio, sample_rate: int, channels: int) -> Tensor:
    """Return the reference at `sample_rate` Hz with so many channels: float32 [1, channels, samples].

    Raises `BadRequestError` for values that are not finite.
    """
    flat = np.frombuffer(target.samples, dtype="<f4").astype(np.float64)
    audio = flat.reshape(-1, target.channels).T
    if not np.isfinite(audio).all():
        raise BadRequestError("The reference audio holds values that are not numbers.")
    samples = max(1, round(audio.shape[1] * sample_rate / target.sample_rate))
    audio = resampled(audio, samples, circular=False)
    shaped = audio if len(audio) == channels else np.broadcast_to(audio.mean(0), (channels, samples))
    return torch.from_numpy(np.ascontiguousarray(shaped)).float()[None]


def on_the_loop(target: Audio, model: Model, scene: Scene) -> Tensor:
    """Return the reference from beat 0, cut or padded with silence to the loop: [1, channels, loop_samples].

    Raises `BadRequestError` for values that are not finite.
    """
    audio = at_rate(target, model.card.sample_rate, model.card.channels)[..., : scene.loop_samples]
    return torch.nn.functional.pad(audio, (0, scene.loop_samples - audio.shape[-1]))


def beats_of(target: Audio, request: LoopRequest) -> Fraction:
    """Return the reference's length in beats at the request's tempo."""
    frames = len(target.samples) // (4 * target.channels)
    return Fraction(frames, target.sample_rate) * request.tempo_bpm / 60

"""The network as a flow: an estimate of x_0 with guidance, in pieces where a loop is long, and its last answers."""

import hashlib
import math
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from .network import PocketNetwork
from .scenes import TEACHER_GUIDANCE, Inputs, in_pieces, twice

ANSWERS = 32  # kept, of two chains as they are delivered in four layers
UNSEEN_INPUTS = frozenset({"said", "limits", "asked"})  # by the network: the decoder and the learned step read them


@dataclass(frozen=True, slots=True)
class Flow:
    """Estimates of x_0 by `network`, which computes in `dtype`.

    The last answers without a gradient are kept: a take that is redrawn was heard when it was made.
    """

    network: PocketNetwork
    dtype: torch.dtype
    _answers: dict[tuple[bytes, float, float | None], Tensor] = field(default_factory=dict)

    def denoise(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        """Return x_0 on the line from `latent` [batch, frames, channels]; with `until` the student answers."""
        if latent.is_meta or (torch.is_grad_enabled() and latent.requires_grad):
            return self._denoised(latent, time, inputs, until)
        key = fingerprint(latent, inputs), float(time), None if until is None else float(until)
        if key not in self._answers:
            self._answers[key] = self._denoised(latent, time, inputs, until)
            while len(self._answers) > ANSWERS:
                del self._answers[next(iter(self._answers))]
        return self._answers[key]

    def _denoised(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        if inputs.pieces == 1:
            return self._estimate(latent, time, inputs, until)
        # Longer than one piece: overlapping pieces round the circle, so that every join lies inside another piece.
        piece = latent.shape[1] // inputs.pieces
        shift = piece // 2
        straight = self._in_pieces(latent, time, inputs, until)
        shown = None if inputs.controls is None else _turned(inputs.controls, -shift, inputs.pieces)
        context = None if inputs.context is None else inputs.context.roll(-shift, 1)
        turned = replace(inputs, phases=inputs.phases.roll(-shift, 1), controls=shown, context=context)
        shifted = self._in_pieces(latent.roll(-shift, 1), time, turned, until).roll(shift, 1)
        inside = torch.sin(
            math.pi * (torch.arange(latent.shape[1], device=latent.device) % piece + 0.5) / piece
        ).square()
        return inside[:, None] * straight + (1 - inside[:, None]) * shifted

    def _in_pieces(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        batch, frames, channels = latent.shape
        pieces = latent.reshape(batch * inputs.pieces, frames // inputs.pieces, channels)
        return self._estimate(pieces, time, in_pieces(inputs), until).reshape(batch, frames, channels)

    def _estimate(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        end = time if until is None else until
        if until is None or inputs.avoided:
            # The student has guidance folded in, and only needs to be asked twice to lean away from something.
            scale = TEACHER_GUIDANCE if until is None else 2.0
            both = torch.cat([part.expand(len(latent), -1) for part in (inputs.conditional, inputs.unconditional)])
            velocities = self._velocity(torch.cat([latent, latent]), time, end, both, twice(inputs))
            conditional, unconditional = velocities.chunk(2)
            velocity = unconditional + scale * (conditional - unconditional)
        else:
            velocity = self._velocity(latent, time, end, inputs.conditional.expand(len(latent), -1), inputs)
        return latent - time.to(latent.dtype) * velocity

    def _velocity(self, latent: Tensor, time: Tensor, until: Tensor, condition: Tensor, inputs: Inputs) -> Tensor:
        size = len(latent)
        shown = None if inputs.controls is None else inputs.controls.repeat(size // len(inputs.controls), 1, 1)
        times = time.to(latent).expand(size), until.to(latent).expand(size)
        whole = self.dtype == torch.float32
        with nullcontext() if whole else torch.autocast(latent.device.type, self.dtype):
            answer = self.network(latent, *times, condition, inputs.phases, shown, inputs.layer, inputs.context)
        return answer.to(latent.dtype)


def fingerprint(noise: Tensor, inputs: Inputs) -> bytes:
    """Return a digest of a noise and of all that conditions the network: one for each question to it.

    A redraw asks for another curve, which the network does not see: the loops of before are known.
    """
    digest = hashlib.blake2b()
    seen = (getattr(inputs, part.name) for part in fields(inputs) if part.name not in UNSEEN_INPUTS)
    for part in (noise, *seen):
        digest.update(part.detach().cpu().numpy().tobytes() if isinstance(part, Tensor) else repr(part).encode())
    return digest.digest()


def _turned(rows: Tensor, frames: int, pieces: int) -> Tensor:
    whole = rows.unflatten(0, (-1, pieces)).flatten(1, 2)
    return whole.roll(frames, 1).view_as(rows)

"""The state of a search as a value: after any step it can be stored as bytes, and resuming gives the same result.

Every part of a search defines its own state; here they are combined, and stored as safetensors by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import BadInputError
from .best import Best
from .objective import Values
from .step import Moments, Pace
from .surrogate import Correction, Verified

SEVERAL = b"searches"  # no safetensors file begins so: its first eight bytes are a small number
FORM = 3  # counts up whenever the names below change
FORM_2 = {  # names in form 2, which may be in the journal of an engine that was updated during a search
    "first_moment": "moments.first",
    "second_moment": "moments.second",
    "best_noise": "best.noise",
    "best_total": "best.total",
    "best_reached": "best.reached",
    "looked_total": "pace.verified_total",
    "heard_total": "pace.surrogate_total",
    "rate": "pace.rate",
    "corrections.latent": "correction.latent",
    "corrections.power": "correction.power",
    "corrections.side": "correction.side",
    "corrections.crest": "correction.crest",
}


Part = TypeVar("Part", Best, Moments, Pace, Correction)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """Where a search is: its noise [batch, *noise_shape] after `iteration` steps, and the state of each part.

    `scales`, [batch] each, are the balance's; `anchor` [batch, *noise_shape] is None before the first step and
    without a proximal pull. Tensors are never changed in place.
    """

    iteration: int
    noise: Tensor
    best: Best
    moments: Moments
    pace: Pace
    scales: Values = field(default_factory=dict)
    verified: Verified = field(default_factory=Verified)
    correction: Correction = field(default_factory=Correction)
    anchor: Tensor | None = None

    @classmethod
    def fresh(cls, noise: Tensor) -> "SearchState":
        """Return the state before the first step."""
        best, moments, pace = Best.fresh(noise), Moments.fresh(noise), Pace.fresh(noise)
        return cls(iteration=0, noise=noise, best=best, moments=moments, pace=pace)

    def alone(self, item: int) -> "SearchState":
        """Return the state of one take of the batch, `item` counted from 0."""
        own = slice(item, item + 1)
        return replace(
            self,
            noise=self.noise[own],
            scales={name: scale[own] for name, scale in self.scales.items()},
            anchor=None if self.anchor is None else self.anchor[own],
            best=_alone(self.best, own),
            moments=_alone(self.moments, own),
            pace=_alone(self.pace, own),
            correction=_alone(self.correction, own),
        )

    def to_bytes(self) -> bytes:
        """Return the state as safetensors."""
        tensors = {"noise": self.noise} | ({} if self.anchor is None else {"anchor": self.anchor})
        for name in ("best", "moments", "pace", "correction"):
            part = getattr(self, name)
            tensors |= {f"{name}.{field.name}": getattr(part, field.name) for field in fields(part)}
        tensors |= {f"scales.{name}": scale for name, scale in self.scales.items()}
        known = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        counts = (FORM, self.iteration, self.verified.count, self.verified.iteration)
        known["counts"] = torch.tensor(counts, dtype=torch.float64)
        # Safetensors takes no tensor twice, and a state may hold one under two names.
        return bytes(save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in known.items()}))

    @classmethod
    def from_bytes(cls, data: bytes, device: torch.device | str = "cpu") -> "SearchState":
        """Return the state in `data`, on `device`; raise `BadInputError` for bytes of neither form 2 nor 3."""
        try:
            tensors = {name: tensor.to(device) for name, tensor in load(data).items()}
            form, iteration, count, verified_at = (int(value) for value in tensors.pop("counts").tolist())
            if form == 2:
                tensors = {FORM_2.get(name, name): tensor for name, tensor in tensors.items()}
            elif form != FORM:
                raise BadInputError(
                    f"The saved state of this search has form {form}; this version reads the forms 2 and {FORM}.",
                    remedy="Ask for the loop again: with the same seed it starts from the same noise.",
                )
            return cls(
                iteration=iteration,
                noise=tensors["noise"],
                best=Best(**_part("best", tensors)),
                moments=Moments(**_part("moments", tensors)),
                pace=Pace(**_part("pace", tensors)),
                scales=_part("scales", tensors),
                verified=Verified(count, verified_at),
                correction=Correction(**_part("correction", tensors)),
                anchor=tensors.get("anchor"),
            )
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise BadInputError("This is not the saved state of a loop in progress.") from error


def states_to_bytes(states: Sequence[SearchState]) -> bytes:
    """Return the states of several searches of one request, in order; one alone is stored as it is."""
    stored = [state.to_bytes() for state in states]
    return stored[0] if len(stored) == 1 else SEVERAL + msgspec.msgpack.encode(stored)


def states_from_bytes(data: bytes, device: torch.device | str = "cpu") -> list[SearchState]:
    """Return the states in `data`, on `device`; raise `BadInputError` for other bytes."""
    if not data.startswith(SEVERAL):
        return [SearchState.from_bytes(data, device)]
    try:
        stored = msgspec.msgpack.decode(data.removeprefix(SEVERAL), type=list[bytes])
    except msgspec.DecodeError as error:
        raise BadInputError("This is not the saved state of a loop in progress.") from error
    return [SearchState.from_bytes(one, device) for one in stored]


def _alone(part: Part, own: slice) -> Part:
    """Return a part of the state of some takes alone."""
    known = {one.name: value for one in fields(part) if (value := getattr(part, one.name)) is not None}
    return replace(part, **{name: value[own] for name, value in known.items()})


def _part(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of one part by the names of its fields."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}

"""The state of an optimisation as a value: any step can be kept, sent and resumed."""

import math
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import BadInputError

FORMAT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """Where an optimisation stands: noise and Adam's moments [batch, *noise_shape], the best so far [batch, ...].

    `scales` are the weights [batch] that make several controls pull equally hard, `corrections` what the true ear
    hears otherwise (`surrogate`), `anchor` [batch, *noise_shape] the loop that is held on to (`anchor`).
    Tensors are never changed in place.
    """

    iteration: int  # also the count of Adam's updates
    looks: int  # of the true ear, so far
    looked_at: int  # the iteration of its last one
    noise: Tensor
    first_moment: Tensor
    second_moment: Tensor
    best_noise: Tensor
    best_total: Tensor
    best_reached: Tensor
    looked_total: Tensor  # [batch], at the last look through the true chain
    heard_total: Tensor  # [batch], at the last step since then, by the corrected surrogate
    rate: Tensor  # [batch], 1 and less: of the plan's learning rate
    scales: dict[str, Tensor]
    corrections: dict[str, Tensor]
    anchor: Tensor | None = None

    @classmethod
    def fresh(cls, noise: Tensor) -> "SavedState":
        """Return the state before the first step."""
        worst = torch.full((len(noise),), math.inf, dtype=noise.dtype, device=noise.device)
        return cls(
            iteration=0,
            looks=0,
            looked_at=0,
            noise=noise,
            first_moment=torch.zeros_like(noise),
            second_moment=torch.zeros_like(noise),
            best_noise=noise,
            best_total=worst,
            best_reached=torch.zeros_like(worst, dtype=torch.bool),
            looked_total=worst,
            heard_total=worst,
            rate=torch.ones_like(worst),
            scales={},
            corrections={},
        )

    def to_bytes(self) -> bytes:
        """Return the state as safetensors."""
        tensors = {f"scales.{name}": tensor for name, tensor in self.scales.items()}
        tensors |= {f"corrections.{name}": tensor for name, tensor in self.corrections.items()}
        tensors |= {name: getattr(self, name) for name in _TENSORS}
        tensors |= {} if self.anchor is None else {"anchor": self.anchor}
        counts = (FORMAT, self.iteration, self.looks, self.looked_at)
        tensors["counts"] = torch.tensor(counts, dtype=torch.float64)
        # Safetensors takes no tensor twice, and a state may hold one under two names.
        return bytes(save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}))

    @classmethod
    def from_bytes(cls, data: bytes, device: torch.device | str = "cpu") -> "SavedState":
        """Read a state; raise `BadInputError` for anything else."""
        try:
            tensors = {name: tensor.to(device) for name, tensor in load(data).items()}
            form, *counts = tensors.pop("counts").tolist()
            if form != FORMAT:
                raise BadInputError(f"The saved state has form {form:g}, this version reads form {FORMAT:g}.")
            iteration, looks, looked_at = (int(count) for count in counts)
            named = {name: tensors.pop(name) for name in _TENSORS}
            anchor = tensors.pop("anchor", None)
        except (SafetensorError, KeyError, ValueError) as error:
            raise BadInputError("This is not the saved state of a loop in progress.") from error
        groups: dict[str, dict[str, Tensor]] = {"scales": {}, "corrections": {}}
        for name, tensor in tensors.items():
            group, _, key = name.partition(".")
            groups.setdefault(group, {})[key] = tensor
        return cls(
            iteration=iteration,
            looks=looks,
            looked_at=looked_at,
            scales=groups["scales"],
            corrections=groups["corrections"],
            anchor=anchor,
            **named,
        )


_TENSORS = (
    "noise",
    "first_moment",
    "second_moment",
    "best_noise",
    "best_total",
    "best_reached",
    "looked_total",
    "heard_total",
    "rate",
)

"""The state of an optimisation as a value: any step can be kept, sent and resumed."""

import math
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from .errors import BadInputError
from .request import LoopRequest

FORMAT = 2.0
WIDE_VARIATION = 0.8  # from here on a variation also chooses anew what the prompt leaves open
NOT_A_TAKES = "This is not the stored noise of a take."


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """Where an optimisation stands: noise and Adam's moments [batch, *noise_shape], the best so far [batch, ...].

    `scales` are the weights [batch] that make several controls pull equally hard, `corrections` what the true ear
    hears otherwise (`engine.hearing`), `anchor` [batch, *noise_shape] the loop that is held on to (`engine.anchor`).
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


@dataclass(frozen=True, slots=True)
class OpenSeeds:
    """The seeds that decide what a prompt leaves open: `words` of its sounds and moods, `key` of its key."""

    words: int
    key: int


def noise_to_bytes(noise: Tensor, *, model: str, seed: int, open_seeds: OpenSeeds) -> bytes:
    """Return one take's x_T [*noise_shape] as safetensors, float32, with the model's name and all seeds."""
    tensor = noise.detach().cpu().float().contiguous()
    meta = {"model": model, "seed": str(seed), "frames": str(tensor.shape[0])}
    words, key = torch.tensor(open_seeds.words), torch.tensor(open_seeds.key)
    return bytes(save({"noise": tensor, "words_seed": words, "key_seed": key}, metadata=meta))


def open_seeds(request: LoopRequest) -> OpenSeeds:
    """Return what decides what the prompt leaves open: the first take's seeds, for all that begin from it.

    A wide variation chooses its words anew, or it would be the same loop once more; the key of a set stays.
    """
    if request.start is None:
        return OpenSeeds(words=request.seed, key=request.seed)
    stored = _of_a_take(request.start.noise)
    words = _seed_in(stored, "words_seed", request.seed)
    key = _seed_in(stored, "key_seed", words)
    return OpenSeeds(words=request.seed if request.start.variation >= WIDE_VARIATION else words, key=key)


def _seed_in(stored: dict[str, Tensor], name: str, otherwise: int) -> int:
    kept = stored.get(name, torch.tensor(otherwise))
    if kept.dtype != torch.int64 or kept.dim() != 0 or kept < 0:
        raise BadInputError(NOT_A_TAKES)
    return int(kept)


def noise_from_bytes(data: bytes, shape: tuple[int, ...]) -> Tensor:
    """Read a take's x_T; raise `BadInputError` where it is none or belongs to a loop of another length or model."""
    noise = _of_a_take(data)["noise"]
    if tuple(noise.shape) != shape:
        raise BadInputError(
            f"The stored noise has the shape {tuple(noise.shape)}, this loop needs {shape}.",
            remedy="Start from a take of the same model, length and tempo.",
        )
    if not torch.isfinite(noise).all():
        raise BadInputError("The stored noise holds values that are not numbers.")
    return noise


def _of_a_take(data: bytes) -> dict[str, Tensor]:
    try:
        tensors = dict(load(data))
    except (SafetensorError, KeyError) as error:
        raise BadInputError(NOT_A_TAKES) from error
    if "noise" not in tensors:
        raise BadInputError(NOT_A_TAKES)
    return tensors

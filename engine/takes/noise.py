"""A take's stored noise x_T, with the seeds that complete its prompt."""

from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import BadInputError
from ..request import LoopRequest

WIDE_VARIATION = 0.8  # from here on a variation also completes the prompt anew
HEARD = "heard"
NOT_A_TAKES = "This is not the stored noise of a take."


@dataclass(frozen=True, slots=True)
class OpenSeeds:
    """The seeds that complete a prompt: `words` chooses the missing sounds and moods, `key` the missing key."""

    words: int
    key: int


def noise_to_bytes(
    noise: Tensor,
    *,
    model: str,
    seed: int,
    open_seeds: OpenSeeds,
    layers: tuple[str, ...] = (),
    heard: Tensor | None = None,
) -> bytes:
    """Return one take's x_T [*noise_shape] as safetensors, float32, with the model's name and all seeds.

    Of a take in layers also their names, and what each `heard` of the others [layers, frames, channels].
    """
    tensor = noise.detach().cpu().float().contiguous()
    meta = {"model": model, "seed": str(seed), "frames": str(tensor.shape[1 if layers else 0])}
    tensors = {"noise": tensor, "words_seed": torch.tensor(open_seeds.words), "key_seed": torch.tensor(open_seeds.key)}
    if heard is not None:
        tensors[HEARD] = heard.detach().cpu().float().contiguous()
        meta["layers"] = ",".join(layers)
    return bytes(save(tensors, metadata=meta))


def heard_from_bytes(data: bytes, layers: tuple[str, ...]) -> Tensor | None:
    """Return what each of `layers` of a stored take heard of the others; None of a take that has no layers.

    Raises `BadInputError` where they are others than the noise is of.
    """
    tensors = _of_a_take(data)
    heard = tensors.get(HEARD)
    if heard is None:
        return None
    if heard.dim() != 3 or heard.shape[:2] != tensors["noise"].shape[:2] or len(heard) != len(layers):
        raise BadInputError(NOT_A_TAKES)
    if not torch.isfinite(heard).all():
        raise BadInputError("The stored take holds values that are not numbers.")
    return heard


def open_seeds(request: LoopRequest) -> OpenSeeds:
    """Return the seeds that complete the prompt: the first take's own, for all searches that start from it.

    A wide variation chooses its words anew, or it would be the same loop once more; it keeps the key.
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
    """Read a take's x_T; raise `BadInputError` for other bytes and for a loop of another length or model."""
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

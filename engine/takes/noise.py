"""A take's noise x_T as stored, with the seeds of the sounds and the key that its prompt left open."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import BadInputError
from ..request import LAYERS, LoopRequest

WIDE_VARIATION = 0.8  # from this amount on a variation also chooses the open sounds anew
HEARD, RAISED, GAIN = "heard", "raised_db", "gain_db"
CONTROLS, CONTROL_INPUTS = "controls", "control_inputs"
CONDITIONING = "told"  # as takes that are stored have it
NOT_A_TAKES = "This is not the stored noise of a take."


@dataclass(frozen=True, slots=True)
class OpenSeeds:
    """The seeds of a prompt's open parts: `words` chooses sounds and moods, `key` the key, where it names none."""

    words: int
    key: int


@dataclass(frozen=True, slots=True)
class LayeredNoise:
    """The noise [layers, frames, channels] of a take, and the conditioning `heard` of each layer [layers, frames, m].

    `heard` is a take's row of `protocol.Layers.condition_layers`, `layers` are the names in the same order. `raised_db`
    [layers] says how much louder each was made, see `engine.takes.audibility`; `gain_db` is the gain of the whole loop,
    None for a take that does not tell it, as those of earlier versions.
    """

    layers: tuple[str, ...]
    noise: Tensor
    heard: Tensor
    raised_db: Tensor
    gain_db: float | None = None


@dataclass(frozen=True, slots=True)
class StoredControls:
    """The control inputs of a take, `rows` [rows, frames, channels]; `layers` name them, "" is one sound."""

    layers: tuple[str, ...]
    rows: Tensor


def noise_to_bytes(
    noise: Tensor,
    *,
    model: str,
    seed: int,
    open_seeds: OpenSeeds,
    layers: tuple[str, ...] = (),
    heard: Tensor | None = None,
    raised_db: Sequence[float] = (),
    gain_db: float | None = None,
    controls: Tensor | None = None,
    has_inputs: bool = False,
    weights: str = "",
    conditioning: str = "",
    computed: str = "",
) -> bytes:
    """Return one take's x_T [*noise_shape] as safetensors, float32, with the model's name and all seeds.

    Of a take in layers also their names, their conditioning `heard` [layers, frames, m], how much louder each was made,
    `raised_db`, and the gain of the whole loop, `gain_db`; of a model that `has_inputs` for targets the `controls` of
    the take (see `protocol.HasControlInputs`); with the digest of the `weights`, the layers' other `conditioning` (see
    `protocol.Scene`) and the arithmetic `computed` of the take (JSON of `record.Computed`), where those are not empty.
    """
    tensor = noise.detach().cpu().float().contiguous()
    meta = {"model": model, "seed": str(seed), "frames": str(tensor.shape[1 if layers else 0])}
    tensors = {"noise": tensor, "words_seed": torch.tensor(open_seeds.words), "key_seed": torch.tensor(open_seeds.key)}
    if heard is not None:
        tensors[HEARD] = heard.detach().cpu().float().contiguous()
        tensors[RAISED] = torch.tensor(raised_db or [0.0] * len(layers))
        meta["layers"] = ",".join(layers)
        if gain_db is not None:
            tensors[GAIN] = torch.tensor(gain_db, dtype=torch.float64)
    if has_inputs:
        meta[CONTROL_INPUTS] = "off" if controls is None else "on"
    if controls is not None:
        tensors[CONTROLS] = controls.detach().cpu().float().contiguous()
    texts = {"weights": weights, CONDITIONING: conditioning, "computed": computed}
    meta |= {name: text for name, text in texts.items() if text}
    return bytes(save(tensors, metadata=meta))


def layered_from_bytes(data: bytes) -> LayeredNoise | None:
    """Return the noise of a stored take layer by layer; None for a take that is one sound.

    Raises `BadInputError` for other bytes, unknown layers, shapes that do not match and values that are not finite.
    """
    tensors = _of_a_take(data)
    noise, heard = tensors["noise"], tensors.get(HEARD)
    if heard is None:
        return None
    layers = tuple(stored_facts(data).get("layers", "").split(","))
    raised_db = tensors.get(RAISED, torch.zeros(len(layers)))  # earlier takes have none
    if noise.dim() != 3 or heard.dim() != 3 or heard.shape[:2] != noise.shape[:2] or len(heard) != len(layers):
        raise BadInputError(NOT_A_TAKES)
    if raised_db.shape != (len(layers),) or raised_db.dtype != torch.float32:
        raise BadInputError(NOT_A_TAKES)
    if not set(layers) <= set(LAYERS) or len(set(layers)) != len(layers):
        raise BadInputError(f"The stored take has the layers {', '.join(layers)[:80]}, which are not known here.")
    gain_db = tensors.get(GAIN)
    if gain_db is not None and (gain_db.dim() != 0 or gain_db.dtype != torch.float64):
        raise BadInputError(NOT_A_TAKES)
    values = (heard, noise, raised_db) if gain_db is None else (heard, noise, raised_db, gain_db)
    if not all(torch.isfinite(one).all() for one in values):
        raise BadInputError("The stored take holds values that are not numbers.")
    return LayeredNoise(layers, noise, heard, raised_db, None if gain_db is None else float(gain_db))


def knows_control_inputs(data: bytes) -> bool:
    """Whether a stored take says if its model had control inputs: those of earlier versions do not."""
    return CONTROL_INPUTS in stored_facts(data)


def controls_from_bytes(data: bytes) -> StoredControls | None:
    """Return the control inputs of a stored take; None where it had none.

    Raises `BadInputError` for other bytes, shapes that do not match and values that are not finite.
    """
    tensors = _of_a_take(data)
    if (rows := tensors.get(CONTROLS)) is None:
        return None
    layers = tuple(stored_facts(data).get("layers", "").split(","))
    if rows.dim() != 3 or len(rows) != len(layers):
        raise BadInputError(NOT_A_TAKES)
    if not torch.isfinite(rows).all():
        raise BadInputError("The stored take holds values that are not numbers.")
    return StoredControls(layers, rows)


def stored_facts(data: bytes) -> dict[str, str]:
    """Return the metadata of a stored noise, such as model, seed, layers, weights; raise `BadInputError` otherwise."""
    _of_a_take(data)
    size = int.from_bytes(data[:8], "little")
    found = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    return {str(name): str(value) for name, value in found.items()}


def open_seeds(request: LoopRequest) -> OpenSeeds:
    """Return the seeds of the prompt's open parts: those stored in the take that the request starts from, else its own.

    A variation of 0.8 or more chooses the words anew, or it would be nearly the same loop; it keeps the key. Raises
    `BadInputError` for bytes that are no stored noise.
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


def of_another_loop() -> BadInputError:
    """Return the error, for the caller to raise, of a noise whose shape is not this loop's."""
    return BadInputError(
        "The noise of the take belongs to a loop of another length or of another model.",
        remedy="Start from a take of the same model, bars, time signature and tempo.",
    )


def noise_from_bytes(data: bytes, shape: tuple[int, ...]) -> Tensor:
    """Return a take's x_T of `shape`, float32; raise `BadInputError` for other bytes, shapes or values not finite."""
    noise = _of_a_take(data)["noise"]
    if tuple(noise.shape) != shape:
        raise of_another_loop()
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

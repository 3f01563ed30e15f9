"""The record in a take's sidecar: method, model, versions, time, losses, and statistics of the optimised noise."""

from contextlib import suppress
from importlib import metadata

import msgspec
import torch
from torch import Tensor

from ..models.hardware import multiplies_bfloat16
from ..models.protocol import Model, ModelCard, Precise, Scene
from ..request import LoopRequest
from ..search.shell import flatness
from ..settings import MAX_THREADS
from .noise import stored_facts

BFLOAT16 = " with bfloat16"
MADE_WITH = ("ditto-live", "torch", "diffusers")  # diffusers only where it is installed


def what_was_done(
    request: LoopRequest, card: ModelCard, losses: list[dict[str, float]], seconds: float
) -> dict[str, object]:
    """Return model, licence, method, versions, `seconds` of optimisation, and the losses of each control by step.

    `losses` are by control, one dictionary per step; the curves are rounded to six decimals.
    """
    curves = {name: [round(step[name], 6) for step in losses if name in step] for name in (losses[0] if losses else ())}
    return {
        "model": card.name,
        "licence": card.licence,
        "method": request.method,
        "steps": len(losses),
        "seconds_optimising": round(seconds, 3),
        "loss_curves": curves,
        "versions": {name: metadata.version(name) for name in MADE_WITH if any(metadata.distributions(name=name))},
    }


def search_facts(verifications: int, first_step: str) -> dict[str, object]:
    """Return the number of verifications, and the digest of the learned first step unless it is empty."""
    return {"verifications": verifications} | ({"first_step": first_step} if first_step else {})


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """The arithmetic of a take. Where all of it is the same, its noise gives the same samples to the last bit.

    `kernels` are a processor's instructions, or the accelerator's name.
    """

    device: str
    precision: str
    threads: int
    kernels: str


def computed_by(model: Model) -> Computed:
    """Return the arithmetic by which `model` computes now; an empty precision where it does not know its own."""
    device, precision = model.device, str(model.dtype).removeprefix("torch.") if isinstance(model, Precise) else ""
    if device.type == "cuda":
        kernels = torch.cuda.get_device_name(device)
    else:
        kernels = torch.backends.cpu.get_cpu_capability() + (BFLOAT16 if multiplies_bfloat16(device) else "")
    return Computed(device=device.type, precision=precision, threads=torch.get_num_threads(), kernels=kernels)


def threads_of(noise: bytes) -> int:
    """Return the number of threads with which the take of a stored noise was computed; 0 where it does not say.

    A file may come from anywhere, and nothing is computed with more than `MAX_THREADS`.
    """
    with suppress(msgspec.DecodeError):
        threads = msgspec.json.decode(stored_facts(noise).get("computed", ""), type=Computed).threads
        return threads if 1 <= threads <= MAX_THREADS else 0
    return 0


def layer_facts(scene: Scene, weights: str) -> dict[str, object]:
    """Return the layers of a take (empty for a full mix), its chords, and the digest `weights` unless it is empty."""
    facts = {"layers": list(scene.layers), "muted": list(scene.muted), "chords": scene.record.get("chords", "")}
    return facts | ({"weights": weights} if weights else {})


def noise_facts(noise: Tensor, time_axis: int) -> dict[str, object]:
    """Return mean, deviation, kurtosis (3 for a Gaussian) and spectral flatness (1 is white) of one take's noise."""
    values = noise.detach().double().flatten()
    centred = values - values.mean()
    spread = centred.square().mean().sqrt()
    return {
        "noise_mean": round(float(values.mean()), 5),
        "noise_std": round(float(spread), 5),
        "noise_kurtosis": round(float((centred / spread).pow(4).mean()), 4),
        "noise_flatness": round(float(flatness(noise.detach().double()[None], time_axis)), 5),
    }

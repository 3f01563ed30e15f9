"""The record in a take's sidecar: method, model, versions, time, losses, and statistics of the optimised noise."""

from importlib import metadata

from torch import Tensor

from ..models.protocol import ModelCard, Scene
from ..request import LoopRequest
from ..search.shell import flatness

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

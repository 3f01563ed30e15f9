"""The record in a take's sidecar: method, model, versions, time, losses, and statistics of the optimised noise."""

from importlib import metadata

from torch import Tensor

from ..models.protocol import ModelCard, Scene
from ..request import LoopRequest
from ..search.shell import flatness

MADE_WITH = ("ditto-live", "torch", "diffusers")  # the last one only where other people's models can be used


def what_was_done(
    request: LoopRequest, card: ModelCard, losses: list[dict[str, float]], seconds: float
) -> dict[str, object]:
    """Return model, licence, method, versions, timing and the loss of each control by step."""
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
    """Return how often a search was verified, and the digest of the learned step that it began with, if it did."""
    return {"verifications": verifications} | ({"first_step": first_step} if first_step else {})


def layer_facts(scene: Scene, weights: str) -> dict[str, object]:
    """Return which layers a take has, none for a full mix, its chords, and the digest of its weights if known."""
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

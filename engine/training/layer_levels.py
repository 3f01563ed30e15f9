"""The levels of layers: what brings latents that are sampled to those of true layers, fitted on loops in layers.

    python -m engine.training.layer_levels --weights FOLDER --data FOLDER [--loops 96]

Each loop is asked for as it was labelled, layer by layer, and sampled as it would be delivered. What is found goes to
`layer_inputs.safetensors` of the weights, in the place of what was there; nothing else of them changes.
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from midi.chords.text import Chord, ChordSpan
from midi.key import Key
from midi.tempo import Meter

from ..pocket.arrangement import Arrangement
from ..pocket.layered import LayeredPocket, load_layered
from ..pocket.layers import Layer, Levels
from ..pocket.network import LAYER_INPUTS
from ..pocket.scenes import PIECE_SECONDS
from ..request import LoopRequest
from ..sampling import sample, start_noise
from ..settings import Settings
from .layer_loops import Tracks, read_tracks
from .loops import mode_name, shards

LOOPS = 96  # with fewer than some dozens the rarer layers are not known well enough


def fit(model: LayeredPocket, data: Path, loops: int = LOOPS) -> Levels:
    """Return the levels with which `model` plays the first loops of `data` as they are; the model has them, too."""
    model.pocket.levels = None
    pairs = [pair for tracks in islice(loops_of(data), loops) for pair in pairs_of(model, tracks)]
    levels = Levels.fitted(pairs, model.pocket.latent_map.channels)
    model.pocket.levels = levels.to(model.device)
    return levels


def keep(levels: Levels, weights: Path) -> None:
    """Write the levels to the weights."""
    file = weights / LAYER_INPUTS
    kept = load_file(file) | {name: tensor.half().contiguous() for name, tensor in levels.tensors().items()}
    save_file(kept, file)


def loops_of(data: Path) -> Iterator[Tracks]:
    """Yield the whole mixes of a folder that are made in one piece."""
    for file in shards(data):
        for tracks in read_tracks(file):
            if len(tracks.labels["layers"]) > 1 and request_of(tracks.labels).seconds <= PIECE_SECONDS:
                yield tracks


def pairs_of(model: LayeredPocket, tracks: Tracks) -> Iterator[tuple[Layer, Tensor, Tensor]]:
    """Yield each layer of a loop, its latents as they are sampled, and the true ones."""
    request, plan = request_of(tracks.labels), arrangement_of(tracks.labels)
    scene = model.scene(request, plan)
    noise = start_noise(scene, request.seed)
    with torch.no_grad():
        told, _ = model.rehearsed(scene, noise)
        steps = model.schedule(model.card.decode_steps, told)
        sampled = sample(model, told, noise, steps, model.card.sampler, checkpoint=False)[0].cpu()
        true = model.pocket.latent_map.encode(torch.from_numpy(tracks.bands[1:]).float().to(model.device)).cpu()
    yield from zip(plan.layers, sampled, true, strict=True)


def request_of(labels: dict[str, Any]) -> LoopRequest:
    """Return the request for a loop as long as the labelled one."""
    return LoopRequest(
        prompt="",
        tempo_bpm=Fraction(str(labels["tempo_bpm"])),
        meter=Meter(labels["numerator"], labels["denominator"]),
        bars=labels["bars"],
        seed=labels["samples"],  # any will do, as long as each loop has its own
    )


def arrangement_of(labels: dict[str, Any]) -> Arrangement:
    """Return the layers, words and chords of a labelled loop."""
    words = {Layer(one["layer"]): tuple(one["words"]) for one in labels["layers"]}
    key = Key(labels["tonic"], mode_name(labels["mode"])) if labels["tonic"] >= 0 else None
    spans = (
        ChordSpan(_beats(beat), _beats(beats), Chord(root, frozenset(notes) | {bass}, bass))
        for beat, beats, root, notes, bass in labels["chords"]
    )
    return Arrangement(words, key, tuple(spans) if key is not None else ())


def _beats(value: float) -> Fraction:
    return Fraction(value).limit_denominator(48)


def main() -> None:
    """Fit and keep from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="a folder of weights that know layers")
    parser.add_argument("--data", type=Path, required=True, help="loops in layers, as layer_loops renders them")
    parser.add_argument("--loops", type=int, default=LOOPS)
    given = parser.parse_args()
    model = load_layered(Settings(), given.weights)
    keep(fit(model, given.data, given.loops), given.weights)


if __name__ == "__main__":
    main()

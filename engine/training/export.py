"""From a training state to the weights that the repository ships.

    python -m engine.training.export --state FOLDER --data FOLDER [--out engine/pocket/weights]

The averaged weights as float16 in diffusers' own layout, beside them the latent map and, where `--data` holds loops,
the repertoire of what is said of them.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..pocket import condition
from ..pocket.latents import LatentMap
from ..pocket.layers import (
    BASS_CLASSES,
    CHORD_CHANNELS,
    CHORD_CLASSES,
    COARSE_BANDS,
    LAYERS,
    PITCH_CLASSES,
    Layer,
)
from ..pocket.model import WEIGHTS
from ..pocket.network import LAYER_INPUTS, LAYERED, OWN_WEIGHTS, OWN_WEIGHTS_OF, TUNE, PocketNetwork
from ..pocket.repertoire import MODES, Repertoire
from ..pocket.words import WORDS
from . import checkpoint
from .loops import mode_name, read_labels

# The few-step student includes the guidance by words, but the chord inputs were trained on the flow without guidance
# and are too weak beside it: this multiple of the melody's pitch-class weights is added to them.
CHORDS_LOUDER = {Layer.CHORDS: 0.5}
# Interpolation from the shared weights (0) to the bass's own (1): at 1 it sounds real, but follows its chord less well.
OWN_SHARE = 0.7
# The context weights of a bass in its first jump, which decides on its notes. FIRST_CHORDS are multiples of the
# melody's pitch-class weights for its chord and its lowest note; FIRST_STRENGTHS scale what was trained for its chords
# and, of the other layers, for levels, onsets and chroma. The onsets of drums help a bass, their chroma only puts it
# out of tune. With such strong chords in later jumps it sounds like a lead, with partials to 4 kHz and no rests.
FIRST_CHORDS = {Layer.BASS: ((CHORD_CLASSES, 1.78), (BASS_CLASSES, 0.12))}
FIRST_STRENGTHS = {Layer.BASS: (1.16, 0.0, 5.0, 0.0)}
LATER_STRENGTHS = {Layer.BASS: (1.0, 0.0, 1.0, 0.0)}
# In dB. Without them chords were 5.8 dB louder than in the recipes, and the bass 3.6 dB softer; medians of 33 and 38
# training recipes.
LEVELS_DB = {Layer.CHORDS: -5.0, Layer.BASS: 2.0}


def export(state: Path, latent_map: LatentMap, out: Path) -> None:
    """Write config, weights and latent map of the averaged network in `state` to `out`."""
    averaged = checkpoint.under(load_file(state / checkpoint.FILE), "average.")
    depth = 1 + max(int(name.split(".")[1]) for name in averaged if name.startswith("blocks."))
    network = PocketNetwork(
        channels=latent_map.channels,
        width=averaged["latent_in.weight"].shape[0],
        depth=depth,
        condition_channels=condition.CHANNELS,
    )
    network.load_state_dict(averaged)
    network.to(torch.float16).save(out)
    latent_map.save(out / "latent_map.safetensors")


def export_layers(state: Path, out: Path, own: Path | None = None) -> None:
    """Write the layer inputs of the averaged network in `state` to `out`, beside weights without layers.

    `own` is the state in which one layer has learnt weights of its own.
    """
    averaged = checkpoint.under(load_file(state / checkpoint.FILE), "average.")
    learnt = {name: averaged[name] for name in LAYERED}
    context, tune = learnt["context_in"], averaged["control_in.weight"].T[TUNE]
    for layer, share in CHORDS_LOUDER.items():
        context[LAYERS.index(layer), CHORD_CLASSES] += share * tune
    first = torch.zeros_like(context)
    for layer, louder in FIRST_CHORDS.items():
        place = LAYERS.index(layer)
        first[place] = context[place] * (_strength(FIRST_STRENGTHS[layer]) - _strength(LATER_STRENGTHS[layer]))
        for classes, share in louder:
            first[place, classes] += share * tune
        context[place] *= _strength(LATER_STRENGTHS[layer])
    if own is not None:
        learnt |= _toward_own(learnt, checkpoint.under(load_file(own / checkpoint.FILE), "average."))
    levels = _levels(LatentMap.load(out / "latent_map.safetensors"))
    made = learnt | {"context_first": first, "layer_level": levels}
    save_file({name: tensor.half().contiguous() for name, tensor in made.items()}, out / LAYER_INPUTS)


def _toward_own(learnt: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what was learnt, the row of the layer with weights of its own `OWN_SHARE` of the way to them."""
    place = LAYERS.index(OWN_WEIGHTS_OF)
    moved = {name: learnt[name].clone() for name in LAYERED}
    for name, rows in moved.items():
        rows[place] += OWN_SHARE * (own[name][place] - rows[place])
    weights = {name: tensor for name, tensor in own.items() if name.endswith(OWN_WEIGHTS)}
    return moved | {name: OWN_SHARE * one if name.endswith("expand") else one for name, one in weights.items()}


def _strength(strengths: Sequence[float]) -> Tensor:
    """Return factors [CONTEXT_CHANNELS, 1] of a context's chords, heard levels, rises and chroma, and its flag."""
    parts = torch.tensor((CHORD_CHANNELS, COARSE_BANDS, COARSE_BANDS, PITCH_CLASSES, 1))
    return torch.tensor([*strengths, 1.0]).repeat_interleave(parts)[:, None]


def _levels(latent_map: LatentMap) -> Tensor:
    """Return by how much each layer's latents are moved so that it sounds at its level: [len(LAYERS), channels]."""
    rows = torch.zeros(len(LAYERS), latent_map.channels)
    mean = latent_map.decode(rows[:1])
    for layer, level_db in LEVELS_DB.items():
        rows[LAYERS.index(layer)] = latent_map.encode(mean + level_db * math.log(10) / 10)[0]
    return rows


def repertoire(data: Path, most: int | None = None) -> Repertoire | None:
    """Return what is said of every loop in `data`, of the first so many at `most`; None where there are none."""
    labels = list(islice(read_labels(data), most))
    if not labels:
        return None
    said = np.zeros((len(labels), len(WORDS)), bool)
    for row, label in zip(said, labels, strict=True):
        row[label["words"]] = True
    modes = [MODES.index(mode_name(label["mode"])) if label["tonic"] >= 0 else 0 for label in labels]
    return Repertoire(said, np.array([label["tonic"] for label in labels], np.int8), np.array(modes, np.int8))


def main() -> None:
    """Export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if (found := repertoire(given.data)) is not None:
        found.save(given.out / "repertoire.safetensors")
    export(given.state, LatentMap.load(given.data / "latent_map.safetensors"), given.out)


if __name__ == "__main__":
    main()

"""From a training state to the weights that the repository ships.

    python -m engine.training.export --state FOLDER --data FOLDER [--out engine/pocket/weights]

The averaged weights as float16 in diffusers' own layout, beside them the latent map and, where `--data` holds loops,
the repertoire of what is said of them.
"""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ..pocket import condition
from ..pocket.latents import LatentMap
from ..pocket.layers import CHORD_CHANNELS, CHORD_CLASSES, COARSE_BANDS, LAYERS, PITCH_CLASSES, Layer
from ..pocket.model import WEIGHTS
from ..pocket.network import LAYER_INPUTS, LAYERED, TUNE, PocketNetwork
from ..pocket.repertoire import MODES, Repertoire
from ..pocket.words import WORDS
from . import checkpoint
from .loops import mode_name, read_labels

# The few-step student has the guidance of words folded in, and chords, learnt from the flow without guidance, are too
# soft beside them: by so many times the pitch classes of a tune they are told louder. Chosen on 16 training recipes.
CHORDS_LOUDER = {Layer.BASS: 1.6, Layer.CHORDS: 0.5}
# For the same reason, all that a layer is told: by so much its chords, and of what it hears levels, rises and chroma.
# A bass hears drums: when they rise matters, and how they ring only puts it out of tune. Chosen on 8 training recipes.
STRENGTHS = {Layer.BASS: (1.2, 0.0, 6.0, 0.0)}


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


def export_layers(state: Path, out: Path) -> None:
    """Write what the averaged network in `state` has learnt of layers to `out`, beside weights that know none."""
    averaged = checkpoint.under(load_file(state / checkpoint.FILE), "average.")
    tune = averaged["control_in.weight"].T[TUNE]
    for layer, share in CHORDS_LOUDER.items():
        averaged["context_in"][LAYERS.index(layer), CHORD_CLASSES] += share * tune
    parts = (CHORD_CHANNELS, COARSE_BANDS, COARSE_BANDS, PITCH_CLASSES)
    for layer, strengths in STRENGTHS.items():
        strength = torch.tensor([*strengths, 1.0]).repeat_interleave(torch.tensor([*parts, 1]))
        averaged["context_in"][LAYERS.index(layer)] *= strength[:, None]
    save_file({name: averaged[name].half().contiguous() for name in LAYERED}, out / LAYER_INPUTS)


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

"""Loops in layers for training: rendered in worker processes, kept as fine bands of the mix and of every layer.

    python -m engine.training.layer_loops --out FOLDER --count 5000 [--assets FOLDER] [--split train] [--workers 2]

A shard is one `.npz`: log bands as float16, loop by loop, first the mix and then its layers, all at the level that they
have in it; control inputs of the mix, and labels as JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from .inputs import control_inputs
from .loops import asked, labels_in, plain_labels, render_missing, write_shard

if TYPE_CHECKING:
    from .synth.layers import LayeredLoop

LOOPS_PER_SHARD = 40
FULL_EVERY = 4  # all but one in so many are whole mixes; the rest are laid out as usual


@dataclass(frozen=True, slots=True)
class Tracks:
    """One loop: log bands [1 + layers, frames, bands], the mix first, its control inputs, its labels.

    Labels are those of the mix, with `layers` (their names and words, in order) and `chords`.
    """

    bands: NDArray[np.float16]
    controls: NDArray[np.float16]
    labels: dict[str, Any]


def read_tracks(file: Path) -> Iterator[Tracks]:
    """Yield what `render_layer_shard` wrote."""
    with np.load(file) as arrays:
        bands, controls = arrays["bands"], arrays["controls"]
        labels = labels_in(arrays)
    row = control_row = 0
    for label in labels:
        frames, count = label["frames"], 1 + len(label["layers"])
        block = bands[row : row + frames * count].reshape(count, frames, -1)
        yield Tracks(block, controls[control_row : control_row + frames // FRAMES_PER_LATENT], label)
        row, control_row = row + frames * count, control_row + frames // FRAMES_PER_LATENT


def render_layer_shard(first_seed: int, count: int, split: str, assets: Path | None, out: Path) -> float:
    """Render `count` loops from `first_seed` on into one shard; return the seconds of music in it."""
    # Imported here: numba compiles on import, and only workers should pay for it.
    from .synth.assets import Assets
    from .synth.layers import inverted, render_layers
    from .synth.recipe_sampling import sample_recipe

    torch.set_num_threads(1)
    pack = Assets(assets) if assets else None
    bands, controls, labels, seconds = [], [], [], 0.0
    for seed in range(first_seed, first_seed + count):
        recipe = inverted(sample_recipe(seed, split, layout="full" if seed % FULL_EVERY else None))
        loop = render_layers(recipe, pack)
        samples = loop.audio.shape[-1]
        frames = FRAMES_PER_LATENT * latent_frames(samples)
        sounds = np.stack([loop.audio, *(audio for audio, _ in loop.layers.values())])
        log_power = log_bands(torch.from_numpy(sounds), frames)
        labels.append(_labels(loop, samples, frames))
        bands.append(log_power.half().flatten(0, 1).numpy())
        controls.append(control_inputs(log_power[0], labels[-1]).astype(np.float16))
        seconds += samples / SAMPLE_RATE
    file = out / f"{split}-{first_seed:07d}.npz"
    write_shard(file, labels, bands=np.concatenate(bands), controls=np.concatenate(controls))
    return seconds


def _labels(loop: "LayeredLoop", samples: int, frames: int) -> dict[str, Any]:
    """Return what training needs to know, as JSON-able data; times in beats."""
    layers = [{"layer": name, "words": list(own.words), "tonic": own.tonic} for name, (_, own) in loop.layers.items()]
    chords = [[c.beat, c.beats, c.root, list(c.pitch_classes), c.bass] for c in loop.chords]
    return plain_labels(loop.labels, samples) | {"frames": frames, "layers": layers, "chords": chords}


render_missing_layers = partial(render_missing, shard=render_layer_shard, loops_per_shard=LOOPS_PER_SHARD)


def main() -> None:
    """Render shards from the command line; shards that exist are kept."""
    render_missing_layers(**asked(__doc__.splitlines()[0], 5_000))


if __name__ == "__main__":
    main()

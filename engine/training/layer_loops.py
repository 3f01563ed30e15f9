"""Loops in layers for training: rendered in worker processes, kept as fine bands of the mix and of every layer.

    python -m engine.training.layer_loops --out FOLDER --count 5000 [--assets FOLDER] [--split train] [--workers 2]

A shard is one `.npz`: log bands as float16, loop by loop, first the mix and then its layers, all at the level that they
have in it; control inputs of the mix, and labels as JSON.
"""

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from .inputs import control_inputs
from .loops import asked, plain_labels, shards

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
        labels = json.loads(bytes(arrays["labels"]).decode())
    row = control_row = 0
    for label in labels:
        frames, count = label["frames"], 1 + len(label["layers"])
        block = bands[row : row + frames * count].reshape(count, frames, -1)
        yield Tracks(block, controls[control_row : control_row + frames // FRAMES_PER_LATENT], label)
        row, control_row = row + frames * count, control_row + frames // FRAMES_PER_LATENT


def read_layer_labels(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the labels of every loop in `folder`, without their sound."""
    for file in shards(folder):
        with np.load(file) as arrays:
            yield from json.loads(bytes(arrays["labels"]).decode())


def render_layer_shard(first_seed: int, count: int, split: str, assets: Path | None, out: Path) -> float:
    """Render `count` loops from `first_seed` on into one shard; return the seconds of music in it."""
    # Imported here: numba compiles on import, and only workers should pay for it.
    from .synth.assets import Assets
    from .synth.layers import inverted, render_layers
    from .synth.recipe import sample_recipe

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
    text = np.frombuffer(json.dumps(labels).encode(), np.uint8)
    part = out / f"{split}-{first_seed:07d}.part"
    with part.open("wb") as file:
        np.savez(file, bands=np.concatenate(bands), controls=np.concatenate(controls), labels=text)
    part.replace(part.with_suffix(".npz"))
    return seconds


def _labels(loop: "LayeredLoop", samples: int, frames: int) -> dict[str, Any]:
    """Return what training needs to know, as JSON-able data; times in beats."""
    layers = [{"layer": name, "words": list(own.words), "tonic": own.tonic} for name, (_, own) in loop.layers.items()]
    chords = [[c.beat, c.beats, c.root, list(c.pitch_classes), c.bass] for c in loop.chords]
    return plain_labels(loop.labels, samples) | {"frames": frames, "layers": layers, "chords": chords}


def render_missing_layers(
    out: Path,
    *,
    count: int,
    first_seed: int = 0,
    split: str = "train",
    assets: Path | None = None,
    workers: int = 2,
    pause_after_minutes: float = math.inf,
) -> bool:
    """Render the shards of `count` loops that `out` does not have yet; return whether all are there in the end.

    When the minutes are over what is being rendered is finished and nothing more begun.
    """
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    sizes = {
        s: min(LOOPS_PER_SHARD, first_seed + count - s) for s in range(first_seed, first_seed + count, LOOPS_PER_SHARD)
    }
    files = {seed: out / f"{split}-{seed:07d}.npz" for seed in sizes}
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(render_layer_shard, seed, sizes[seed], split, assets, out)
            for seed in sizes
            if not files[seed].exists()
        ]
        for index, job in enumerate(jobs, 1):
            if job.cancelled():
                continue
            job.result()
            print(f"{index}/{len(jobs)} shards of layers", flush=True)  # noqa: T201 - the command's own output
            if (time.monotonic() - started) / 60 >= pause_after_minutes:
                for later in jobs[index:]:
                    later.cancel()
    return all(file.exists() for file in files.values())


def main() -> None:
    """Render shards from the command line; shards that exist are kept."""
    render_missing_layers(**asked(__doc__.splitlines()[0], 5_000))


if __name__ == "__main__":
    main()

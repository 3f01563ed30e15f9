"""Loops for training: rendered in worker processes, kept as fine bands with their labels.

    python -m engine.training.loops --out FOLDER --count 8000 [--assets FOLDER] [--split train] [--workers 2]

A shard is one `.npz` of many loops: log bands and control inputs as float16, and labels as JSON.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from midi.key import MODES

from ..pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from .inputs import control_inputs

if TYPE_CHECKING:
    from .synth.labels import Labels

LOOPS_PER_SHARD = 100


@dataclass(frozen=True, slots=True)
class Shard:
    """Loops one after the other: log bands [frames, bands], control inputs [latent frames, channels], labels."""

    bands: NDArray[np.float16]
    controls: NDArray[np.float16]
    frames: list[int]  # of each loop
    labels: list[dict[str, Any]]

    def loops(self) -> list[NDArray[np.float16]]:
        """Return the log bands of each loop."""
        return np.split(self.bands, np.cumsum(self.frames)[:-1])


def mode_name(name: str) -> str:
    """Return the name that `midi.key` gives the synth's mode."""
    plain = name.replace("-", " ")
    return plain if plain in MODES else "minor"


def shards(folder: Path) -> list[Path]:
    """Return all shards in `folder` that are whole, in order."""
    return sorted(folder.glob("*.npz"))


def read_shard(file: Path) -> Shard:
    """Return what `render_shard` wrote."""
    with np.load(file) as arrays:
        return Shard(arrays["bands"], arrays["controls"], arrays["frames"].tolist(), labels_in(arrays))


def read_shards(folder: Path) -> Iterator[tuple[NDArray[np.float16], dict[str, Any]]]:
    """Yield log bands [frames, bands] and labels of every loop in `folder`."""
    for file in shards(folder):
        shard = read_shard(file)
        yield from zip(shard.loops(), shard.labels, strict=True)


def read_labels(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the labels of every loop in `folder`, without their sound."""
    for file in shards(folder):
        with np.load(file) as arrays:
            yield from labels_in(arrays)


def labels_in(arrays: Any) -> list[dict[str, Any]]:
    """Return the labels of an open shard."""
    found: list[dict[str, Any]] = json.loads(bytes(arrays["labels"]).decode())
    return found


def plain_labels(labels: "Labels", samples: int) -> dict[str, Any]:
    """Return what training needs of the labels, as JSON-able data; times in beats."""
    return {
        "words": list(labels.words),
        "tempo_bpm": labels.tempo_bpm,
        "numerator": labels.numerator,
        "denominator": labels.denominator,
        "bars": labels.bars,
        "tonic": labels.tonic,
        "mode": labels.mode,
        "genre": labels.genre,
        "samples": samples,
        "beats": labels.bars * 4 * labels.numerator / labels.denominator,
        "tune": [[note.beat, note.beats, note.pitch] for note in labels.melody],
        "hits": [[hit.beat, hit.velocity] for hit in labels.onsets],
    }


def render_shard(first_seed: int, count: int, split: str, assets: Path | None, out: Path) -> float:
    """Render `count` loops from `first_seed` on into one shard; return the seconds of audio in it."""
    # Imported here: numba compiles on import, and only workers should pay for it.
    from .synth.assets import Assets
    from .synth.recipe_sampling import sample_recipe
    from .synth.render import render

    torch.set_num_threads(1)
    pack = Assets(assets) if assets else None
    bands, controls, frames, labels, seconds = [], [], [], [], 0.0
    for seed in range(first_seed, first_seed + count):
        loop = render(sample_recipe(seed, split), pack)
        samples = loop.audio.shape[-1]
        length = FRAMES_PER_LATENT * latent_frames(samples)
        log_power = log_bands(torch.from_numpy(np.ascontiguousarray(loop.audio, np.float32)), length)
        labels.append(plain_labels(loop.labels, samples))
        bands.append(log_power.half().numpy())
        controls.append(control_inputs(log_power, labels[-1]).astype(np.float16))
        frames.append(length)
        seconds += samples / SAMPLE_RATE
    write_shard(
        out / f"{split}-{first_seed:07d}.npz",
        labels,
        bands=np.concatenate(bands),
        controls=np.concatenate(controls),
        frames=np.array(frames),
    )
    return seconds


def write_shard(file: Path, labels: Sequence[Mapping[str, Any]], **arrays: NDArray[Any]) -> None:
    """Write `arrays` and `labels` as one shard, which is there whole or not at all."""
    part = file.with_suffix(".part")
    with part.open("wb") as open_file:
        np.savez(open_file, allow_pickle=False, **arrays, labels=np.frombuffer(json.dumps(labels).encode(), np.uint8))
    part.replace(file)


def render_missing(
    out: Path,
    *,
    count: int,
    first_seed: int = 0,
    split: str = "train",
    assets: Path | None = None,
    workers: int = 2,
    pause_after_minutes: float = math.inf,
    shard: Callable[[int, int, str, Path | None, Path], float] = render_shard,
    loops_per_shard: int = LOOPS_PER_SHARD,
) -> bool:
    """Render the shards of `count` loops that `out` does not have yet; return whether all are there in the end.

    `shard` renders one and returns its seconds of audio. Prints how far it is. When the minutes are over, the shards
    that are being rendered are finished and no others are begun.
    """
    out.mkdir(parents=True, exist_ok=True)
    seeds = range(first_seed, first_seed + count, loops_per_shard)
    missing = [seed for seed in seeds if not (out / f"{split}-{seed:07d}.npz").exists()]
    started, done = time.monotonic(), 0.0
    with ProcessPoolExecutor(workers) as pool:
        sizes = [min(loops_per_shard, first_seed + count - seed) for seed in missing]
        jobs = [pool.submit(shard, seed, size, split, assets, out) for seed, size in zip(missing, sizes, strict=True)]
        for index, job in enumerate(jobs, 1):
            if job.cancelled():
                continue
            done += job.result()
            passed = time.monotonic() - started
            left = passed / index * (len(jobs) - index) / 60
            print(  # noqa: T201 - the command's own output
                f"{index}/{len(jobs)} shards, {done / 3600:.2f} h of audio, "
                f"{done / passed:.0f}x real time, {left:.1f} min left",
                flush=True,
            )
            if passed / 60 >= pause_after_minutes:
                for later in jobs[index:]:
                    later.cancel()
    return all((out / f"{split}-{seed:07d}.npz").exists() for seed in seeds)


def asked(description: str, count: int) -> dict[str, Any]:
    """Return what a command that renders shards was asked for, `count` loops where it says nothing of them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--split", default="train")
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    return vars(parser.parse_args())


def main() -> None:
    """Render shards from the command line; shards that exist are kept."""
    render_missing(**asked(__doc__.splitlines()[0], 8_000))


if __name__ == "__main__":
    main()

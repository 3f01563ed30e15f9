"""Loops for training: rendered in worker processes, kept as fine bands with their labels, served as batches.

    python -m engine.training.loops --out FOLDER --count 8000 [--assets FOLDER] [--split train] [--workers 2]

A shard is one `.npz` of many loops: log bands as float16 and labels as JSON. Loops of one batch have the same number
of frames, so nothing is padded and circles stay exact.
"""

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from midi.key import MODES, Key

from ..pocket import condition as conditioning
from ..pocket import musical_time
from ..pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from ..pocket.controls import control_inputs
from ..pocket.latents import LatentMap

if TYPE_CHECKING:
    from .synth.labels import Labels

LOOPS_PER_SHARD = 100
FREE_SHARE = 0.1  # captions left out altogether, for guidance
CONTROLLED_SHARE = 0.35  # loops whose control inputs are shown, each of the three with even odds


@dataclass(frozen=True, slots=True)
class Batch:
    """Equal-length loops: latents [b, n, c], conditions [b, k], phases [b, n, p], controls [b, n, q]."""

    latent: Tensor
    condition: Tensor
    phases: Tensor
    controls: Tensor

    def rows(self, which: slice) -> "Batch":
        """Return some of the loops."""
        return Batch(self.latent[which], self.condition[which], self.phases[which], self.controls[which])

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on `device`."""
        return Batch(*(getattr(self, name).to(device) for name in ("latent", "condition", "phases", "controls")))


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop as the trainer keeps it: latents and control inputs as float16, labels as plain data."""

    latent: NDArray[np.float16]
    controls: NDArray[np.float16]
    labels: dict[str, Any]

    def condition(self, generator: np.random.Generator) -> Tensor:
        """Return the condition with some words left unsaid, sometimes all."""
        labels = self.labels
        said = generator.random() > FREE_SHARE
        keep = 1 - 0.7 * generator.random() ** 1.5
        ids = [word for word in labels["words"] if said and generator.random() < keep]
        tonal = labels["tonic"] >= 0 and said and generator.random() < 0.7
        return conditioning.describe(
            ids,
            tempo_bpm=labels["tempo_bpm"],
            beats_per_bar=Fraction(4 * labels["numerator"], labels["denominator"]),
            bars=labels["bars"],
            key=Key(labels["tonic"], mode_name(labels["mode"])) if tonal else None,
        )


def mode_name(name: str) -> str:
    """Return the name that `midi.key` gives the synth's mode."""
    plain = name.replace("-", " ")
    return plain if plain in MODES else "minor"


class LoopSet:
    """All loops in memory, grouped by length; batches are drawn by length in proportion to how much there is."""

    def __init__(self, loops: list[Loop], latent_map: LatentMap) -> None:
        self.channels = latent_map.channels
        self.latent_map = latent_map
        self._by_length: dict[int, list[Loop]] = defaultdict(list)
        for loop in loops:
            self._by_length[len(loop.latent)].append(loop)
        self._lengths = sorted(self._by_length)
        counts = np.array([len(self._by_length[length]) for length in self._lengths], float)
        self._odds = counts / counts.sum()

    @property
    def loops(self) -> list[Loop]:
        """Every loop."""
        return [loop for length in self._lengths for loop in self._by_length[length]]

    @classmethod
    def load(cls, folder: Path, weights: Path | None = None) -> "LoopSet":
        """Read all shards of `folder`, in the latents of exported `weights`, or of a map fitted once and kept."""
        file = (weights or folder) / "latent_map.safetensors"
        if not file.exists():
            some = [bands for shard in sorted(folder.glob("*.npz"))[:12] for bands, _ in _read(shard)][::2]
            LatentMap.fit(torch.cat([torch.from_numpy(bands).float() for bands in some])).save(file)
        latent_map = LatentMap.load(file)
        loops = []
        for bands, labels in read_shards(folder):
            log_power = torch.from_numpy(bands).float()
            controls = control_inputs(log_power, labels)
            loops.append(Loop(latent_map.encode(log_power).half().numpy(), controls.astype(np.float16), labels))
        return cls(loops, latent_map)

    def batch(self, size: int, generator: np.random.Generator, *, windows: Sequence[int] = ()) -> Batch:
        """Return `size` whole loops of one length or, with `windows`, pieces of one of these lengths from anywhere.

        Frames know where they are by their phases; for the same work the network meets more music in shorter pieces,
        and in longer ones it learns how much a frame is to look at among many.
        """
        if windows:
            window = int(generator.choice(windows))
            return self._pieces(round(size * 260 / window), window, generator)
        length = int(generator.choice(self._lengths, p=self._odds))
        # Long loops in smaller batches: a step costs the same.
        count = max(2, min(size, round(size * 260 / length))) if length > 260 else size
        group = self._by_length[length]
        chosen = [group[index] for index in generator.integers(len(group), size=count)]
        rows = [self._row(loop, generator) for loop in chosen]
        return Batch(*(torch.stack(column) for column in zip(*rows, strict=True)))

    def batches(self, size: int, seed: int, *, windows: Sequence[int] = (), workers: int = 0) -> Iterator[Batch]:
        """Return batches without end; `workers` processes make them ahead of time, each from its own seed."""
        stream = _Stream(self, size, seed, windows)
        return iter(
            stream
            if workers == 0
            else DataLoader(stream, batch_size=None, num_workers=workers, multiprocessing_context="fork")
        )

    def _pieces(self, count: int, window: int, generator: np.random.Generator) -> Batch:
        long_enough = np.array([length >= window for length in self._lengths])
        odds = self._odds * long_enough
        rows = []
        for length in generator.choice(self._lengths, p=odds / odds.sum(), size=count):
            group = self._by_length[int(length)]
            latent, condition, phases, controls = self._row(group[generator.integers(len(group))], generator)
            where = (int(generator.integers(length)) + torch.arange(window)) % int(length)
            rows.append((latent[where], condition, phases[where], controls[where]))
        return Batch(*(torch.stack(column) for column in zip(*rows, strict=True)))

    @staticmethod
    def _row(loop: Loop, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        labels = loop.labels
        per_bar = Fraction(4 * labels["numerator"], labels["denominator"])
        phases = musical_time.phases(len(loop.latent), labels["bars"], per_bar)
        controls = torch.from_numpy(loop.controls).float()
        shown = generator.random(3) < (0.5 if generator.random() < CONTROLLED_SHARE else 0.0)
        for channels, show in zip((slice(0, 2), slice(2, 15), slice(15, 17)), shown, strict=True):
            if not show:
                controls[:, channels] = 0
        return torch.from_numpy(loop.latent).float(), loop.condition(generator), phases, controls


class _Stream(IterableDataset[Batch]):
    """Batches without end, in this process or a worker's."""

    def __init__(self, loops: LoopSet, size: int, seed: int, windows: Sequence[int]) -> None:
        self._loops, self._size, self._seed, self._windows = loops, size, seed, windows

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        generator = np.random.default_rng(self._seed if worker is None else (self._seed, worker.id))
        while True:
            yield self._loops.batch(self._size, generator, windows=self._windows)


def read_shards(folder: Path) -> Iterator[tuple[NDArray[np.float16], dict[str, Any]]]:
    """Yield log bands [frames, bands] and labels of every loop in `folder`."""
    for shard in sorted(folder.glob("*.npz")):
        yield from _read(shard)


def read_labels(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the labels of every loop in `folder`, without their sound."""
    for shard in sorted(folder.glob("*.npz")):
        with np.load(shard) as arrays:
            yield from _labels(arrays)


def _read(shard: Path) -> Iterator[tuple[NDArray[np.float16], dict[str, Any]]]:
    with np.load(shard) as arrays:
        labels = _labels(arrays)
        bands, ends = arrays["bands"], np.cumsum([0, *arrays["frames"]])
    for start, end, label in zip(ends[:-1], ends[1:], labels, strict=True):
        yield bands[start:end], label


def _labels(arrays: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(bytes(arrays["labels"]).decode())
    return found


def _plain(labels: "Labels", samples: int) -> dict[str, Any]:
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
    from .synth.recipe import sample_recipe
    from .synth.render import render

    torch.set_num_threads(1)
    pack = Assets(assets) if assets else None
    bands, frames, labels, seconds = [], [], [], 0.0
    for seed in range(first_seed, first_seed + count):
        loop = render(sample_recipe(seed, split), pack)
        samples = loop.audio.shape[-1]
        length = FRAMES_PER_LATENT * latent_frames(samples)
        bands.append(log_bands(torch.from_numpy(np.ascontiguousarray(loop.audio, np.float32)), length).half().numpy())
        frames.append(length)
        labels.append(_plain(loop.labels, samples))
        seconds += samples / SAMPLE_RATE
    text = np.frombuffer(json.dumps(labels).encode(), np.uint8)
    part = out / f"{split}-{first_seed:07d}.part"
    with part.open("wb") as file:
        np.savez(file, bands=np.concatenate(bands), frames=np.array(frames), labels=text)
    part.replace(part.with_suffix(".npz"))
    return seconds


def render_missing(
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

    Prints how far it is. When the minutes are over what is being rendered is finished and nothing more begun.
    """
    out.mkdir(parents=True, exist_ok=True)
    seeds = range(first_seed, first_seed + count, LOOPS_PER_SHARD)
    missing = [seed for seed in seeds if not (out / f"{split}-{seed:07d}.npz").exists()]
    started, done = time.monotonic(), 0.0
    with ProcessPoolExecutor(workers) as pool:
        sizes = [min(LOOPS_PER_SHARD, first_seed + count - seed) for seed in missing]
        jobs = [
            pool.submit(render_shard, seed, size, split, assets, out) for seed, size in zip(missing, sizes, strict=True)
        ]
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


def main() -> None:
    """Render shards from the command line; shards that exist are kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--split", default="train")
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    render_missing(
        given.out,
        count=given.count,
        first_seed=given.first_seed,
        split=given.split,
        assets=given.assets,
        workers=given.workers,
    )


if __name__ == "__main__":
    main()

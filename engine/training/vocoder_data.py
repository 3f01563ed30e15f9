"""Pairs that the vocoder learns from: loops as they are, and as the present decoder gives them back.

Each shard is a few examples drawn from its number, so that a rendering that was cut short goes on where it stopped.
Besides whole loops there are sustained chords of random partials and single hits on silence: what they ask for is asked
of all loops, but seldom so plainly. Pairs are brought to hops of 512 samples exactly (a few per cent of pitch at most),
so that one batch holds frames of many loops.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample
from torch import Tensor

from ..pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from ..pocket.latents import LatentMap
from ..pocket.sound import waveform
from .synth.assets import Assets
from .synth.recipe_sampling import sample_recipe
from .synth.render import render
from .synth.score import Hit
from .synth.sounds.stems import render_drums

HOP = 512
A_SHARD = 8
FULL_SCALE = 16_384  # of int16: decoded waves reach above 1
HIT_PIECES = ("kick", "snare", "hats", "rimshot", "clap", "toms", "cowbell", "congas", "open hat")

Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know besides the number of its shard."""

    folder: Path
    latent_map: Path
    assets: Path | None
    chord_share: float = 0.08
    hit_share: float = 0.14


@lru_cache(maxsize=1)
def _map_of(file: Path) -> LatentMap:
    return LatentMap.load(file)


@lru_cache(maxsize=1)
def _assets_of(folder: Path | None) -> Assets | None:
    return Assets(folder) if folder else None


def coded(audio: Audio, latent_map: Path) -> tuple[Tensor, Audio]:
    """Return log bands [frames, 295] of stereo `audio` [2, samples] after the latent map, and the decoder's wave."""
    samples = audio.shape[-1]
    known = _map_of(latent_map)
    log_power = log_bands(torch.from_numpy(audio), FRAMES_PER_LATENT * latent_frames(samples))
    again = known.decode(known.encode(log_power))
    return again, waveform(again[None], samples)[0].numpy()


def example(number: int, job: Job) -> Audio:
    """Return stereo audio [2, frames * 512] of training example `number`: a loop, a chord or a hit."""
    rng = np.random.default_rng((7, number))
    kind, assets = rng.random(), _assets_of(job.assets)
    if kind < job.chord_share:
        audio = _chord(rng)
    elif kind < job.chord_share + job.hit_share:
        audio = _hit(rng, number, assets)
    else:
        audio = render(sample_recipe(number, "train"), assets).audio
    wanted = FRAMES_PER_LATENT * latent_frames(audio.shape[-1]) * HOP
    if wanted != audio.shape[-1]:
        audio = resample(audio, wanted, axis=-1)
    return np.ascontiguousarray(audio, dtype=np.float32)


def _chord(rng: np.random.Generator) -> Audio:
    """Return two to six sustained tones with partials, closed round the loop, wide or not, faintly breathing."""
    samples = FRAMES_PER_LATENT * HOP * 8 * int(rng.integers(16, 28))
    seconds = samples / SAMPLE_RATE
    time_ = np.arange(samples) / samples
    out = np.zeros((2, samples))
    steps = rng.choice(24, int(rng.integers(2, 7)), replace=False)
    lowest = 2 ** rng.uniform(np.log2(70), np.log2(500))
    slope = rng.uniform(0.5, 2.0)
    even = rng.random() < 0.7
    for step in steps:
        pitch = lowest * 2 ** ((step + rng.normal(0, 0.05)) / 12)
        pan, level = rng.uniform(0.3, 0.7), 10 ** (rng.uniform(-8, 0) / 20)
        swell = 1 + rng.uniform(0, 0.25) * np.cos(2 * np.pi * (int(rng.integers(0, 5)) * time_ + rng.random()))
        for partial in range(1, int(rng.integers(2, 24))):
            cycles = round(partial * pitch * seconds)
            if cycles / seconds > 14_000 or (not even and partial % 2 == 0):
                continue
            sine = np.sin(2 * np.pi * (cycles * time_ + rng.random())) * swell * level / partial**slope
            out += np.stack([pan * sine, (1 - pan) * sine])
    if rng.random() < 0.4:
        out += rng.normal(0, 10 ** (rng.uniform(-70, -45) / 20), out.shape) * np.abs(out).max()
    if rng.random() < 0.4:
        out[1] = out[0]
    return _at_peak(out, rng.uniform(-24, -2))


def _hit(rng: np.random.Generator, number: int, assets: Assets | None) -> Audio:
    """Return two to six hits of a random training kit on silence, at random times of some three seconds."""
    recipe = sample_recipe(number, "train", layout="drums")
    assert recipe.drums is not None
    length = rng.uniform(2.6, 3.4)
    last = min(recipe.beats, length * recipe.tempo_bpm / 60)
    hits = tuple(
        Hit(float(rng.uniform(0, last)), str(rng.choice(HIT_PIECES)), float(rng.uniform(0.4, 1)))
        for _ in range(int(rng.integers(2, 7)))
    )
    kick, rest = render_drums(recipe, recipe.drums, hits, assets)
    audio = (kick + rest)[:, : round(length * SAMPLE_RATE)]
    return _at_peak(audio, rng.uniform(-24, -1))


def _at_peak(audio: NDArray[Any], decibels: float) -> Audio:
    return (audio * (10 ** (decibels / 20) / max(float(np.abs(audio).max()), 1e-9))).astype(np.float32)


def _as_integers(audio: Audio) -> NDArray[np.int16]:
    """Return mid and side [2, samples] of stereo `audio`."""
    middle = 0.5 * np.stack([audio[0] + audio[1], audio[0] - audio[1]])
    return np.clip(np.round(middle * FULL_SCALE), -32_768, 32_767).astype(np.int16)


def _write(file: Path, arrays: dict[str, NDArray[Any]]) -> None:
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as opened:
        np.savez(opened, **arrays)  # type: ignore[arg-type]
    part.replace(file)


def render_shard(job: Job, shard: int) -> Path:
    """Write `A_SHARD` pairs: true and decoded mid and side as int16, and the bands as float16."""
    torch.set_num_threads(1)
    true, made, bands = [], [], []
    for number in range(shard * A_SHARD, (shard + 1) * A_SHARD):
        audio = example(number, job)
        log_power, wave = coded(audio, job.latent_map)
        true.append(_as_integers(audio))
        made.append(_as_integers(wave))
        bands.append(log_power.half().numpy())
    arrays = {
        "true": np.concatenate(true, 1),
        "made": np.concatenate(made, 1),
        "bands": np.concatenate(bands),
        "frames": np.array([len(one) for one in bands]),
    }
    file = shard_file(job.folder, shard)
    _write(file, arrays)
    return file


def shard_file(folder: Path, shard: int) -> Path:
    """Return where a shard is kept."""
    return folder / "shards" / f"{shard:05d}.npz"


def render_pairs(job: Job, count: int, workers: int) -> None:
    """Render the shards of `count` examples that are not there; prints how far it is.

    Processes are forked before CUDA is touched, so that they start at once and share the modules.
    """
    (job.folder / "shards").mkdir(parents=True, exist_ok=True)
    missing = [shard for shard in range(-(-count // A_SHARD)) if not shard_file(job.folder, shard).exists()]
    began = told = time.monotonic()
    with ProcessPoolExecutor(workers, get_context("fork")) as pool:
        jobs = [pool.submit(render_shard, job, shard) for shard in missing]
        for done, one in enumerate(as_completed(jobs), 1):
            one.result()
            passed = time.monotonic() - began
            if time.monotonic() - told > 5 or done == len(jobs):
                told = time.monotonic()
                left = passed / done * (len(jobs) - done) / 60
                print(f"{done}/{len(jobs)} shards of pairs, {left:.1f} min left", flush=True)  # noqa: T201 - output


class Pairs:
    """All shards on one device: crops of random loops round random frames."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        files = sorted((folder / "shards").glob("*.npz"))
        if not files:
            raise FileNotFoundError(f"There are no shards in {folder}.")
        shards = []
        for file in files:
            with np.load(file) as opened:
                shards.append({name: opened[name] for name in opened.files})
        self.device = device
        self.true, self.made = (
            torch.cat([torch.from_numpy(shard[name]) for shard in shards], 1).to(device) for name in ("true", "made")
        )
        self.bands = torch.cat([torch.from_numpy(shard["bands"]) for shard in shards]).to(device)
        frames = np.concatenate([shard["frames"] for shard in shards]).astype(np.int64)
        self.frames = torch.from_numpy(frames).to(device)
        self.first = torch.from_numpy(np.cumsum(frames) - frames).to(device)
        # A loop counts by its length, but a short one is heard oftener than that.
        self.weights = torch.from_numpy(np.sqrt(frames)).float().to(device)

    def __len__(self) -> int:
        return len(self.frames)

    def draw(self, batch: int, frames: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return log bands [batch, frames, 295], true and decoded mid and side [batch, 2, frames * 512].

        Crops begin anywhere in a loop and go round it; levels vary by as much as a mix would.
        """
        which = torch.multinomial(self.weights, batch, replacement=True)
        length, first = self.frames[which], self.first[which]
        start = (torch.rand(batch, device=self.device) * length).long()
        row = (start[:, None] + torch.arange(frames, device=self.device)) % length[:, None] + first[:, None]
        sample = (row[..., None] * HOP + torch.arange(HOP, device=self.device)).flatten(1)
        true, made = (
            wave[:, sample.flatten()].view(2, batch, -1).transpose(0, 1).float() / FULL_SCALE
            for wave in (self.true, self.made)
        )
        return self.bands[row].float(), true, made

"""Training the two towers: each learns which words belong to which loop (contrastive, Radford et al. 2021).

    python -m engine.training.towers --data FOLDER --out FOLDER --tower guide|judge --minutes 8 [--seed N]

Each tower hears its own half of the loops, so that they share no accident of the data, and most of them at another
level or under a curve of levels: what a loop is does not depend on how loud it is when, and that is what an
intensity control changes.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..pocket.bands import FLOOR
from ..pocket.condition import WORD_SLOTS
from ..pocket.towers import GuideTower, JudgeTower
from .loops import read_shards

FRAMES = 256  # three seconds of a loop are enough to tell what it is
TURNED_SHARE = 0.8  # of excerpts are heard at other levels
MAX_GAIN_DB, MAX_SWELL_DB = 12.0, 24.0  # of a whole excerpt; from the quietest to the loudest place in it


class Excerpts:
    """Loops in memory; random three seconds of them with some of their words."""

    def __init__(self, folder: Path, share: float, first: bool) -> None:
        everything = list(read_shards(folder))
        cut = round(len(everything) * share)
        self.loops = everything[:cut] if first else everything[-cut:]

    def draw(self, size: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return log bands [size, FRAMES, bands] and multi-hot words [size, WORD_SLOTS]."""
        chosen = generator.choice(len(self.loops), size, replace=False)
        rows = [self._one(self.loops[index], generator) for index in chosen]
        sounds, words = zip(*rows, strict=True)
        return torch.from_numpy(np.stack(sounds)).float(), torch.stack(words)

    @staticmethod
    def _one(
        loop: tuple[NDArray[np.float16], dict[str, list[int]]], generator: np.random.Generator
    ) -> tuple[NDArray[np.float16], Tensor]:
        bands, labels = loop
        start = int(generator.integers(len(bands)))
        excerpt = np.take(bands, np.arange(start, start + FRAMES), axis=0, mode="wrap")
        if generator.random() < TURNED_SHARE:
            excerpt = at_levels(excerpt, level_curve(FRAMES, generator))
        keep = 0.3 + 0.7 * generator.random()
        words = torch.zeros(WORD_SLOTS)
        chosen = [word for word in labels["words"] if generator.random() < keep] or labels["words"]
        words[chosen] = 1
        return excerpt, words


def level_curve(frames: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth curve of gains in dB [frames]: up to four corners, joined by half cosines."""
    corners = int(generator.integers(2, 5))
    swell = MAX_SWELL_DB * generator.random() * (generator.random(corners) - 0.5)
    place = np.linspace(0, corners - 1, frames)
    left = np.minimum(place.astype(int), corners - 2)
    share = (1 - np.cos(np.pi * (place - left))) / 2
    gain_db = generator.uniform(-MAX_GAIN_DB, MAX_GAIN_DB)
    return np.asarray(gain_db + swell[left] * (1 - share) + swell[left + 1] * share, np.float32)


def at_levels(log_power: NDArray[np.floating], gain_db: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return log bands [frames, bands] as they would be under `gain_db` [frames]; the floor stays."""
    power = np.maximum(np.exp(log_power.astype(np.float32)) - FLOOR, 0)
    return np.log(power * 10 ** (gain_db[:, None] / 10) + FLOOR).astype(np.float16)


def contrast(tower: GuideTower | JudgeTower, sounds: Tensor, words: Tensor) -> tuple[Tensor, float]:
    """Return the symmetric contrastive loss and how often a text finds its sound in the batch."""
    of_sounds, of_words = tower.embed_bands(sounds), tower.embed_words(words)
    scores = tower.log_temperature.clamp(max=4.6).exp() * of_sounds @ of_words.T
    truth = torch.arange(len(scores))
    loss = (F.cross_entropy(scores, truth) + F.cross_entropy(scores.T, truth)) / 2
    return loss, float((scores.argmax(0) == truth).float().mean())


def train(tower: GuideTower | JudgeTower, excerpts: Excerpts, minutes: float, seed: int, batch: int = 64) -> None:
    """Train for some minutes; prints loss and accuracy every hundred steps."""
    generator = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(tower.parameters(), lr=1e-3, weight_decay=0.02)
    started, losses, step = time.monotonic(), [], 0
    while (share := (time.monotonic() - started) / 60 / minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, (step + 1) / 100) * max(0.02, min(1, 2 * (1 - share)))
        loss, found = contrast(tower, *excerpts.draw(batch, generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append((loss.item(), found))
        step += 1
        if step % 100 == 0:
            mean_loss, mean_found = np.mean(losses[-100:], 0)
            line = {
                "step": step,
                "loss": round(mean_loss, 3),
                "found": round(mean_found, 3),
                "minutes_left": round(minutes * (1 - share), 1),
            }
            print(json.dumps(line), flush=True)  # noqa: T201 - the command's own output


def learn(name: str, data: Path, minutes: float, seed: int, batch: int = 64) -> GuideTower | JudgeTower:
    """Return a fresh "guide" or "judge" that learnt from its half of the loops in `data`, in float16."""
    torch.manual_seed(seed)
    guide = name == "guide"
    tower = GuideTower() if guide else JudgeTower()
    train(tower, Excerpts(data, 0.5, first=guide), minutes, seed, batch)
    return tower.half()


def main() -> None:
    """Train one tower from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tower", choices=("guide", "judge"), required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    learn(given.tower, given.data, given.minutes, given.seed).save(given.out / given.tower)


if __name__ == "__main__":
    main()

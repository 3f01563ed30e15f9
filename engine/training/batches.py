"""Loops as a trainer sees them: all of them in the memory of the device that learns, cut into batches there.

A processor that put batches together row by row would keep a GPU waiting. Loops of one batch have the same number of
frames, so nothing is padded and circles stay exact.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from midi.key import Key

from ..pocket import condition as conditioning
from ..pocket import musical_time
from ..pocket.bands import FRAMES_PER_LATENT
from ..pocket.latents import LatentMap
from ..pocket.layers import without_chords
from ..pocket.network import CONTROL_CHANNELS
from .inputs import fitted
from .loops import mode_name, read_shard, shards

FREE_SHARE = 0.1  # captions left out altogether, for guidance
MIN_WORDS_SHARE = 0.3  # of a caption's words, each of which is kept with this or a larger chance
KEY_SHARE = 0.7  # of tonal loops that say anything say their key
CONTROLLED_SHARE = 0.35  # loops whose control inputs are shown, each of the three with even odds
CONTROL_INPUTS = (2, 13, 2)  # channels of intensity, chroma and onsets, each with its flag
USUAL_FRAMES = 260  # a batch of so many loops of this length; of longer ones fewer, so that a step costs the same
SHARDS_TO_FIT = 12  # the latent map to


@dataclass(frozen=True, slots=True)
class Batch:
    """Equal-length loops: latents [b, n, c], conditions [b, k], phases [b, n, p], controls [b, n, q].

    Of layers also which each is [b, layers], and its context [b, n, CONTEXT_CHANNELS].
    """

    latent: Tensor
    condition: Tensor
    phases: Tensor
    controls: Tensor
    layer: Tensor | None = None
    context: Tensor | None = None

    def rows(self, which: slice) -> "Batch":
        """Return some of the loops."""
        layer, context = (None if part is None else part[which] for part in (self.layer, self.context))
        conditioning_rows = self.condition[which], self.phases[which], self.controls[which]
        return Batch(self.latent[which], *conditioning_rows, layer, context)

    def unconditional(self) -> "Batch":
        """Return the same without words, key and chords, with tempo and metre: guidance's unconditional branch."""
        context = None if self.context is None else without_chords(self.context)
        condition = self.condition.clone()
        condition[..., : sum(conditioning.SECTIONS[:2])] = 0
        return replace(self, condition=condition, context=context)


class Batches(Protocol):
    """Where batches come from."""

    def batches(self, size: int, seed: int, *, windows: Sequence[int] = ()) -> Iterator[Batch]:
        """Return batches without end."""
        ...


@dataclass(slots=True)
class _Held:
    """Every loop one after the other: by latent frame, then by loop."""

    latent: Tensor  # [frames, channels], float16 like the controls
    controls: Tensor  # [frames, CONTROL_CHANNELS]
    frames: Tensor  # [loops], as all that follows
    bars: Tensor
    beats_per_bar: Tensor
    words: Tensor  # [loops, WORD_SLOTS], whether it is said
    key: Tensor  # [loops, key channels], all zero without one
    time: Tensor  # [loops, time channels]


@dataclass(frozen=True, slots=True)
class Draws:
    """Random generators of the host and of the device, both from one seed."""

    host: random.Random
    device: torch.Generator

    @classmethod
    def of(cls, seed: int, device: torch.device | str = "cpu") -> "Draws":
        """Return generators that start at `seed`."""
        return cls(random.Random(seed), torch.Generator(device).manual_seed(seed))

    def uniform(self, *shape: int) -> Tensor:
        """Return uniform numbers of [0, 1) as a tensor of `shape` on the device."""
        return torch.rand(shape, generator=self.device, device=self.device.device)


class LoopSet:
    """All loops of a folder in memory, more of them as they are rendered; batches come from a seed."""

    def __init__(self, folder: Path, latent_map: LatentMap, device: torch.device, *, grows: bool = False) -> None:
        self.latent_map = latent_map
        self.labels: list[dict[str, Any]] = []
        self._folder, self._device, self._grows = folder, device, grows
        self._map = latent_map.to(device)
        self._known: set[Path] = set()
        self._held = _nothing(latent_map.channels, device)
        self.read_new()

    @classmethod
    def load(
        cls, folder: Path, weights: Path | None = None, *, device: torch.device | None = None, grows: bool = False
    ) -> "LoopSet":
        """Read all shards of `folder`, in the latents of exported `weights`, or of a map fitted once and kept.

        A set that `grows` looks for shards that were rendered meanwhile while it is drawn from.
        """
        file = (weights or folder) / "latent_map.safetensors"
        if not file.exists():
            some = [bands for shard in shards(folder)[:SHARDS_TO_FIT] for bands in read_shard(shard).loops()][::2]
            fitted(torch.cat([torch.from_numpy(bands).float() for bands in some])).save(file)
        return cls(folder, LatentMap.load(file), device or torch.device("cpu"), grows=grows)

    def __len__(self) -> int:
        return len(self.labels)

    def read_new(self, most: int | None = None) -> None:
        """Read the shards that are there and were not read yet, at most so many."""
        new = [file for file in shards(self._folder) if file not in self._known][:most]
        if not new and not self.labels:
            raise FileNotFoundError(f"There are no loops in {self._folder}; render some first.")
        if not new:
            return
        self._held = _joined([self._held, *(self._read(file) for file in new)])
        self._known.update(new)
        self._first = self._held.frames.cumsum(0) - self._held.frames
        self._lengths = self._held.frames.tolist()
        self._of_length: dict[tuple[int, int | None], Tensor] = {}

    def latent(self, index: int) -> Tensor:
        """Return the latents [frames, channels] of one loop, from its first downbeat on."""
        first = int(self._first[index])
        return self._held.latent[first : first + self._lengths[index]].float()

    def batches(self, size: int, seed: int, *, windows: Sequence[int] = ()) -> Iterator[Batch]:
        """Return batches without end."""
        draws = Draws.of(seed, self._device)
        while True:
            if self._grows:
                self.read_new(1)
            yield self.batch(size, draws, windows=windows)

    def batch(self, size: int, draws: Draws, *, windows: Sequence[int] = ()) -> Batch:
        """Return `size` whole loops of one length or, with `windows`, pieces of one of these lengths from anywhere.

        Frames know where they are by their phases; for the same work the network meets more music in shorter pieces,
        and in longer ones it learns how much a frame is to look at among many.
        """
        if windows:
            window = draws.host.choice(list(windows))
            chosen = self._drawn(self._such(at_least=window), round(size * USUAL_FRAMES / window), draws)
            starts = (draws.uniform(len(chosen)) * self._held.frames[chosen]).long()
            return self._cut(chosen, starts, window, draws)
        frames = draws.host.choice(self._lengths)
        # Long loops in smaller batches: a step costs the same.
        count = max(2, min(size, round(size * USUAL_FRAMES / frames))) if frames > USUAL_FRAMES else size
        chosen = self._drawn(self._such(at_least=frames, at_most=frames), count, draws)
        return self._cut(chosen, torch.zeros_like(chosen), frames, draws)

    def _such(self, *, at_least: int, at_most: int | None = None) -> Tensor:
        """Return which loops have so many frames; known ever after, as to ask a GPU is to wait for it."""
        if (found := self._of_length.get((at_least, at_most))) is None:
            here = [i for i, n in enumerate(self._lengths) if at_least <= n <= (at_most or n)]
            found = self._of_length[at_least, at_most] = torch.tensor(here, device=self._device)
        return found

    @staticmethod
    def _drawn(among: Tensor, count: int, draws: Draws) -> Tensor:
        return among[(draws.uniform(count) * len(among)).long()]

    def _cut(self, chosen: Tensor, starts: Tensor, window: int, draws: Draws) -> Batch:
        """Return `window` frames of each of the `chosen` loops, from frame `starts` on and round the wrap."""
        held = self._held
        frames = held.frames[chosen]
        where = (starts[:, None] + torch.arange(window, device=self._device)) % frames[:, None]
        at = self._first[chosen][:, None] + where
        return Batch(
            latent=held.latent[at].float(),
            condition=self._drawn_condition(chosen, draws),
            phases=musical_time.phases_at(
                musical_time.centres(where, frames[:, None]), held.bars[chosen, None], held.beats_per_bar[chosen, None]
            ),
            controls=held.controls[at].float() * shown_controls(len(chosen), draws)[:, None],
        )

    def _drawn_condition(self, chosen: Tensor, draws: Draws) -> Tensor:
        """Return the conditions of loops with some words left out, sometimes all: [loops, channels]."""
        held, count = self._held, len(chosen)
        said = draws.uniform(count, 1) > FREE_SHARE
        keep = kept_share(draws.uniform(count, 1))
        words = held.words[chosen] & said & (draws.uniform(count, conditioning.WORD_SLOTS) < keep)
        key = held.key[chosen] * (said & (draws.uniform(count, 1) < KEY_SHARE))
        return torch.cat([words.float(), key, held.time[chosen]], 1)

    def _read(self, file: Path) -> _Held:
        shard = read_shard(file)
        self.labels += shard.labels
        conditions = torch.stack([whole_condition(label) for label in shard.labels])
        words, key, time = conditions.split(conditioning.SECTIONS, 1)
        log_power = torch.from_numpy(shard.bands).to(self._device).float()
        held = _Held(
            latent=self._map.encode(log_power).half(),
            controls=torch.from_numpy(shard.controls),
            frames=torch.tensor(shard.frames) // FRAMES_PER_LATENT,
            bars=torch.tensor([label["bars"] for label in shard.labels]),
            beats_per_bar=torch.tensor([float(beats_per_bar(label)) for label in shard.labels], dtype=torch.float64),
            words=words > 0,
            key=key,
            time=time,
        )
        return _Held(*(getattr(held, field.name).to(self._device) for field in fields(held)))


def _nothing(channels: int, device: torch.device) -> _Held:
    """Return no loops at all."""
    words, key, time = conditioning.SECTIONS
    empty = partial(torch.empty, device=device)
    return _Held(
        latent=empty(0, channels, dtype=torch.float16),
        controls=empty(0, CONTROL_CHANNELS, dtype=torch.float16),
        frames=empty(0, dtype=torch.long),
        bars=empty(0, dtype=torch.long),
        beats_per_bar=empty(0, dtype=torch.float64),
        words=empty(0, words, dtype=torch.bool),
        key=empty(0, key),
        time=empty(0, time),
    )


def _joined(parts: Sequence[_Held]) -> _Held:
    return _Held(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(_Held)))


Share = TypeVar("Share", float, Tensor)


def kept_share(drawn: Share) -> Share:
    """Return the chance of each word of a caption to be kept, from a uniform number: most captions keep most words."""
    return 1 - (1 - MIN_WORDS_SHARE) * drawn**1.5


def shown_controls(count: int, draws: Draws) -> Tensor:
    """Return which control inputs are shown of `count` loops, 0 or 1: [count, CONTROL_CHANNELS]."""
    shown = (draws.uniform(count, len(CONTROL_INPUTS)) < 0.5) & (draws.uniform(count, 1) < CONTROLLED_SHARE)
    return shown.float().repeat_interleave(torch.tensor(CONTROL_INPUTS, device=shown.device), 1)


def whole_condition(label: dict[str, Any]) -> Tensor:
    """Return all that can be said of a loop."""
    key = Key(label["tonic"], mode_name(label["mode"])) if label["tonic"] >= 0 else None
    return conditioning.describe(
        label["words"],
        tempo_bpm=label["tempo_bpm"],
        beats_per_bar=beats_per_bar(label),
        bars=label["bars"],
        key=key,
    )


def beats_per_bar(label: dict[str, Any]) -> Fraction:
    """Return how many quarter notes a bar of a labelled loop has."""
    return Fraction(4 * label["numerator"], label["denominator"])

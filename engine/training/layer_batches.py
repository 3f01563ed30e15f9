"""Layers as a trainer sees them: pieces of single layers beside their chords and what they hear of the others."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..pocket import condition as conditioning
from ..pocket import musical_time
from ..pocket.bands import FRAMES_PER_LATENT
from ..pocket.latents import LatentMap
from ..pocket.layers import (
    CHORD_CHANNELS,
    CONTEXT_CHANNELS,
    LAYERS,
    SUMMARY_CHANNELS,
    Layer,
    chord_row,
    heard,
    layer_row,
    summary,
)
from ..pocket.network import CONTROL_CHANNELS
from .batches import FREE_SHARE, KEY_SHARE, USUAL_FRAMES, Batch, Draws, beats_per_bar, kept_share, whole_condition
from .layer_loops import Tracks, read_tracks
from .loops import shards

CHORDS_SHARE = 0.85  # of layers of tonal loops that are conditioned on their chords
BEFORE_SHARE, SOME_SHARE = 0.5, 0.3  # of layers that hear all that are sampled before them, or any of the others
WEIGHTS = {
    Layer.DRUMS: 1.0,
    Layer.PERCUSSION: 0.5,
    Layer.BASS: 1.0,
    Layer.CHORDS: 1.2,
    Layer.LEAD: 1.2,
    Layer.TEXTURE: 0.4,
}


@dataclass(frozen=True, slots=True)
class _Track:
    """One layer: latents and summaries as float16, and all that can be said of it."""

    layer: Layer
    latent: Tensor  # [n, channels]
    powers: Tensor  # [2 n, SUMMARY_CHANNELS], logarithms
    condition: Tensor  # [k]


@dataclass(frozen=True, slots=True)
class _Song:
    """One loop: its tracks and its chords [n, CHORD_CHANNELS]."""

    tracks: list[_Track]
    chords: Tensor | None
    bars: int
    beats_per_bar: float

    @property
    def frames(self) -> int:
        return len(self.tracks[0].latent)


class LayerSet:
    """All loops of a folder in memory, more of them as they are rendered; batches come from a seed."""

    def __init__(self, folder: Path, latent_map: LatentMap, device: torch.device, *, grows: bool = False) -> None:
        self.latent_map = latent_map
        self._folder, self._device, self._grows = folder, device, grows
        self._layers: Sequence[Layer] = LAYERS
        self._known: set[Path] = set()
        self._songs: list[_Song] = []
        self._rows: dict[Layer, list[tuple[int, int]]] = defaultdict(list)  # song and track
        self.read_new()

    @classmethod
    def load(
        cls, folder: Path, weights: Path | None = None, *, device: torch.device | None = None, grows: bool = False
    ) -> "LayerSet":
        """Read all shards of `folder` in the latents of exported `weights`, or of the map that lies beside them."""
        latent_map = LatentMap.load((weights or folder) / "latent_map.safetensors")
        return cls(folder, latent_map, device or torch.device("cpu"), grows=grows)

    def __len__(self) -> int:
        return len(self._songs)

    def of(self, *layers: Layer) -> "LayerSet":
        """Return the same loops as batches of some layers alone, which hear all the others."""
        made = copy.copy(self)
        made._layers = layers
        return made

    def read_new(self, most: int | None = None) -> None:
        """Read the shards that are there and were not read yet, at most so many."""
        new = [file for file in shards(self._folder) if file not in self._known][:most]
        if not new and not self._songs:
            raise FileNotFoundError(f"There are no loops in layers in {self._folder}; render some first.")
        for file in new:
            for tracks in read_tracks(file):
                for index, track in enumerate((song := self._song(tracks)).tracks):
                    self._rows[track.layer].append((len(self._songs), index))
                self._songs.append(song)
            self._known.add(file)

    def batches(self, size: int, seed: int, *, windows: Sequence[int] = ()) -> Iterator[Batch]:
        """Return batches of pieces of one of `windows` frames, without end; of longer ones fewer in a batch."""
        draws = Draws.of(seed)
        while True:
            if self._grows:
                self.read_new(1)
            window = draws.host.choice(list(windows))
            yield self.batch(round(size * USUAL_FRAMES / window), window, draws)

    def batch(self, count: int, window: int, draws: Draws) -> Batch:
        """Return pieces of `window` frames from anywhere in `count` tracks of loops that are as long."""
        rows = [self._row(window, draws) for _ in range(count)]
        columns = zip(*rows, strict=True)
        latent, condition, phases, layer, context = (torch.stack(column) for column in columns)
        controls = torch.zeros(*latent.shape[:2], CONTROL_CHANNELS)
        parts = (latent, condition, phases, controls, layer, context)
        return Batch(*(part.to(self._device) for part in parts))

    def _row(self, window: int, draws: Draws) -> tuple[Tensor, ...]:
        song, track = self._drawn(window, draws)
        start = draws.host.randrange(song.frames)
        # One frame more before it, so that what rises in the first is known.
        where = (start + torch.arange(-1, window)) % song.frames
        place = where[1:]
        context = torch.zeros(window, CONTEXT_CHANNELS)
        if song.chords is not None and draws.host.random() < CHORDS_SHARE:
            context[:, :CHORD_CHANNELS] = song.chords[place]
        if (others := _heard_tracks(song, track, draws)) is not None:
            frames = (FRAMES_PER_LATENT * where[:, None] + torch.arange(FRAMES_PER_LATENT)).flatten()
            powers = sum((t.powers[frames].float().exp() for t in others), torch.zeros(len(frames), SUMMARY_CHANNELS))
            context[:, CHORD_CHANNELS:] = heard(powers)[1:]
        loop = musical_time.centres(place, torch.tensor(song.frames))
        length = torch.tensor(song.beats_per_bar, dtype=torch.float64)
        return (
            track.latent[place].float(),
            _drawn_condition(track.condition, draws),
            musical_time.phases_at(loop, torch.tensor(song.bars), length),
            layer_row(track.layer),
            context,
        )

    def _drawn(self, window: int, draws: Draws) -> tuple[_Song, _Track]:
        there = [layer for layer in self._layers if self._rows[layer]]
        layer = draws.host.choices(there, [WEIGHTS[one] for one in there])[0]
        while True:
            index, place = draws.host.choice(self._rows[layer])
            if (song := self._songs[index]).frames >= window:
                return song, song.tracks[place]

    def _song(self, tracks: Tracks) -> _Song:
        labels = tracks.labels
        latents = self.latent_map.encode(torch.from_numpy(tracks.bands[1:]).float())
        powers = summary(self.latent_map.decode(latents)).clamp_min(1e-6).log().half()
        said = [(Layer(one["layer"]), labels | one) for one in labels["layers"]]
        made = [
            _Track(layer, latent.half(), power, whole_condition(label))
            for (layer, label), latent, power in zip(said, latents, powers, strict=True)
        ]
        chords = chord_rows(labels["chords"], labels["beats"], latents.shape[1]) if labels["chords"] else None
        return _Song(made, chords, labels["bars"], float(beats_per_bar(labels)))


def chord_rows(chords: Sequence[Any], beats: float, frames: int) -> Tensor:
    """Return the chords, each (beat, beats, root, pitch classes, bass), at each latent frame: [frames, channels]."""
    rows = torch.stack([chord_row(root, classes, bass) for _, _, root, classes, bass in chords])
    starts = torch.tensor([chord[0] for chord in chords], dtype=torch.float64)
    centres = musical_time.centres(torch.arange(frames), torch.tensor(frames)) * beats
    return rows[torch.searchsorted(starts, centres, right=True) - 1]


def _heard_tracks(song: _Song, track: _Track, draws: Draws) -> list[_Track] | None:
    """Return which other layers a layer hears; None where it hears nothing at all."""
    chance = draws.host.random()
    if chance >= BEFORE_SHARE + SOME_SHARE:
        return None
    if chance < BEFORE_SHARE:
        order = LAYERS.index(track.layer)
        return [t for t in song.tracks if LAYERS.index(t.layer) < order]
    return [t for t in song.tracks if t.layer is not track.layer and draws.host.random() < 0.5]


def _drawn_condition(condition: Tensor, draws: Draws) -> Tensor:
    """Return the condition with some words left out, sometimes all."""
    words, key, time = condition.split(conditioning.SECTIONS)
    said = draws.host.random() > FREE_SHARE
    keep = kept_share(draws.host.random())
    words = words * (draws.uniform(len(words)) < keep) * said
    return torch.cat([words, key * (said and draws.host.random() < KEY_SHARE), time])

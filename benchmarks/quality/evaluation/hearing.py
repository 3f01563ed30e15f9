"""All that is heard of one loop, as a row of numbers: everything later figures are counted from."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.rows import Arrays as Row
from engine.metrics import peak, seam
from engine.pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from engine.pocket.towers import MID_BANDS, Towers

from . import grid, key, sound
from .material import Audio, Loop, key_of, pitch_classes
from .musicnn import Musicnn

PICTURE_FRAMES = 344  # four seconds
PICTURE_BANDS = (16, 48, 16)  # mid to 350 Hz as it is, mid above, side
NAIVE_SHARE = 0.93  # how much of a loop is left when it is cut anywhere

EMBEDDING, PICTURE, MEASURES = "embedding", "picture", "measures"  # what may be heard of a loop


@dataclass(frozen=True, slots=True)
class Ear:
    """Who listens: networks that are there or not."""

    musicnn: Musicnn | None = None
    towers: Towers | None = None
    parts: frozenset[str] = frozenset({EMBEDDING, PICTURE, MEASURES})
    extra: Callable[[Audio, Loop], dict[str, float]] = field(default=lambda audio, loop: {})

    def hear(self, audio: Audio, loop: Loop) -> Row:
        """Return the row of `audio`, which was asked to be `loop`; what cannot be told is NaN."""
        row: Row = {}
        if EMBEDDING in self.parts and self.musicnn is not None:
            row["musicnn"] = self.musicnn.embed(audio, SAMPLE_RATE)
        if PICTURE in self.parts:
            log_power = log_bands(torch.from_numpy(audio), FRAMES_PER_LATENT * latent_frames(audio.shape[-1]))
            row["picture"] = _picture(log_power)
            if self.towers is not None:
                row["judge"] = self.towers.judge.embed_bands(log_power[None])[0].numpy()
        if MEASURES in self.parts:
            scalars = {**_time(audio, loop), **_level(audio), **_seam(audio), **self.extra(audio, loop)}
            row |= {name: np.float32(value) for name, value in scalars.items()}
        return row


def _time(audio: Audio, loop: Loop) -> dict[str, float]:
    labels = loop.labels
    asked = key_of(labels) if labels else None
    tonal = labels is not None and asked is not None and pitch_classes(labels) >= key.MIN_CLASSES
    values = {"key": float(key.fits(audio, SAMPLE_RATE, asked)) if tonal and asked else np.nan}
    drums = (len(labels.onsets) if labels else grid.MIN_HITS) >= grid.MIN_HITS and loop.tempo_bpm > 0
    kept = grid.measure(audio, SAMPLE_RATE, loop.tempo_bpm) if drums else None
    return values | {
        "drums": float(drums),
        "tempo_ratio": kept.tempo_ratio if kept else np.nan,
        "phase_seconds": kept.phase_seconds if kept else np.nan,
        "on_grid": float(kept is not None and kept.kept) if drums else np.nan,
    }


def _level(audio: Audio) -> dict[str, float]:
    return {
        "loudness_lufs": peak.loudness_lufs(audio, SAMPLE_RATE),
        "clicks": float(sound.clicks(audio, SAMPLE_RATE)),
        "dc": sound.dc(audio),
    }


def _seam(audio: Audio) -> dict[str, float]:
    """The seam, and that of the same loop cut anywhere."""
    shorter = audio[:, : int(NAIVE_SHARE * audio.shape[1])]
    return {"seam": seam.measure(audio, SAMPLE_RATE).ratio, "seam_cut": seam.measure(shorter, SAMPLE_RATE).ratio}


def _picture(log_power: torch.Tensor) -> NDArray[np.float16]:
    """Return the first four seconds, going round, in few bands: [PICTURE_FRAMES, sum(PICTURE_BANDS)]."""
    frames = log_power[torch.arange(PICTURE_FRAMES) % len(log_power)]
    low, high, side = frames.split((PICTURE_BANDS[0], MID_BANDS - PICTURE_BANDS[0], frames.shape[1] - MID_BANDS), 1)
    parts = zip((low, high, side), PICTURE_BANDS, strict=True)
    pooled = [torch.nn.functional.adaptive_avg_pool1d(part[None], size)[0] for part, size in parts]
    return torch.cat(pooled, 1).half().numpy()

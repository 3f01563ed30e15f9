"""Twelve spectrograms to look at."""

import math
from fractions import Fraction
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

from engine.pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from engine.pocket.model import Pocket
from engine.pocket.towers import MID_BANDS
from engine.request import LoopRequest

from .generation import generate

PROMPTS = (
    ("house, piano stabs, uplifting, sidechain", 124), ("techno, dark, rolling bass, acid bass", 136),
    ("drum and bass, reese bass, breakbeat", 174), ("dusty boom bap, electric piano, vinyl", 88),
    ("trap, 808, hat rolls, bells, dark", 140), ("lo-fi, warm, jazzy chords, vinyl", 78),
    ("ambient, dreamy pad, no drums, reverb", 70), ("trance, supersaw, arpeggio, epic", 138),
    ("funk, slap bass, guitar, groovy", 108), ("drums only, uk garage, two step, swing", 132),
    ("bass only, dubstep, wobble bass", 140), ("melody only, music box, dreamy", 100),
)  # fmt: skip
BOTTOM_DB, TOP_DB = -70, 10


def picture(pocket: Pocket, steps: int, file: Path) -> None:
    """Draw the spectrograms of twelve prompts, read back from their audio."""
    requests = [
        LoopRequest(prompt=text, tempo_bpm=Fraction(tempo), bars=2, seed=seed)
        for seed, (text, tempo) in enumerate(PROMPTS)
    ]
    audio = dict(generate(pocket, requests, steps, range(len(requests))))
    figure, axes = plt.subplots(4, 3, figsize=(18, 14), layout="constrained")
    for index, axis in enumerate(axes.flat):
        samples = audio[index].shape[-1]
        log_power = log_bands(torch.from_numpy(audio[index]), FRAMES_PER_LATENT * latent_frames(samples))
        level_db = 10 / math.log(10) * log_power[:, :MID_BANDS].T
        axis.imshow(
            level_db,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=BOTTOM_DB + 40,
            vmax=TOP_DB + 40,
            extent=(0, samples / SAMPLE_RATE, 0, MID_BANDS),
        )
        text, tempo = PROMPTS[index]
        axis.set_title(f"{text}, {tempo} BPM", fontsize=9)
        axis.set_xlabel("s")
        axis.set_ylabel("band")
    figure.savefig(file, dpi=70)
    plt.close(figure)

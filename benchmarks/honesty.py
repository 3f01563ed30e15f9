"""Does control keep the music? How far controlled loops lie from what the same prompts give without a control.

    python -m benchmarks.honesty --task intensity --seeds 96                  # --first-seed 2000: on others

In the judge's embedding, which nothing is optimised against: the mean distance of each controlled loop to the loops
that its prompt gives with other seeds and no control, over the mean distance of those among themselves. 1 is a loop
like any other; the bar is an upper 95 % bound of 1.1. Beside it, whether the optimised noise is still a Gaussian's.
`--method fader` moves a fader over the finished, uncontrolled loop instead: the least that a curve can change.
"""

import argparse
import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import tasks
from benchmarks.control import UNHURRIED, interval, judge_vector
from benchmarks.edits import made
from benchmarks.evaluation.material import Audio
from engine.curves import level_db
from engine.metrics import intensity
from engine.models import catalogue
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.model import Pocket
from engine.record import noise_facts
from engine.request import Curve, LoopRequest
from engine.saved import noise_from_bytes
from engine.settings import Settings

DRAWS = 1_000
Vector = NDArray[np.float32]


def distance_ratios(free: Vector, controlled: Vector, prompts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return for each controlled loop its mean distance to its prompt's free loops of other seeds, over their own."""
    apart = np.linalg.norm(controlled[:, None] - free[None], axis=-1)
    own = np.linalg.norm(free[:, None] - free[None], axis=-1)
    others = (prompts[:, None] == prompts[None]) & ~np.eye(len(prompts), dtype=bool)
    usual = np.array([own[others & (prompts[:, None] == prompt)].mean() for prompt in prompts])
    return np.asarray((apart * others).sum(1) / others.sum(1) / usual)


def faded(audio: Audio, request: LoopRequest) -> Audio:
    """Return a loop [2, samples] whose level follows the request's intensity curve by gain alone, peaks unlimited."""
    (control,) = request.controls
    assert isinstance(control.target, Curve)
    samples, frames = audio.shape[1], intensity.frame_count(audio.shape[1], SAMPLE_RATE)
    target = level_db(control.target, request.beats, frames)
    wanted = intensity.wanted_curve(target, samples, SAMPLE_RATE, circular=True)
    for _ in range(4):  # smoothing a product is not the product of what was smoothed
        missing = wanted - intensity.level_curve(audio.mean(0), SAMPLE_RATE, circular=True)
        gain_db = np.interp(np.arange(samples), np.arange(frames) * samples / frames, missing, period=samples)
        audio = (audio * 10 ** (gain_db / 20)).astype(np.float32)
    return audio


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--task", default="intensity", choices=tasks.TASKS)
    options.add_argument("--method", default="ditto2")
    options.add_argument("--seeds", type=int, default=96)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=Path("honesty.json"))
    chosen = options.parse_args()
    if chosen.method == "fader" and chosen.task != "intensity":
        options.error("a fader follows an intensity curve and nothing else")
    model = catalogue.load("pocket", Settings())
    assert isinstance(model, Pocket)
    vectors: dict[str, list[Vector]] = {"none": [], chosen.method: []}
    facts: list[dict[str, float]] = []
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    for done, seed in enumerate(seeds, 1):
        for method, found in vectors.items():
            asked = tasks.request(chosen.task, seed)
            request = msgspec.structs.replace(asked, method="none" if method == "fader" else method, budget=UNHURRIED)
            take, audio, _ = made(request, model)
            audio = faded(audio, asked) if method == "fader" else audio
            found.append(judge_vector(audio, model).numpy())
        scene = model.scene(request)
        facts.append(noise_facts(noise_from_bytes(take.noise, scene.noise_shape), scene.time_axis))
        print(f"{done} of {chosen.seeds} seeds", file=sys.stderr, flush=True)
    prompts = np.array(seeds) % len(tasks.PROMPTS)
    free, controlled = (np.stack(found) for found in vectors.values())
    ratio = interval(distance_ratios(free, controlled, prompts))
    seeded = (torch.Generator().manual_seed(n) for n in range(DRAWS))
    draws = [noise_facts(torch.randn(scene.noise_shape, generator=each), scene.time_axis) for each in seeded]
    low, high = np.quantile([draw["noise_flatness"] for draw in draws], [0.01, 0.99])
    report = {
        "task": chosen.task,
        "seeds": [seeds[0], seeds[-1]],
        "distance over that of none, mean and 95 % bounds": ratio,
        "same seed, mean distance": float(np.linalg.norm(free - controlled, axis=1).mean()),
        "worst noise mean": max(abs(fact["noise_mean"]) for fact in facts),
        "worst noise std off 1": max(abs(fact["noise_std"] - 1) for fact in facts),
        "noise flatness inside 1 to 99 % of Gaussian draws, %": 100
        * float(np.mean([low <= fact["noise_flatness"] <= high for fact in facts])),
        "flatness of draws, 1 and 99 %": [float(low), float(high)],
        "flatness of takes, least and most": [fn(f["noise_flatness"] for f in facts) for fn in (min, max)],
    }
    chosen.out.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

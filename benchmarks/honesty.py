"""Does control keep the music? How far controlled loops lie from what the same prompts give without a control.

    python -m benchmarks.honesty --task intensity --seeds 96                  # --first-seed 2000: on others

In the judge's embedding, which nothing is optimised against: the mean distance of each controlled loop to the loops
that its prompt gives with other seeds and no control, over the mean distance of those among themselves. 1 is a loop
like any other; the bar is an upper 95 % bound of 1.1. Beside it the same by musicnn, an ear that `pocket` never met
(where it is installed: `pip install --no-deps musicnn`), and whether the optimised noise is still a Gaussian's.
`--method fader` moves a fader over the finished, uncontrolled loop instead: the least that a curve can change.
Seeds are kept in the folder `--rows` as they come, and the same command goes on where it was cut off: a folder is of
one set of weights.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import tasks
from benchmarks.control import UNHURRIED, interval, judge_vector
from benchmarks.edits import made
from benchmarks.evaluation.hearing import Row
from benchmarks.evaluation.material import Audio
from benchmarks.evaluation.musicnn import Musicnn, find_musicnn
from benchmarks.evaluation.store import rows_of
from engine.curves import level_db
from engine.metrics import intensity
from engine.models import catalogue
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.model import Pocket
from engine.request import Curve, LoopRequest
from engine.settings import Settings
from engine.takes.noise import noise_from_bytes
from engine.takes.record import noise_facts

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
        missing = wanted - intensity.level_curve(audio, SAMPLE_RATE, circular=True)
        gain_db = np.interp(np.arange(samples), np.arange(frames) * samples / frames, missing, period=samples)
        audio = (audio * 10 ** (gain_db / 20)).astype(np.float32)
    return audio


def pair(task: str, seed: int, method: str, model: Pocket, stranger: Musicnn | None) -> Row:
    """Make a seed's loop without control and with it: both ears' vectors, and what the optimised noise looks like."""
    asked = tasks.request(task, seed)
    _, free, _ = made(msgspec.structs.replace(asked, method="none", budget=UNHURRIED), model)
    request = msgspec.structs.replace(asked, method="none" if method == "fader" else method, budget=UNHURRIED)
    take, audio, _ = made(request, model)
    audio = faded(audio, asked) if method == "fader" else audio
    scene = model.scene(request)
    facts = noise_facts(noise_from_bytes(take.noise, scene.noise_shape), scene.time_axis)
    heard = {"free": free, "controlled": audio}
    return {
        **{name: judge_vector(loop, model).numpy() for name, loop in heard.items()},
        **{f"{name}, musicnn": stranger.embed(loop, SAMPLE_RATE) for name, loop in heard.items() if stranger},
        **{name: np.array(value, dtype=np.float64) for name, value in facts.items()},
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--task", default="intensity", choices=tasks.TASKS)
    options.add_argument("--method", default="ditto2")
    options.add_argument("--seeds", type=int, default=96)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--rows", type=Path, default=Path("build/honesty"))
    options.add_argument("--out", type=Path, default=Path("honesty.json"))
    chosen = options.parse_args()
    if chosen.method == "fader" and chosen.task != "intensity":
        options.error("a fader follows an intensity curve and nothing else")
    model = catalogue.load("pocket", Settings())
    assert isinstance(model, Pocket)
    stranger = find_musicnn()
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)

    def hear(indices: Sequence[int]) -> Iterator[tuple[int, Row]]:
        yield from ((index, pair(chosen.task, seeds[index], chosen.method, model, stranger)) for index in indices)

    rows = rows_of(chosen.rows, f"{chosen.task}-{chosen.method}-{seeds[0]}", len(seeds), hear)
    prompts = np.array(seeds) % len(tasks.PROMPTS)
    ratios = {
        f"distance over that of none{ears}, mean and 95 % bounds": interval(
            distance_ratios(rows[f"free{ears}"], rows[f"controlled{ears}"], prompts)
        )
        for ears in ("", ", musicnn")
        if f"free{ears}" in rows
    }
    seeded = (torch.Generator().manual_seed(n) for n in range(DRAWS))
    scene = model.scene(tasks.request(chosen.task, seeds[0]))
    draws = [noise_facts(torch.randn(scene.noise_shape, generator=each), scene.time_axis) for each in seeded]
    low, high = np.quantile([draw["noise_flatness"] for draw in draws], [0.01, 0.99])
    report = {
        "task": chosen.task,
        "seeds": [seeds[0], seeds[-1]],
        **ratios,
        "same seed, mean distance": float(np.linalg.norm(rows["free"] - rows["controlled"], axis=1).mean()),
        "worst noise mean": float(np.abs(rows["noise_mean"]).max()),
        "worst noise std off 1": float(np.abs(rows["noise_std"] - 1).max()),
        "noise flatness inside 1 to 99 % of Gaussian draws, %": 100
        * float(np.mean((low <= rows["noise_flatness"]) & (rows["noise_flatness"] <= high))),
        "flatness of draws, 1 and 99 %": [float(low), float(high)],
        "flatness of takes, least and most": [float(rows["noise_flatness"].min()), float(rows["noise_flatness"].max())],
    }
    chosen.out.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

"""The gap between a surrogate and the loop that is delivered, and what closing it costs.

    python -m benchmarks.gap --seeds 8 --surrogates 1,2,4,8 --out gap.json

A search through T steps of the model's own sampler hears something a little other than the chain that makes the loop,
and the waveform is another thing again. For each T the same seeds are searched twice for intensity and for melody:
once through the surrogate alone (DITTO-2, Novack et al. 2024, arXiv:2405.20289), once with the true ear's corrections
now and then (`engine.search.surrogate`). Prints what the search believed, what the finished file has, and the time
that both took.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import tasks
from engine import controls, metrics
from engine.audio import finish as loop
from engine.models import catalogue, decode
from engine.models.protocol import Model
from engine.request import LoopRequest
from engine.sampling import start_noise
from engine.search import methods
from engine.search import objective as targets
from engine.search.minimize import minimize
from engine.search.surrogate import Chain, latent_of
from engine.settings import Settings

MEASURED = {"intensity": "intensity_mse", "melody": "melody_accuracy"}


def searched(model: Model, request: LoopRequest, surrogate: int, *, corrected: bool) -> dict[str, float]:
    """Search through `surrogate` steps; return the distance believed, the file's score, steps and seconds."""
    (control,) = request.controls
    started = time.perf_counter()
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    plan = methods.plan(request, model, objective)
    chain = Chain(steps=surrogate, sampler=model.card.sampler)
    plan = replace(plan, chain=chain, check=plan.check if corrected else None, checkpoint=surrogate > 1)
    *_, step = minimize(plan, objective, model, scene, start_noise(scene, request.seed))
    latent = latent_of(model, scene, step.best_noise, plan.decode, checkpoint=False)
    heard = loop.finish(decode.to_audio(model, scene, latent)[0], scene, request)
    seconds = time.perf_counter() - started
    score = metrics.score(heard.audio, request.sample_rate, request, controls.metrics())[MEASURED[control.kind]]
    assert score is not None
    return {
        "believed": step.distances[control.kind] * objective.goals[0].tolerance,
        "file": score,
        "steps": step.index,
        "seconds": seconds,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default="pocket")
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--surrogates", default="1,2,4,8")
    options.add_argument("--out", type=Path, default=Path("gap.json"))
    chosen = options.parse_args()
    model = catalogue.load(chosen.model, Settings())
    found: dict[str, list[dict[str, float]]] = {}
    seeds = range(chosen.seeds)
    names = ("believed", "file", "steps", "seconds")
    print("| control | T | corrected | " + " | ".join(names) + " |\n" + "|---" * (3 + len(names)) + "|")
    for task in MEASURED:
        for surrogate in map(int, chosen.surrogates.split(",")):
            for corrected in (False, True):
                asked = (msgspec.structs.replace(tasks.request(task, seed), method="ditto2") for seed in seeds)
                rows = [searched(model, request, surrogate, corrected=corrected) for request in asked]
                found[f"{task}/{surrogate}/{corrected}"] = rows
                means = " | ".join(f"{np.mean([row[name] for row in rows]):.3g}" for name in names)
                print(f"| {task} | {surrogate} | {'yes' if corrected else 'no'} | {means} |", flush=True)
                chosen.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

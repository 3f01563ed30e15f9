"""The gap between a surrogate and the loop that is delivered, and what closing it costs.

    python -m benchmarks gap --seeds 8 --surrogates 1,2,4,8 [--publish]

A search through T steps of the model's own sampler hears something a little other than the chain that makes the loop,
and the waveform is another thing again. For each T the same seeds are searched twice for intensity and for melody:
once through the surrogate alone (DITTO-2, Novack et al. 2024, arXiv:2405.20289), once corrected by exact evaluations
now and then (`engine.search.surrogate`). Prints what the search believed, what the finished file has, and the time
that both took.
"""

import time
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.papers import baseline
from benchmarks.quality import tasks
from benchmarks.rows import Rows
from engine import controls, metrics
from engine.audio import finish as loop
from engine.models import decode
from engine.models.protocol import Model
from engine.request import LoopRequest, Method
from engine.sampling import start_noise
from engine.search import methods
from engine.search import objective as targets
from engine.search.minimize import minimize
from engine.search.surrogate import Chain, latent_of

MEASURED = {"intensity": "intensity_mse", "melody": "melody_accuracy"}
KINDS = ("surrogate alone", "corrected")
FIGURES = ("believed", "file", "steps", "seconds")
BAR = "Bars: the file's intensity within 0.6 dB² and 95 % of a melody in tune, the project's own, set before measuring."


def searched(model: Model, request: LoopRequest, surrogate: int, *, corrected: bool) -> dict[str, float]:
    """Search through `surrogate` steps; return the distance believed, the file's score, steps and seconds."""
    (control,) = request.controls
    started = time.perf_counter()
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    plan = methods.plan(request, model, objective)
    chain = Chain(steps=surrogate, sampler=model.card.sampler)
    verification = plan.verification if corrected else None
    plan = replace(plan, chain=chain, verification=verification, recompute=surrogate > 1)
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


def table(rows: Rows) -> Table:
    """Return means over the seeds of each control, surrogate and kind of search."""
    groups = dict.fromkeys(key.rpartition("/")[0] for key in rows)
    body = []
    for group in groups:
        found = list(rows.below(group).values())
        means = [f"{np.mean([row[name] for row in found]):.3g}" for name in FIGURES]
        body.append([*group.split("/"), str(len(found)), *means])
    return Table(head=("control", "steps of the surrogate", "search", "seeds", *FIGURES), body=body, bar=BAR)


def main() -> None:
    """Read the command line; search and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--surrogates", default="1,2,4,8")
    add_rows(options, "gap", seeds=8)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for task in MEASURED:
        for surrogate in map(int, chosen.surrogates.split(",")):
            for kind in KINDS:
                for seed in range(chosen.seeds):
                    asked = msgspec.structs.replace(tasks.request(task, seed), method=Method.DITTO2)
                    measure = partial(searched, model, asked, surrogate, corrected=kind == KINDS[1])
                    rows.get(f"{task}/{surrogate}/{kind}/{seed}", measure)
    print(table(rows).markdown())

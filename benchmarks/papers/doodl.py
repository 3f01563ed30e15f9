"""DOODL beside DITTO: the same search through EDICT's invertible chain and through a plain one, on one model.

    python -m benchmarks doodl --seeds 12 [--steps 20,50] [--publish]
    python -m benchmarks doodl --seeds 0 --publish        # what a step costs, without the searches

DOODL (Wallace et al. 2023) optimises noise through a chain of two coupled latents whose states the backward pass finds
by inversion; DITTO through a plain chain whose states are kept and whose activations are recomputed. Both here: the
teacher's flow of 20 and 50 steps, an intensity, Adam at 0.005, 70 steps, the losses and tolerances of `ditto-paper`,
the same seeds. Not as in DOODL's own paper: its momentum, its renormalised noise and its perturbations are DITTO's Adam
here, as in DITTO's comparison. All memories give one gradient, so the searches, of minutes each, keep every state, and
DOODL's two lines have one error. The time of a step is that of one thread's processor, method after method in turns,
so that other programs do not count; the peak of its memory is a process of its own. Rows are
`intensity/STEPS/METHOD/SEED`, `cost/STEPS/METHOD/ROUND` and `memory/STEPS/METHOD`.
"""

import json
import os
import resource
import subprocess
import sys
import time
from argparse import SUPPRESS
from collections.abc import Sequence
from functools import partial

import msgspec
import numpy as np
import psutil

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.papers import baseline
from benchmarks.papers.baseline import Chain
from benchmarks.papers.baselines import edict
from benchmarks.papers.baselines.edict import Memory
from benchmarks.quality import tasks
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import Model, Sampler, Scene
from engine.request import LoopRequest
from engine.sampling import sample, start_noise
from engine.search import methods

MIB = 2**20
ROUNDS = 3
DITTO, INVERTED, CHECKPOINTED = "ditto-paper", "doodl, inverted", "doodl, checkpointed"
METHODS = (DITTO, INVERTED, CHECKPOINTED)
MEMORIES = {INVERTED: Memory.INVERTED, CHECKPOINTED: Memory.CHECKPOINTED}
DOODL = "doodl"
SEARCHES = {DITTO: DITTO, INVERTED: DOODL, CHECKPOINTED: DOODL}
TASK = "intensity"
PUBLISHED = {  # steps to threshold, seconds a step, GB on an A100: DITTO's table 5, an intensity
    20: {DITTO: (44.466, 1.859, 5.002), INVERTED: (49.203, 4.177, 8.274)},
    50: {DITTO: (46.855, 4.472, 5.094), INVERTED: (47.834, 10.036, 8.311)},
}
NOT_RUN = "not yet run: `doodl --steps {}`"
SECONDS, MEMORY = Bar(0.5), Bar(0.65)
BAR = (
    "Bar: DITTO's step takes at most half of DOODL's time and 0.65 of its memory in the same run, the project's own "
    "after Novack et al. 2024, table 5. Small print: published, another model on an A100. Bold misses a bar."
)
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "OMP_NUM_THREADS": "1"}  # of glibc


def plain(model: Model, scene: Scene, steps: int, *, checkpoint: bool = True) -> Chain:
    """Return DITTO's chain: so many steps of the teacher, each recomputed in the backward pass with `checkpoint`.

    Without it the gradient is the same for two thirds of the time: where only the result counts, memory is there.
    """
    return lambda noise: sample(model, scene, noise, model.schedule(steps, scene), Sampler.DDIM, checkpoint=checkpoint)


def chain_of(method: str, model: Model, scene: Scene, steps: int) -> Chain:
    """Return the chain of a method."""
    return plain(model, scene, steps) if method == DITTO else edict.chain(model, scene, steps, MEMORIES[method])


def searched_chain(search: str, model: Model, scene: Scene, steps: int) -> Chain:
    """Return the chain of a search where only its result counts: it keeps all states, for the same gradient."""
    if search == DITTO:
        return plain(model, scene, steps, checkpoint=False)
    return edict.chain(model, scene, steps, Memory.KEPT)


def measured(model: Model, steps: int, search: str, seed: int) -> Row:
    """Search for one loop; return its file's scores, steps, and when it was within tolerance."""
    setting = baseline.setting_of(tasks.request(TASK, seed), model)
    longest = methods.plan(setting.request, model, setting.objective).steps
    noise = start_noise(setting.scene, seed).to(model.device)
    chain = searched_chain(search, model, setting.scene, steps)
    found = baseline.search(setting, chain, noise, steps=longest)
    facts: Row = {"steps": found.steps}
    if found.reached is not None:
        facts["reached"] = float(found.reached)
    return baseline.scored(setting, found.latent, noise) | facts


def cost(model: Model, steps: int, method: str, number: int) -> Row:
    """Return the processor's seconds of one step of an intensity: the chain, its loss, and the way back."""
    started = time.process_time()
    _there_and_back(model, tasks.request(TASK, number), method, steps)
    return {"seconds": time.process_time() - started}


def peak(steps: int, method: str) -> float:
    """Return the bytes by which one forward and backward pass raises this process's largest resident size.

    A pass through one step of a loop of half the length comes first, and is not counted: with it torch loads modules
    of its own, 70 MB for recomputing alone, that are no memory of the method.
    """
    model, request = baseline.full_mix("float32"), tasks.request(TASK, 0)
    _there_and_back(model, msgspec.structs.replace(request, tempo_bpm=2 * request.tempo_bpm), method, 1)
    before = psutil.Process().memory_info().rss
    _there_and_back(model, request, method, steps)
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def _there_and_back(model: Model, request: LoopRequest, method: str, steps: int) -> None:
    setting = baseline.setting_of(request, model)
    noise = start_noise(setting.scene, request.seed or 0).to(model.device).requires_grad_()
    setting.loss(chain_of(method, model, setting.scene, steps)(noise)).sum().backward()


def remembered(steps: int, method: str) -> Row:
    """Return the memory of one step, in a process of its own that gives back what it frees."""
    command = [sys.executable, "-m", "benchmarks", "doodl", "--point", f"{steps};{method}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | GIVE_BACK)
    return {"bytes": float(json.loads(done.stdout.splitlines()[-1]))}


def table(rows: Rows) -> Table:
    """Return error, steps, time and memory of each method and length of chain."""
    head = ("steps of the chain", "method", "loops", "error, dB²", "steps to threshold", "there",
            "processor's s a step", "DITTO's over it", "MiB", "DITTO's over it",
            "distance to the seed's loop")  # fmt: skip
    return Table(head=head, body=[_line(rows, steps, method) for steps in PUBLISHED for method in METHODS], bar=BAR)


def _line(rows: Rows, steps: int, method: str) -> list[str]:
    found = list(rows.below(f"{TASK}/{steps}/{SEARCHES[method]}").values())
    error = mean_interval([row.get("intensity_mse") for row in found])
    there = [row["reached"] for row in found if "reached" in row]
    seconds, usual = (_mean(list(rows.below(f"cost/{steps}/{one}").values()), "seconds") for one in (method, DITTO))
    own, least = (rows.find(f"memory/{steps}/{one}").get("bytes") for one in (method, DITTO))
    theirs = PUBLISHED[steps].get(method)
    small = [f" <small>{value:.3g}</small>" for value in theirs] if theirs else ["", "", ""]
    other = method != DITTO
    return [
        str(steps), method, str(len(found)),
        NOT_RUN.format(steps) if error is None else cell(error[0], 3, span=error[1:]),
        (f"{np.median(there):.0f}" if there else "") + small[0], f"{len(there)} of {len(found)}" if found else "",
        cell(seconds, 3) + small[1], cell(usual / seconds, 2, SECONDS) if other and seconds and usual else "",
        ("" if own is None else f"{own / MIB:,.0f}") + (f"{small[2]} GB" if theirs else ""),
        cell(least / own, 2, MEMORY) if other and own and least else "",
        cell(_mean(found, "embedding_distance"), 2),
    ]  # fmt: skip


def _mean(found: Sequence[Row], name: str) -> float | None:
    values = [row[name] for row in found if name in row]
    return float(np.mean(values)) if values else None


def main() -> None:
    """Read the command line; search and keep what is missing, seed by seed."""
    options = parser(__doc__)
    options.add_argument("--steps", default="20,50")
    options.add_argument("--point", help=SUPPRESS)
    add_rows(options, "doodl", seeds=12)
    chosen = options.parse_args()
    if chosen.point:
        steps, _, method = chosen.point.partition(";")
        print(json.dumps(peak(int(steps), method)))
        return
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    lengths = [int(steps) for steps in chosen.steps.split(",")]
    for steps in lengths:
        for method in METHODS:
            rows.get(f"memory/{steps}/{method}", partial(remembered, steps, method))
    for number in range(ROUNDS):
        for steps in lengths:
            for method in METHODS:
                rows.get(f"cost/{steps}/{method}/{number}", partial(cost, model, steps, method, number))
    for seed in range(chosen.seeds):
        for steps in lengths:
            for search in dict.fromkeys(SEARCHES.values()):
                rows.get(f"{TASK}/{steps}/{search}/{seed}", partial(measured, model, steps, search, seed))
    print(table(rows).markdown())

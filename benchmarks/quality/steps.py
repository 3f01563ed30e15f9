"""Error against optimisation steps, read back from finished files, and where the time of a request goes.

    python -m benchmarks steps --seeds 8 --steps 10,30,50,70,100,150 [--publish]
    python -m benchmarks steps --time

Searches run for exactly so many steps, whatever they have reached; the stopping rule comes from this table, which goes
on with a file that is there, and from the picture that `python -m benchmarks pictures` draws of it. `--time` walks one
request with both controls under the profiler of the standard library and prints the dearest of our own functions, by
the time in them and in what they call.
"""

import cProfile
import io
import pstats
from functools import partial

import msgspec
import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.quality import tasks
from benchmarks.quality.control import run, weights_of
from benchmarks.rows import Row, Rows
from engine.models import catalogue
from engine.models.protocol import Model
from engine.request import Budget
from engine.settings import Settings

METHOD = "ditto2"
BAR = (
    "No bar of its own: it shows after how many steps the bars of 0.6 dB², rho 0.985, 95 % in tune and 82 % by "
    "basic-pitch are met."
)
SHOWN = {"intensity": ("intensity_mse", "intensity_rho"), "melody": ("melody_accuracy", "melody_judge")}


def searched(model: Model, task: str, method: str, steps: int, seed: int) -> Row:
    """Search for exactly so many steps; return what is shown of the file."""
    budget = Budget(steps=steps, until_tolerance=False)
    row = run(model, msgspec.structs.replace(tasks.request(task, seed), method=method, budget=budget), Settings())
    return {name: row[name] for name in (*SHOWN[task], "seconds")}


def table(rows: Rows) -> Table:
    """Return means over the seeds for each count of steps, of the method that is delivered."""
    names = [(task, name) for task, shown in SHOWN.items() for name in shown]
    body = []
    for count in sorted({int(key.split("/")[2]) for key in rows}):
        found = {task: list(rows.below(f"{task}/{METHOD}/{count}").values()) for task in SHOWN}
        means = [f"{np.mean([row[name] for row in found[task] if name in row]):.3g}" for task, name in names]
        body.append([str(count), str(len(found["intensity"])), *means])
    return Table(head=("steps", "seeds", *(name.replace("_", " ") for _, name in names)), body=body, bar=BAR)


def times(model: Model) -> None:
    """Print where one request with both controls spends its time."""
    request = tasks.request("intensity+melody", 0)
    run(model, request, Settings())  # compiled kernels are warm
    profile = cProfile.Profile()
    profile.runcall(run, model, request, Settings())
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("cumulative").print_stats(r"(engine|benchmarks)/", 24)
    print(text.getvalue())


def main() -> None:
    """Read the command line; search and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--model", default="pocket")
    options.add_argument("--method", default=METHOD)
    options.add_argument("--steps", default="10,30,50,70,100,150")
    options.add_argument("--time", action="store_true", help="where the time of a request goes, instead")
    add_rows(options, "steps", seeds=8)
    chosen = options.parse_args()
    model = catalogue.load(chosen.model, Settings())
    if chosen.time:
        times(model)
        return
    rows = open_rows(chosen, weights_of(chosen.model))
    for count in map(int, chosen.steps.split(",")):
        for task in SHOWN:
            for seed in range(chosen.seeds):
                rows.get(f"{task}/{chosen.method}/{count}/{seed}",
                         partial(searched, model, task, chosen.method, count, seed))  # fmt: skip
    print(table(rows).markdown())

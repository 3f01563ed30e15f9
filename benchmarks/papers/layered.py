"""The delivered search in layers, beside the full mix that all papers' tables are of: one further row.

    python -m benchmarks in-layers --seeds 12 [--tasks intensity,melody] [--publish]

The requests of `control`, by `ditto2`, in four layers that are named, each with a noise of its own: unnamed, a control
of the whole loop gets one full mix. A control is scored in the layers that it moves: a melody is the lead's. A loop
takes some times as long. Rows are `TASK/SEED`; the table is `published`.
"""

import time
from functools import partial

import msgspec

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED, weights_of
from benchmarks.rows import Row
from engine import pipeline
from engine.events import Take
from engine.models import catalogue
from engine.models.protocol import Model
from engine.settings import Settings

TASKS = ("intensity", "melody", "structure", "intensity+melody")
KEPT = ("intensity_mse", "intensity_rho", "melody_accuracy", "structure_mse", "embedding_distance", "steps", "seconds")


def measured(model: Model, task: str, seed: int) -> Row:
    """Make one loop in layers; return its scores, each in the layers that its control moves."""
    asked = tasks.in_layers(tasks.request(task, seed))
    request = msgspec.structs.replace(asked, method="ditto2", budget=UNHURRIED)
    started = time.perf_counter()
    take = next(event for event in pipeline.make_loop(request, model, Settings()) if isinstance(event, Take))
    found = {**take.scores, "steps": take.record["steps"], "seconds": time.perf_counter() - started}
    return {name: found.get(name) for name in KEPT}


def main() -> None:
    """Read the command line; make and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--tasks", default=",".join(TASKS))
    add_rows(options, "in-layers", seeds=12)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, weights_of("pocket")), catalogue.load("pocket", Settings())
    for seed in range(chosen.seeds):
        for task in chosen.tasks.split(","):
            rows.get(f"{task}/{seed}", partial(measured, model, task, seed))
            print(task, seed, rows[f"{task}/{seed}"], flush=True)

"""The delivered search in layers, beside the full mix that all papers' tables are of: one further row.

    python -m benchmarks in-layers --seeds 12 [--tasks intensity,melody] [--publish]

The requests of `control`, by `ditto2`, in four layers that are named, each with a noise of its own: unnamed, a control
of the whole loop gets one full mix. A loop takes some times as long. Rows are `TASK/SEED`; the table is `published`.
"""

from functools import partial

import msgspec

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED, run, weights_of
from benchmarks.rows import Row
from engine.models import catalogue
from engine.models.protocol import Model
from engine.settings import Settings

TASKS = ("intensity", "melody", "structure", "intensity+melody")
KEPT = ("intensity_mse", "intensity_rho", "melody_accuracy", "structure_mse", "embedding_distance", "steps", "seconds")


def measured(model: Model, task: str, seed: int) -> Row:
    """Make one loop in layers and score its file."""
    asked = tasks.in_layers(tasks.request(task, seed))
    request = msgspec.structs.replace(asked, method="ditto2", budget=UNHURRIED)
    row = run(model, request, Settings())
    return {name: row.get(name) for name in KEPT}


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

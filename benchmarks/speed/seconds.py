"""Seconds from a request to its file: an intensity, a melody, both, and a redraw.

    python -m benchmarks seconds --label "two cores, bfloat16" --seeds 8 [--publish]

Nothing else may run beside it. Rows are `LABEL/TASK/SEED`; a label names the machine and its precision.
"""

from functools import partial

import msgspec

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality import edits, tasks
from benchmarks.quality.control import UNHURRIED, run, weights_of
from benchmarks.rows import Row, Rows, mean_interval
from engine.models import catalogue
from engine.pocket.layered import LayeredPocket
from engine.pocket.model import Pocket
from engine.settings import Settings

TASKS = {"intensity": Bar(2.5), "melody": Bar(4.0), "intensity+melody": Bar(8.0), "redraw": Bar(0.8)}
BAR = (
    "Bars on two CPU cores: 2.5, 4, 8 and 0.8 s; on a GPU 0.3, 0.6, 1 and 0.15 s. The project's own, set before "
    "anything was measured; DITTO-2 takes 5.5 s for an intensity on an A100, as others report. Bold misses its bar."
)


def measured(model: Pocket | LayeredPocket, settings: Settings, task: str, seed: int) -> Row:
    """Make one loop; return its seconds and steps."""
    if task == "redraw":
        found = edits.redraw(seed, model)
        return {"seconds": found["redraw, s"], "steps": found["redraw, steps"]}
    row = run(model, msgspec.structs.replace(tasks.request(task, seed), budget=UNHURRIED), settings)
    return {"seconds": row["seconds"], "steps": row["steps"]}


def table(rows: Rows) -> Table:
    """Return mean seconds and their range for each label and task."""
    body = []
    for label in dict.fromkeys(key.split("/")[0] for key in rows):
        cells = []
        for task, bar in TASKS.items():
            seconds = [row["seconds"] for row in rows.below(f"{label}/{task}").values()]
            found = mean_interval(seconds)
            cells.append(cell(found[0], 3, bar, span=(min(seconds), max(seconds))) if found else "")
        body.append([label, *cells])
    return Table(head=("mean (range), s", *TASKS), body=body, bar=BAR)


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--label", required=True)
    options.add_argument("--dtype", default="auto", help="auto, float32 or bfloat16")
    add_rows(options, "seconds", seeds=8)
    chosen = options.parse_args()
    settings, rows = Settings(dtype=chosen.dtype), open_rows(chosen, weights_of("pocket"))
    model = catalogue.load("pocket", settings)
    assert isinstance(model, Pocket | LayeredPocket)
    measured(model, settings, "intensity", 1000)  # compiled kernels are warm
    for task in TASKS:
        for seed in range(chosen.seeds):
            rows.get(f"{chosen.label}/{task}/{seed}", partial(measured, model, settings, task, seed))
    print(table(rows).markdown())

"""What a search begins with: the learned first step, the tune shown to the network, or nothing; and the paper's method.

    python -m benchmarks first-step --seeds 12 [--publish]
    python -m benchmarks first-step --seeds 3 --only intensity,intensity+melody --starts ditto-paper --publish

Full mixes of 8 s at 120 BPM, `ditto2`, every score read back from the file. Seconds are of this process's processors,
over those of a loop of the same prompt without control, which is made just before, of a seed of its own: what a model
has answered it still knows. `begun` is as whoever asks gets it: an intensity with the learned step, a tune with the
tune shown to the network; all others begin plainly. A loop of `ditto-paper` takes minutes, so it has fewer seeds, and
is compared on those. Rows are `TASK/START/SEED`.
"""

import time
from functools import partial

import msgspec
import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality import tasks
from benchmarks.quality.control import run
from benchmarks.quality.pocket import OF_LAYERS
from benchmarks.rows import Row, Rows, mean_interval, weights_name
from engine.models import catalogue
from engine.models.protocol import Model, controls_of
from engine.pocket.model import WEIGHTS
from engine.request import MIX, Budget, Method
from engine.search.first_step import can_begin
from engine.search.methods import objective_of
from engine.settings import Settings

FIRST_SEED = 300  # those of the control table end below, and tuning uses none of these
PLAIN, BEGUN, PAPER = "plain", "begun", "ditto-paper"
UNUSED_SEEDS = {PLAIN: 10_000, BEGUN: 20_000, PAPER: 30_000}  # added for the loop without control; the prompt stays
STEPS = {"intensity": 4, "melody": 6, "intensity+melody": 8, "three": 20, "rhythm": None, "brightness": None}
SECONDS = {"intensity": 2.0, "melody": 2.5, "intensity+melody": 3.0}
QUICKER = {"intensity": 60.0, "intensity+melody": 200.0}
FARTHER = Bar(0.05)
SCORES = {
    "intensity_mse": "MSE, dB²",
    "melody_accuracy": "in tune",
    "rhythm_f1_tight": "F1 at 25 ms",
    "brightness_error_octaves": "octaves",
}
BAR = (
    "Bars: the project's own, set before anything was measured: median gradient steps at most 4, 6, 8 and 20 for an "
    "intensity, a melody, both and three at once; processor time over an uncontrolled loop's at most 2, 2.5 and 3, and "
    "at least 60 times under that of `ditto-paper` for an intensity, 200 times for both; the distance from the same "
    "seed's loop at most 0.05 farther. Bold misses its bar."
)


def measured(model: Model, task: str, start: str, seed: int) -> Row:
    """Make one loop without control and one with, and score the second."""
    settings = Settings()
    asked = msgspec.structs.replace(tasks.request(task, seed), layers=(MIX,))
    began = time.process_time()
    run(model, msgspec.structs.replace(asked, method=Method.NONE, seed=seed + UNUSED_SEEDS[start]), settings)
    free = time.process_time()
    method, budget = PAPER if start == PAPER else "ditto2", Budget(seconds=3600.0, plain_start=start == PLAIN)
    row = run(model, msgspec.structs.replace(asked, method=method, budget=budget), settings)
    shown = {name: row[name] for name in (*SCORES, "embedding_distance", "verifications") if row.get(name) is not None}
    seconds = (time.process_time() - free) / (free - began)
    return shown | {"steps": row["steps"] - 1, "processor_seconds_over_free": seconds}  # the last evaluation is no step


def begins(model: Model, task: str) -> bool:
    """Return whether a search for the task does not begin plainly."""
    asked = msgspec.structs.replace(tasks.request(task, FIRST_SEED), layers=(MIX,))
    scene = model.scene(asked)
    return can_begin(model, objective_of(asked, scene, model)) or controls_of(model, scene) is not None


def table(rows: Rows) -> Table:
    """Return a line for each task and start."""
    body = []
    for task in STEPS:
        found = {start: rows.below(f"{task}/{start}") for start in UNUSED_SEEDS}
        body += [_line(task, start, found) for start in UNUSED_SEEDS if found[start]]
    head = ("task", "start", "seeds", "gradient steps, median", "verifications", "time over an uncontrolled loop's",
            "ditto-paper's time over it", "error", "distance", "farther than plain, 95 %")  # fmt: skip
    return Table(head=head, body=body, bar=BAR)


def _line(task: str, start: str, found: dict[str, dict[str, Row]]) -> list[str]:
    own = list(found[start].values())

    def median(name: str) -> float:
        return float(np.median([row[name] for row in own]))

    steps, seconds = STEPS[task], SECONDS.get(task)
    begun = start == BEGUN
    barred = begun or (start == PLAIN and not found[BEGUN])  # what a request gets that asks for no plain start
    errors = [f"{label} {np.mean([row[name] for row in own]):.3g}" for name, label in SCORES.items() if name in own[0]]
    both = [
        row["embedding_distance"] - found["plain"][seed]["embedding_distance"]
        for seed, row in found[BEGUN].items()
        if seed in found[PLAIN]
    ]
    apart = mean_interval(both) if begun else None
    return [
        task, start, str(len(own)),
        cell(median("steps"), 3, Bar(steps) if barred and steps else None),
        cell(median("verifications"), 2) if start != PAPER else "",
        cell(median("processor_seconds_over_free"), 2, Bar(seconds) if barred and seconds else None),
        _quicker(task, found[PAPER], found[start]) if barred else "",
        "; ".join(errors),
        cell(float(np.mean([row["embedding_distance"] for row in own])), 2),
        "" if apart is None else f"{cell(apart[0], 2, FARTHER)} ({apart[1]:.2f} to {apart[2]:.2f})",
    ]  # fmt: skip


def _quicker(task: str, paper: dict[str, Row], own: dict[str, Row]) -> str:
    """Return how many times as long as ours the paper's method takes, over the seeds that both have."""
    both = [seed for seed in paper if seed in own]
    if not both:
        return ""
    name = "processor_seconds_over_free"
    ratio = float(np.median([paper[seed][name] for seed in both]) / np.median([own[seed][name] for seed in both]))
    bar = Bar(QUICKER[task], least=True) if task in QUICKER else None
    return f"{cell(ratio, 2, bar)} ({len(both)} seed{'s' * (len(both) > 1)})"


def main() -> None:
    """Read the command line; make and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--only", default=",".join(STEPS))
    options.add_argument("--starts", default=f"{PLAIN},{BEGUN}", help=f"{PLAIN}, {BEGUN} or {PAPER}")
    add_rows(options, "first-step", seeds=12)
    chosen = options.parse_args()
    weights = weights_name("pocket", WEIGHTS, without=OF_LAYERS)
    rows, model = open_rows(chosen, weights), catalogue.load("pocket", Settings())
    for task in chosen.only.split(","):
        starts = [one for one in chosen.starts.split(",") if one != BEGUN or begins(model, task)]
        for seed in range(FIRST_SEED, FIRST_SEED + chosen.seeds):
            for start in starts:
                rows.get(f"{task}/{start}/{seed}", partial(measured, model, task, start, seed))
        print(table(rows).markdown(), flush=True)

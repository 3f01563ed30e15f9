"""Error against optimisation steps, read back from finished files, and where the time of a request goes.

    python -m benchmarks steps --seeds 8 --steps 10,30,50,70,100,150 --out steps.json
    python -m benchmarks steps --time

Searches run for exactly so many steps, whatever they have reached; the stopping rule comes from this table, which goes
on with a file that is there, and from the picture that `python -m benchmarks pictures` draws of it. `--time` walks one
request with both controls under the profiler of the standard library and prints the dearest of our own functions, by
the time in them and in what they call.
"""

import argparse
import cProfile
import io
import pstats
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.quality import tasks
from benchmarks.quality.control import keep, kept, run
from engine.models import catalogue
from engine.models.protocol import Model
from engine.request import Budget
from engine.settings import Settings

SHOWN = {"intensity": ("intensity_mse", "intensity_rho"), "melody": ("melody_accuracy", "melody_judge")}


def errors(model: Model, steps: list[int], seeds: int, method: str, out: Path) -> None:
    """Print a table of means for each count of steps."""
    found = kept(out)
    names = [name for shown in SHOWN.values() for name in shown] + ["seconds: intensity", "seconds: melody"]
    print("| steps | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|")
    for count in steps:
        budget, cells, times = Budget(steps=count, until_tolerance=False), [], []
        for task, shown in SHOWN.items():
            keys = [f"{task}/{method}/{count}/{seed}" for seed in range(seeds)]
            for seed, key in enumerate(keys):
                if key not in found:
                    asked = msgspec.structs.replace(tasks.request(task, seed), method=method, budget=budget)
                    row = run(model, asked, Settings())
                    found[key] = {name: row[name] for name in (*shown, "seconds")}
                    keep(found, out)
            rows = [found[key] for key in keys]
            cells += [f"{np.mean([row[name] for row in rows if row.get(name) is not None]):.3g}" for name in shown]
            times.append(f"{np.mean([row['seconds'] for row in rows]):.1f}")
        print(f"| {count} | " + " | ".join(cells + times) + " |", flush=True)


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
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default="pocket")
    options.add_argument("--method", default="ditto2")
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--steps", default="10,30,50,70,100,150")
    options.add_argument("--time", action="store_true", help="where the time of a request goes, instead")
    options.add_argument("--out", type=Path, default=Path("steps.json"))
    chosen = options.parse_args()
    model = catalogue.load(chosen.model, Settings())
    if chosen.time:
        times(model)
    else:
        errors(model, [int(step) for step in chosen.steps.split(",")], chosen.seeds, chosen.method, chosen.out)

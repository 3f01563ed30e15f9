"""Error, correlation or both: three losses of an intensity under one search (DITTO, Novack et al. 2024, table 6).

    python -m benchmarks losses --seeds 24 [--method ditto2] [--publish]

`intensity-paper` is the papers' squared error, `intensity-corr` their correlation, `intensity` counts both. The same
curves, seeds and search for all, read back from the file. Rows are `LOSS/SEED`.
"""

from functools import partial

import msgspec

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED, run
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import Model
from engine.settings import Settings

LOSSES = {
    "intensity-paper": ("squared error", "4.758", "0.617"), "intensity-corr": ("correlation", "60.90", "0.904"),
    "intensity": ("both, ours", "", ""),
}  # fmt: skip
BAR = (
    "Bar: MSE at most 0.6 dB² and rho at least 0.985 in one run, the project's own; no row of the paper's table 6 has "
    "both. Small print: Novack et al. 2024, table 6 (Music ControlNet: 38.41 and 0.941)."
)


def measured(model: Model, kind: str, method: str, seed: int) -> Row:
    """Make one loop with one loss and score its file."""
    (control,) = tasks.request("intensity", seed).controls
    asked = tasks.base(seed, msgspec.structs.replace(control, kind=kind))
    row = run(model, msgspec.structs.replace(asked, method=method, budget=UNHURRIED), Settings())
    kept = ("intensity_mse", "intensity_mse_gain_free", "intensity_rho", "embedding_distance", "steps", "seconds")
    return {name: row.get(name) for name in kept}


def table(rows: Rows) -> Table:
    """Return error and correlation of each loss."""
    body = []
    for kind, (label, mse, rho) in LOSSES.items():
        found = list(rows.below(kind).values())
        small = {"intensity_mse": mse, "intensity_rho": rho}
        cells = []
        for name in ("intensity_mse", "intensity_mse_gain_free", "intensity_rho", "embedding_distance", "steps"):
            mean = mean_interval([row.get(name) for row in found])
            theirs = small.get(name)
            cells.append(("" if mean is None else cell(mean[0], 3, span=mean[1:]))
                         + (f" <small>{theirs}</small>" if theirs else ""))  # fmt: skip
        body.append([label, str(len(found)), *cells])
    head = ("loss", "seeds", "MSE, dB²", "with the best gain", "rho", "embedding distance", "steps")
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; make and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--method", default="ditto2")
    add_rows(options, "losses", seeds=24)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for seed in range(chosen.seeds):
        for kind in LOSSES:
            rows.get(f"{kind}/{seed}", partial(measured, model, kind, chosen.method, seed))
    print(table(rows).markdown())

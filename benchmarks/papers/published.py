"""What DITTO published beside the same method here and beside what is delivered, from the rows of `control`."""

from benchmarks.markdown import Table
from benchmarks.quality.control import TUNE_SHOWN, by_method
from benchmarks.rows import Row, Rows, mean_interval, published

METHODS = ("ditto-paper", "ditto2")
IN_LAYERS, SHOWN_IN_LAYERS = "ditto2, in layers", "shown+ditto2, in layers"
PUBLISHED = (  # task, column, label, factor, DITTO (arXiv:2401.12179), DITTO-2 (arXiv:2405.20289) as others report it
    ("intensity", "intensity_mse", "intensity: MSE, dB²", 1, "4.758", "3.311"),
    ("intensity", "intensity_rho", "intensity: rho", 1, "0.617; 0.904 in a run with an MSE of 60.9", ""),
    ("melody", "melody_accuracy", "melody: frames in tune, %", 100, "82.6", "85.2"),
    ("structure", "structure_mse", "structure: MSE of self-similarity", 1, "0.024", ""),
    ("intensity+melody", "intensity_mse", "both: MSE, dB²", 1, "7.833", ""),
    ("intensity+melody", "melody_accuracy", "both: frames in tune, %", 100, "43.6", ""),
)
BAR = (
    "Bar: better than published (Novack et al. 2024), the project's own. Published figures are of another model, other "
    "data and 6 s clips, so they say only which order of magnitude is usual."
)


def table(rows: Rows) -> Table:
    """Return published figures beside means and 95 % intervals over the same 24 seeds, as full mixes and in layers."""
    body = []
    layered = published("control-layers")
    for task, column, label, scale, *theirs in PUBLISHED:
        in_mix = by_method(rows, task, (*METHODS, TUNE_SHOWN))
        in_layers = by_method(layered, task, (METHODS[-1], TUNE_SHOWN)) if layered else {}
        cells = [_interval(of, column, scale) for of in (*in_mix.values(), *in_layers.values())]
        if not any(in_layers.values()):
            cells[len(in_mix) :] = [f"not yet run: `control --layers --only {task}`", ""]
        body.append([label, *theirs, *cells])
    head = ("", "DITTO, published", "DITTO-2, published", *METHODS, TUNE_SHOWN, IN_LAYERS, SHOWN_IN_LAYERS)
    return Table(head=head, body=body, bar=BAR)


def _interval(rows: list[Row], column: str, scale: float) -> str:
    one = mean_interval([scale * row[column] for row in rows if column in row])
    return "" if one is None else f"{one[0]:.3g} ({one[1]:.3g}-{one[2]:.3g})"

"""The table of all controls and methods, from the rows of `control`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality.control import METHODS, TUNE_SHOWN, by_method
from benchmarks.rows import Row, Rows, mean_interval
from engine.metrics.seam import CLEAN

DELIVERED = ("ditto2", TUNE_SHOWN)  # the methods whose figures are held to the bars


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: a column of a task's rows, times `scale`."""

    task: str
    column: str
    label: str
    bar: Bar | None = None
    digits: int = 3
    scale: float = 1.0

    def values(self, rows: Sequence[Row]) -> list[float]:
        """Return what the rows have of it."""
        return [self.scale * row[self.column] for row in rows if row.get(self.column) is not None]


def _share(task: str, column: str, label: str, least: float | None = None) -> Figure:
    return Figure(task, column, f"{label}, %", Bar(least, least=True, unit=" %") if least else None, 3, 100.0)


FIGURES = (
    Figure("intensity", "intensity_mse", "intensity: MSE, dB²", Bar(0.6), 2),
    Figure("intensity", "intensity_rho", "intensity: rho", Bar(0.985, least=True)),
    _share("intensity", "intensity_bar", "intensity: both in the same take", 95),
    _share("melody", "melody_accuracy", "melody: frames in tune", 95),
    _share("melody", "melody_judge", "melody: frames in tune by basic-pitch", 82),
    Figure("intensity+melody", "intensity_mse", "both: MSE, dB²", Bar(1.0), 2),
    Figure("intensity+melody", "intensity_rho", "both: rho"),
    _share("intensity+melody", "melody_accuracy", "both: frames in tune", 90),
    _share("intensity+melody", "melody_judge", "both: frames in tune by basic-pitch"),
    Figure("rhythm", "rhythm_f1_tight", "rhythm: F1 at 25 ms", Bar(0.8, least=True), 2),
    Figure("structure", "structure_mse_of_none", "structure: MSE over that of none", Bar(0.05), 2),
    _share("structure", "structure_form", "structure: form found by the segmenter", 80),
    Figure("brightness", "brightness_error_octaves", "brightness: error, octaves", Bar(0.25), 2),
    _share("text", "text_judge_above_none", "text: the judge's tower prefers it to none", 80),
    Figure("three", "intensity_mse", "three at once: MSE, dB²", Bar(0.9), 2),
    Figure("three", "intensity_rho", "three at once: rho"),
    _share("three", "melody_accuracy", "three at once: frames in tune", 92.5),
    Figure("three", "brightness_error_octaves", "three at once: error, octaves", Bar(0.375), 2),
)
TASKS = tuple(dict.fromkeys(figure.task for figure in FIGURES))
BAR = (
    "Bars: the project's own, set before anything was measured, for `ditto2`, the tune shown or not; bold misses its "
    "bar. Published for other models and data: MSE 3.31 dB² or rho 0.94, 85.2 % in tune (Novack et al. 2024)."
)


def table(rows: Rows) -> Table:
    """Return means and 95 % bootstrap intervals of every control for each method that has rows."""
    methods = [method for method in METHODS if any(rows.below(f"{task}/{method}") for task in TASKS)]
    found = {task: by_method(rows, task, methods) for task in TASKS}
    body = [_line(figure, found[figure.task]) for figure in FIGURES]
    body += [
        _facts(found, "steps", "median steps", lambda values: f"{np.median(values):.0f}"),
        _facts(found, "embedding_distance", "embedding distance", lambda values: f"{np.mean(values):.2f}"),
    ]
    body += [_seams(found)]
    return Table(head=("mean (95 %), 24 seeds", *methods, "bar"), body=body, bar=BAR)


def _line(figure: Figure, methods: dict[str, list[Row]]) -> list[str]:
    cells = []
    for method, rows in methods.items():
        found = mean_interval(figure.values(rows))
        bar = figure.bar if method in DELIVERED else None
        itself = method == "none" and figure.column.endswith("_none")  # compared with itself
        cells.append("" if found is None or itself else cell(found[0], figure.digits, bar, span=found[1:]))
    return [figure.label, *cells, str(figure.bar or "")]


def _facts(
    found: dict[str, dict[str, list[Row]]], column: str, label: str, middle: Callable[[list[float]], str]
) -> list[str]:
    """Return a line with a value for each task."""
    cells = []
    for method in found[TASKS[0]]:
        values = [[row[column] for row in found[task][method]] for task in TASKS]
        cells.append("; ".join(middle(each) if each else "-" for each in values))
    return [f"{label}: {', '.join(TASKS)}", *cells, ""]


def _seams(found: dict[str, dict[str, list[Row]]]) -> list[str]:
    cells = []
    for method in found[TASKS[0]]:
        ratios = [row["seam_ratio"] for task in TASKS for row in found[task][method]]
        cells.append(f"{sum(ratio <= CLEAN for ratio in ratios)} of {len(ratios)}")
    return ["seams that are good", *cells, "at least 98 %"]

"""Draw what was measured: error against optimisation steps, memory against sampling steps and model size.

    python -m benchmarks pictures          # results/steps.json and results/memory.json, to .png beside them

Those two are the published rows of `steps` and `memory`; where searches end is read from those of `control`.
"""

import logging
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.rows import RESULTS, Rows
from bridge.report import style

MIB = 2**20
MIBS = (30, 100, 300, 1000, 3000, 10_000)
ERROR = {"intensity_mse": "mean of the seeds"}
IN_TUNE = {"melody_accuracy": "by chroma", "melody_judge": "by basic-pitch, the judge"}
KINDS = {"recomputed": "recomputed", "plain": "nothing recomputed"}
DASHED = (0, (4, 3))
SIZE_INCHES = (12, 4.6)


def _axes(title: str, note: str, axes: Axes, *, x: str, ticks: list[int], heights: Sequence[float] = ()) -> None:
    """Put a title above; the axis below is logarithmic, and so is the other where `heights` are its ticks."""
    style.titled(axes, title, note)
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    if heights:
        axes.set_yscale("log")
        axes.set_yticks(heights, [f"{height:,g}" for height in heights])
    axes.minorticks_off()
    axes.set_xlabel(x)
    axes.grid(axis="y", color=style.FAINT, linewidth=0.6)


def _bar(axes: Axes, height: float, name: str, count: int) -> None:
    axes.axhline(height, color=style.WRONG, linewidth=1, linestyle=DASHED)
    axes.text(count, height, f"{name} ", color=style.WRONG, fontsize=9, va="bottom", ha="right")


def _ends(axes: Axes, task: str, control: Rows) -> None:
    """Shade where half of all searches end, between the quarters."""
    ends = [row["steps"] for row in control.below(f"{task}/ditto2").values()]
    low, middle, high = np.percentile(ends, (25, 50, 75))
    axes.axvspan(low, high, color=style.SOFT, alpha=0.18, linewidth=0)
    axes.axvline(middle, color=style.SOFT, linewidth=1)


def steps(figure: Figure, found: Rows, control: Rows) -> None:
    """Error and accuracy in the file after so many steps, each seed thin and their mean thick."""
    counts, seeds = (sorted({int(key.split("/")[place]) for key in found}) for place in (2, 3))
    left, right = figure.subplots(1, 2)
    for axes, task, shown in ((left, "intensity", ERROR), (right, "melody", IN_TUNE)):
        for (name, label), colour in zip(shown.items(), (style.HEARD, style.TARGET), strict=False):
            values = np.array([[found[f"{task}/ditto2/{count}/{seed}"][name] for seed in seeds] for count in counts])
            axes.plot(counts, values, color=colour, linewidth=0.7, alpha=0.35)
            axes.plot(counts, values.mean(1), color=colour, linewidth=2, marker="o", markersize=4, label=label)
        _ends(axes, task, control)
    note, decades = "grey: where half of all searches end", (0.01, 0.03, 0.1, 0.3, 1)
    _axes("Intensity: error in the file, dB²", note, left, x="steps", ticks=counts, heights=decades)
    _axes("Melody: share in tune", note, right, x="steps", ticks=counts)
    _bar(left, 0.6, "bar", counts[-1])
    _bar(right, 0.95, "bar by chroma", counts[-1])
    _bar(right, 0.82, "bar by the judge", counts[-1])
    for axes, place in ((left, "upper right"), (right, "lower right")):
        axes.legend(frameon=False, labelcolor=style.INK, loc=place)


def memory(figure: Figure, rows: Rows) -> None:
    """One step's peak against sampling steps, a colour for each size; and at 20 against size."""
    left, right = figure.subplots(1, 2)
    found = points(rows)
    sizes = sorted({point["millions"] for point in found})
    for size, colour in zip(sizes, style.CONTROL_COLOURS, strict=False):
        own = [point for point in found if point["millions"] == size]
        counts = [point["steps"] for point in own]
        left.plot(counts, _mib(own, "recomputed"), color=colour, linewidth=2, label=f"{size:g} M parameters")
        left.plot(counts, _mib(own, "plain"), color=colour, linewidth=1.2, linestyle=DASHED)
    usual = [point for point in found if point["steps"] == 20]
    for (kind, label), colour in zip(KINDS.items(), (style.HEARD, style.SOFT), strict=True):
        right.plot(sizes, _mib(usual, kind), color=colour, linewidth=2, marker="o", markersize=4, label=label)
    eighth = [size / 8 for size in _mib(usual, "plain")]
    right.plot(sizes, eighth, color=style.WRONG, linewidth=1, linestyle=DASHED, label="bar: an eighth")
    _axes("Memory of a step, MiB", "dashed: nothing recomputed", left, x="sampling steps", ticks=counts, heights=MIBS)
    _axes(
        "At 20 sampling steps", "", right, x="million parameters", ticks=[round(size) for size in sizes], heights=MIBS
    )
    for axes in (left, right):
        axes.legend(frameon=False, labelcolor=style.INK, loc="upper left", fontsize=9)


def points(rows: Rows) -> list[dict[str, Any]]:
    """Return size, steps and the rows of both kinds for each point that was measured."""
    names = dict.fromkeys(key.rpartition("/")[0] for key in rows)
    return [
        {
            "millions": float(name.split("/")[0]), "steps": int(name.split("/")[1]),
            **{kind: rows.find(f"{name}/{kind}") for kind in KINDS},
        }
        for name in names
    ]  # fmt: skip


def _mib(points: list[dict[str, Any]], kind: str) -> list[float]:
    return [point[kind]["bytes"] / MIB if point[kind] else np.nan for point in points]


def main() -> None:
    read = {name: Rows(RESULTS / f"{name}.json") for name in ("steps", "memory", "control")}
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # any weight of any face will do
    with matplotlib.rc_context(style.SETTINGS):
        figures = {name: Figure(figsize=SIZE_INCHES, dpi=100, layout="constrained") for name in ("steps", "memory")}
        steps(figures["steps"], read["steps"], read["control"])
        memory(figures["memory"], read["memory"])
        for name, figure in figures.items():
            figure.get_layout_engine().set(w_pad=0.2, h_pad=0.15)
            figure.savefig(RESULTS / f"{name}.png")

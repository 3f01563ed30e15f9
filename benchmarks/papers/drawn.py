"""Draw what the papers' tables say: one picture for each question, of the rows that are published.

python -m benchmarks papers-pictures          # those whose rows are there, to docs/papers/NAME.png
"""

import logging
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullLocator

from benchmarks.command import parser
from benchmarks.papers import edits_papers, graph, hacking, inversion, joint, losses, samplers, students
from benchmarks.papers.baselines.distillation import Kind
from benchmarks.papers.edit_tasks import EDITS
from benchmarks.papers.noise import fixed, ripples, toy
from benchmarks.rows import RESULTS, Rows, mean_interval, published
from benchmarks.speed import large
from benchmarks.speed.memory import KINDS
from bridge.report import style

SIZE_INCHES = (12, 4.4)
PICTURES_OF = RESULTS.parents[1] / "docs" / "papers"
LOSS_COLOURS = dict(zip(losses.LOSSES, (style.TARGET, style.WRONG, style.HEARD), strict=True))
EDGE_MS = 1000 * edits_papers.JUMP_WINDOW / 2 / 44_100


def _decades(axis: XAxis | YAxis, places: Sequence[float], labels: Sequence[str] = ()) -> None:
    """Make an axis logarithmic, with plain numbers at `places`."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_ticks(places, labels or [f"{place:g}" for place in places])
    axis.set_minor_locator(NullLocator())


def drawn_losses(figure: Figure, rows: Rows) -> None:
    """Error against correlation of each loop, by the loss that it was searched with."""
    (axes,) = figure.subplots(1, 1, squeeze=False)[0]
    for kind, colour in LOSS_COLOURS.items():
        found = list(rows.below(kind).values())
        places = [(row["intensity_mse"], max(1 - row["intensity_rho"], 1e-4)) for row in found]
        axes.scatter(*zip(*places, strict=True), color=colour, s=26, alpha=0.85, label=losses.LOSSES[kind][0])
        mse, rho = (losses.LOSSES[kind][place] for place in (1, 2))
        if mse:
            axes.scatter(float(mse), 1 - float(rho), marker="x", s=70, color=colour)
    axes.axvspan(0.05, 0.6, ymax=1, color=style.SOFT, alpha=0.1, linewidth=0)
    axes.set(xlabel="error, dB²", ylabel="correlation", xlim=(0.05, 300))
    _decades(axes.xaxis, (0.1, 1, 10, 100))
    _decades(axes.yaxis, (0.1, 0.01, 0.001), [f"{1 - height:g}" for height in (0.1, 0.01, 0.001)])
    axes.invert_yaxis()
    style.titled(axes, "An intensity searched with three losses", "crosses: published; shaded: within our bar of error")
    axes.legend(frameon=False, labelcolor=style.INK, loc="upper right")


def drawn_students(figure: Figure, rows: Rows) -> None:
    """Error of what is delivered in T steps after a search through one, and the quality of free samples."""
    left, right = figure.subplots(1, 2)
    for kind, colour in zip(Kind, style.CONTROL_COLOURS, strict=False):
        spans = [mean_interval([row["error"] for row in rows.below(f"{kind}/{steps}").values()])
                 for steps in students.LENGTHS]  # fmt: skip
        middle, low, high = np.array([span for span in spans if span]).T
        label = "jump, ours" if kind == Kind.JUMP else kind.upper()
        left.plot(students.LENGTHS, middle, color=colour, linewidth=2, marker="o", markersize=4, label=label)
        left.fill_between(students.LENGTHS, low, high, color=colour, alpha=0.18, linewidth=0)
        own = [rows[f"quality/{kind}/{steps}"]["distance"] for steps in students.LENGTHS]
        right.plot(students.LENGTHS, own, color=colour, linewidth=2, marker="o", markersize=4, label=label)
    right.axhline(rows["quality/teacher/32"]["distance"], color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
    _decades(left.yaxis, (0.003, 0.01, 0.03, 0.1))
    style.titled(left, "Error delivered in T steps", "searched through one step")
    style.titled(right, "Frechet distance, free", "dashed: the teacher's 32 steps")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="T")
        axes.set_xticks(students.LENGTHS, [str(steps) for steps in students.LENGTHS])
        axes.minorticks_off()
        axes.legend(frameon=False, labelcolor=style.INK)


def drawn_fixed_noise(figure: Figure, rows: Rows) -> None:
    """The variance that is left in each feature when x_T is fixed: `pocket`, and 5,000 batches of a toy beside it."""
    toys = published("toy-noise")
    shown: dict[str, dict[str, list[float]]] = {
        "pocket": {name: [rows[key][name] for key in rows] for name in fixed.FEATURES}
    }
    if toys is not None:
        pairs = zip(fixed.FEATURES, toy.FEATURES, strict=True)
        shown["a toy, 5,000 batches"] = {name: list(toy.shares(toys, other)) for name, other in pairs}
    for axes, label in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        found = shown[label]
        for place, values in enumerate(found.values()):
            spread = np.linspace(-0.16, 0.16, len(values))
            axes.scatter(values, place + spread, color=style.HEARD, s=16, alpha=0.6)
            axes.plot([np.mean(values)] * 2, (place - 0.3, place + 0.3), color=style.TARGET, linewidth=2.5)
        axes.axvline(1, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(found)), fixed.FEATURES.values() if label == "pocket" else [""] * len(found))
        axes.set(xlim=(0, 1.05), xlabel="variance with one x_T over that with ten")
        style.titled(axes, f"What the noise fixes: {label}")


def drawn_ripples(figure: Figure, rows: Rows) -> None:
    """How much of a ripple a search writes, against its cycles over time, over bands, and over both."""
    kinds: tuple[tuple[str, list[tuple[float, int]]], ...] = (
        ("cycles a second", [(place, 0) for place, bands in ripples.RIPPLES if not bands]),
        ("cycles over all bands", [(0, bands) for place, bands in ripples.RIPPLES if not place]),
        ("both", [one for one in ripples.RIPPLES if all(one)]),
    )
    for axes, (label, wanted) in zip(figure.subplots(1, 3, sharey=True), kinds, strict=True):
        names = [f"{place:g}" if not bands else f"{bands:g}" if not place else f"{place:g} and {bands:g}"
                 for place, bands in wanted]  # fmt: skip
        for column, colour, name in (
            ("written", style.HEARD, "the latent's"),
            ("sounding", style.TARGET, "the sound's"),
        ):
            spans = [mean_interval([row[column] for row in rows.below(f"{place:g}/{bands:g}").values()])
                     for place, bands in wanted]  # fmt: skip
            middle, low, high = np.array([span or (np.nan,) * 3 for span in spans]).T
            axes.plot(range(len(wanted)), middle, color=colour, linewidth=2, marker="o", markersize=4, label=name)
            axes.fill_between(range(len(wanted)), low, high, color=colour, alpha=0.18, linewidth=0)
        axes.set_xticks(range(len(wanted)), names)
        axes.set(xlabel=label, ylim=(0, None))
        if label == "both":
            axes.legend(frameon=False, labelcolor=style.INK)
        style.titled(axes, "Share of a ripple that is written" if label == kinds[0][0] else "")


def drawn_graph(figure: Figure, rows: Rows) -> None:
    """Each seed's error, artefacts and cost of a step, with the vocoder inside the gradient against outside."""
    outside, inside = (rows.below(way) for way in graph.WAYS)
    shown = {"intensity_mse": "Error in the file, dB²", "artefacts": "Artefacts, dB", "seconds": "Seconds a step"}
    for axes, (name, label) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        places = np.array([(outside[seed][name], inside[seed][name]) for seed in outside.keys() & inside.keys()])
        low, high = 0.95 * places.min(), 1.05 * places.max()
        axes.plot((low, high), (low, high), color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.scatter(*places.T, color=style.HEARD, s=26, alpha=0.8)
        axes.scatter(*places.mean(0), color=style.TARGET, s=80, marker="x")
        axes.set(xlabel="vocoder outside", ylabel="inside")
        style.titled(axes, label)
        if name == "intensity_mse":
            _decades(axes.xaxis, (0.3, 1, 3))
            _decades(axes.yaxis, (0.3, 1, 3))


def drawn_inversion(figure: Figure, rows: Rows) -> None:
    """Each recording's error after its noise was looked for, over that of a chance noise."""
    (axes,) = figure.subplots(1, 1, squeeze=False)[0]
    methods = [method for method in inversion.METHODS if method != inversion.CHANCE]
    chance = rows.below(inversion.CHANCE)
    for place, method in enumerate(methods):
        shares = [row["error"] / chance[seed]["error"] for seed, row in rows.below(method).items() if seed in chance]
        axes.scatter(shares, place + np.linspace(-0.16, 0.16, len(shares)), color=style.HEARD, s=26, alpha=0.8)
    axes.axvline(1, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(methods)), methods)
    axes.set(xlabel="error over that of a chance noise", ylim=(-0.6, len(methods) - 0.4))
    _decades(axes.xaxis, (0.001, 0.01, 0.1, 1))
    style.titled(axes, "The noise of a recording", "a dot a recording")


def drawn_joint(figure: Figure, rows: Rows) -> None:
    """The intensity's error of each pair of controls by method, on the same seeds."""
    pairs = (joint.OUTPAINT, joint.STRUCTURE, joint.MELODY)
    control = published("control")
    colours = dict(zip(joint.METHODS, (style.WRONG, style.TARGET, style.HEARD), strict=True))
    for axes, pair in zip(figure.subplots(1, len(pairs), sharey=True), pairs, strict=True):
        source = control if pair == joint.MELODY and control is not None else rows
        for place, (method, colour) in enumerate(colours.items()):
            found = [row["intensity_mse"] for row in source.below(f"{pair}/{method}").values()]
            if found:
                spread = place + np.linspace(-0.2, 0.2, len(found))
                axes.scatter(spread, found, color=colour, s=18, alpha=0.7)
                axes.plot((place - 0.3, place + 0.3), [np.mean(found)] * 2, color=colour, linewidth=2.5)
        axes.set_xticks(range(len(colours)), colours)
        axes.set(xlim=(-0.6, len(colours) - 0.4))
        _decades(axes.yaxis, (0.1, 1, 10, 100))
        style.titled(axes, pair.replace("+", " with "))
        if pair == joint.OUTPAINT:
            axes.set(ylabel="error of the intensity, dB²")


def drawn_samplers(figure: Figure, rows: Rows) -> None:
    """The loss along the first gradient through each sampler, a panel for each prediction, for the longest chain."""
    chain = max(int(key.split("/")[2]) for key in rows)
    kinds = list(dict.fromkeys(key.split("/")[0] for key in rows))
    for axes, prediction in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for sampler, colour in zip(("ddim", "dpm++", "ancestral"), style.CONTROL_COLOURS, strict=False):
            line = rows.find(f"{prediction}/{sampler}/{chain}/0").get("line")
            if line:
                axes.plot(samplers.PLACES, np.array(line) / line[len(line) // 2], color=colour, label=sampler)
        _decades(axes.yaxis, (0.1, 0.3, 1, 3, 10))
        axes.set(xlabel="standard deviations along the gradient")
        style.titled(axes, f"{prediction}, {chain} steps", "loss over that at the noise")
        axes.legend(frameon=False, labelcolor=style.INK, fontsize=9)


def drawn_edges(figure: Figure, rows: Rows) -> None:
    """How far levels move around the place where known and new meet (DITTO's figure 4), a panel for each edit."""
    shown = ("inpaint, gap 2 s", "outpaint, overlap 1 s", "loop, no reference")
    edits = [edit for edit in shown if rows.below(f"{edit}/ditto2")] or list(EDITS)[:1]
    times = EDGE_MS * (np.arange(2 * edits_papers.EDGE_STEPS + 1) - edits_papers.EDGE_STEPS)
    for axes, edit in zip(figure.subplots(1, len(edits), squeeze=False)[0], edits, strict=True):
        for method, colour in zip(("naive mask", "multidiffusion", "freedom", "ditto2"),
                                  (style.SOFT, style.WRONG, style.TARGET, style.HEARD), strict=True):  # fmt: skip
            found = [row["edge"] for row in rows.below(f"{edit}/{method}").values() if "edge" in row]
            if found:
                axes.plot(times, np.mean(found, 0), color=colour, linewidth=2, label=method)
        axes.axvline(0, color=style.FAINT, linewidth=1)
        axes.set(xlabel="ms from where known and new meet", ylim=(0, None))
        style.titled(axes, edit)
    first, *_ = figure.axes
    first.set_ylabel("moves of levels over usual large ones")
    first.legend(frameon=False, labelcolor=style.INK, fontsize=9, loc="lower left")


def drawn_hacking(figure: Figure, rows: Rows) -> None:
    """Error, the prompt's score and the distance to the seed's loop against steps, with and without our guards."""
    shown = {"intensity_mse": "Error in the file, dB²", "text": "Prompt's score", "embedding_distance": "Distance"}
    for axes, (name, label) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        for way, colour in zip(hacking.WAYS, (style.WRONG, style.HEARD), strict=True):
            found = [list(rows.below(f"intensity/{way}/{count}").values()) for count in hacking.COUNTS]
            if all(found):
                spans = [mean_interval([row[name] for row in one]) for one in found]
                middle, low, high = np.array([span for span in spans if span]).T
                axes.plot(hacking.COUNTS, middle, color=colour, linewidth=2, marker="o", markersize=4, label=way)
                axes.fill_between(hacking.COUNTS, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.set(xlabel="steps")
        style.titled(axes, label)
        axes.legend(frameon=False, labelcolor=style.INK)


def drawn_large(figure: Figure, rows: Rows) -> None:
    """Memory and operations of a step against the size of the model, counted, and measured where a step was run."""
    left, right = figure.subplots(1, 2)
    for kind, colour in zip(KINDS, (style.HEARD, style.WRONG), strict=True):
        found = [row for size in large.SIZES if (row := rows.find(f"counted/{size:g}/{kind}"))]
        sizes = [row["millions"] / 1000 for row in found]
        left.plot(
            sizes, [row["bytes"] / large.GIB for row in found], color=colour, linewidth=2, label=f"{kind}, counted"
        )
        right.plot(sizes, [row["operations"] / 1e12 for row in found], color=colour, linewidth=2, label=kind)
        ran = [row for size in large.SIZES if (row := large.real(rows, size, kind))]
        left.scatter([row["millions"] / 1000 for row in ran], [row["bytes"] / large.GIB for row in ran], color=colour,
                     s=60, marker="x", label="measured")  # fmt: skip
        if kind == "plain":
            left.plot(sizes, [row["weights"] / large.GIB for row in found], color=style.SOFT, linewidth=1,
                      linestyle=(0, (4, 3)), label="the weights")  # fmt: skip
    _decades(left.yaxis, (0.1, 0.3, 1, 3, 10, 30))
    style.titled(left, "A step of 20 sampling steps, GiB")
    style.titled(right, "Operations, 10^12")
    for axes in (left, right):
        axes.set(xlabel="parameters, billions")
        axes.legend(frameon=False, labelcolor=style.INK, fontsize=9)


PICTURES: dict[str, Callable[[Figure, Rows], None]] = {
    "losses": drawn_losses,
    "students": drawn_students,
    "fixed-noise": drawn_fixed_noise,
    "ripples": drawn_ripples,
    "samplers": drawn_samplers,
    "edits-papers": drawn_edges,
    "hacking": drawn_hacking,
    "graph": drawn_graph,
    "joint": drawn_joint,
    "inversion": drawn_inversion,
    "memory-large": drawn_large,
}


def main() -> None:
    """Draw the pictures whose rows are there; say which are not."""
    parser(__doc__).parse_args()
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # any weight of any face will do
    for name, draw in PICTURES.items():
        rows = published(name)
        if rows is None:
            print(f"{name}: there are no rows yet")
            continue
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=SIZE_INCHES, dpi=90, layout=ConstrainedLayoutEngine(w_pad=0.2, h_pad=0.15))
            draw(figure, rows)
            figure.savefig(PICTURES_OF / f"{name}.png")
            print(f"{name}: drawn")

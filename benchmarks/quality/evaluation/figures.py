"""From rows of loops to the figures of the table, each with its bar and what true loops reach."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.rows import Arrays as Table

from . import statistics

SEAM_LOOPS, LOUDNESS_LOOPS, AMONG = 200, 100, 16
SILENT_DC = 1e-3  # -60 dBFS


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: values by column; `bar` says in words what is asked, `good` whether a value meets it."""

    name: str
    bar: str
    values: Mapping[str, float]
    good: Callable[[float], bool] | None = None
    digits: int = 2
    note: str = ""

    def met(self, column: str) -> bool | None:
        """Whether a column meets the bar, or None where there is no value or no bar."""
        value = self.values.get(column)
        return None if value is None or self.good is None or not np.isfinite(value) else bool(self.good(value))


def at_least(limit: float) -> Callable[[float], bool]:
    """Return whether a value reaches `limit`."""
    return lambda value: value >= limit


def at_most(limit: float) -> Callable[[float], bool]:
    """Return whether a value stays within `limit`."""
    return lambda value: value <= limit


def from_rows(columns: Mapping[str, Table]) -> list[Figure]:
    """Return the figures that are shares and quantiles of single loops."""
    return [
        *(figure(columns) for figure in _IN_TIME_AND_TUNE),
        *_seams(columns),
        *(figure(columns) for figure in _SOUND),
        Figure(
            name="log-mel error of the round trip, dB",
            bar="at most 2.5",
            good=at_most(2.5),
            values={name: _mean(table["log_mel_error"]) for name, table in columns.items() if "log_mel_error" in table},
        ),
    ]


def _row(
    name: str,
    count: Callable[[Table], float],
    bar: str = "",
    good: Callable[[float], bool] | None = None,
    digits: int = 1,
) -> Callable[[Mapping[str, Table]], Figure]:
    """Return what makes one line of the table: `count` of each column."""
    return lambda columns: Figure(
        name=name, bar=bar, good=good, digits=digits, values={name: count(table) for name, table in columns.items()}
    )


_IN_TIME_AND_TUNE = (
    _row("on the grid, % of loops with drums", lambda rows: 100 * _mean(rows["on_grid"]), "at least 95", at_least(95)),
    _row("tempo within 0.5 %, %", lambda rows: 100 * _share(np.abs(_told(rows["tempo_ratio"]) - 1) <= 0.005)),
    _row("off the grid, median ms", lambda rows: 1000 * _median(rows["phase_seconds"]), "at most 10", at_most(10)),
    _row(
        "on the grid in odd metres, %",
        lambda rows: 100 * _mean(rows["on_grid"][rows["odd"] > 0]),
        "at least 95",
        at_least(95),
    ),
    _row("key right or relative, % of tonal loops", lambda rows: 100 * _mean(rows["key"]), "at least 80", at_least(80)),
)
_SOUND = (
    _row(
        "DC, worst of full scale",
        lambda rows: float(np.nanmax(rows["dc"])),
        "at most 0.001",
        at_most(SILENT_DC),
        digits=5,
    ),
    _row(
        "loudness spread (5 to 95 %), LU",
        lambda rows: statistics.spread(_plain_loudness(rows)),
        "at most 6",
        at_most(6),
    ),
    _row("loudness, median LUFS", lambda rows: _median(rows["loudness_lufs"])),
)


def _seams(columns: Mapping[str, Table]) -> list[Figure]:
    """Return how clean the seams are, beside those of true loops and of the same loops cut anywhere."""
    good = {name: 100 * _share(rows["seam"][:SEAM_LOOPS] <= 1) for name, rows in columns.items()}
    cut = {name: 100 * _share(rows["seam_cut"][:SEAM_LOOPS] <= 1) for name, rows in columns.items()}
    clicking = {name: 100 * _share(rows["clicks"] > 0) for name, rows in columns.items()}
    failing = 100 - cut["held-out"]
    return [
        Figure(
            name="seam good, %",
            bar="at most 1 under held-out",
            digits=1,
            good=at_least(good["held-out"] - 1),
            values=good,
            note=f"{failing:.0f} % of the same held-out loops, cut anywhere, fail",
        ),
        Figure(name="seam good when cut anywhere, %", bar="", digits=1, values=cut),
        Figure(
            name="loops with clicks, %",
            bar="at most 1 over held-out",
            digits=1,
            good=at_most(clicking["held-out"] + 1),
            values=clicking,
        ),
    ]


def _plain_loudness(table: Table) -> np.ndarray:
    """Return the loudness of loops whose prompts do not ask for loud or quiet ones."""
    return table["loudness_lufs"][table["plain"] > 0][:LOUDNESS_LOOPS]


def distances(columns: Mapping[str, Table], others: Table, training: Table | None) -> list[Figure]:
    """Return Frechet distances to `others` over those of as many held-out loops, and nearness to training."""
    true = columns["held-out"]["musicnn"]
    apart = {}
    for name, table in columns.items():
        size = min(len(table["musicnn"]), len(others["musicnn"]))
        own = statistics.frechet(true[:size], others["musicnn"][:size])
        apart[name] = statistics.frechet(table["musicnn"][:size], others["musicnn"][:size]) / own
    figures = [
        Figure(name="Frechet distance, times that of two halves", bar="at most 3", good=at_most(3), values=apart),
    ]
    long = max((name for name in apart if name.isdigit()), key=int, default="")
    if long:
        figures.append(
            Figure(
                name=f"Frechet distance, times that of {long} steps",
                bar="at most 1.25 (4 steps)",
                good=at_most(1.25),
                values=_over(columns, others, long),
            )
        )
    if training is not None:
        figures += _nearness(columns, training)
    return figures


def _over(columns: Mapping[str, Table], others: Table, long: str) -> dict[str, float]:
    """Return each chain's distance over the long chain's, from equally many loops."""
    ratios = {}
    for name in (name for name in columns if name.isdigit()):
        size = min(len(columns[name]["musicnn"]), len(columns[long]["musicnn"]))
        rows = others["musicnn"][:size]
        here, there = (statistics.frechet(columns[key]["musicnn"][:size], rows) for key in (name, long))
        ratios[name] = here / there
    return ratios


def _nearness(columns: Mapping[str, Table], training: Table) -> list[Figure]:
    reached = {name: statistics.nearest(table["musicnn"], training["musicnn"]) for name, table in columns.items()}
    own = reached["held-out"]
    return [
        Figure(name=f"nearest training loop, {label}, times that of held-out", bar="at least 0.9", good=at_least(0.9),
               values={name: values[at] / own[at] for name, values in reached.items()})
        for at, label in ((0, "median"), (1, "1 % quantile"))
    ]  # fmt: skip


def ranks(columns: Mapping[str, Table], words: np.ndarray) -> Figure:
    """Return how often a prompt finds its audio among 16 in the judge's tower; `words` [n, d] are read prompts."""
    values = {}
    for name, table in columns.items():
        heard = table["judge"]
        values[name] = 100 * statistics.first_among(heard, words[: len(heard)], AMONG - 1, np.random.default_rng(0))
    return Figure(
        name="prompt ranks its audio first among 16, %", bar="at least 60", good=at_least(60), digits=1, values=values
    )


def _told(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def _share(truths: np.ndarray) -> float:
    return float(np.mean(truths)) if len(truths) else float("nan")


def _mean(values: np.ndarray) -> float:
    told = _told(values)
    return float(told.mean()) if len(told) else float("nan")


def _median(values: np.ndarray) -> float:
    told = _told(values)
    return float(np.median(told)) if len(told) else float("nan")

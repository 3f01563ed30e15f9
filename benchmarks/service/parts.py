"""Long runs in parts: each part is a row that is kept when it is done, and a run that was stopped goes on after it."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.rows import RESULTS, WORK, Row, Rows


def in_parts(
    name: str, count: int, measure: Callable[[int], Mapping[str, Any]], *, publish: bool, run: str = ""
) -> list[Row]:
    """Return the rows of parts 0 to `count` - 1; `measure` is called for those that are not kept yet.

    `name` says all that decides what a part is, such as its size and the seed; rows of another name are never mixed in.
    One line on stderr tells of each part. `run` is kept with each row, so that parts of one process can be told apart.
    """
    rows = Rows((RESULTS if publish else WORK) / "service-parts.json", command=command())
    missing = [part for part in range(count) if f"{name}/{part}" not in rows]
    started = time.monotonic()
    for done, part in enumerate(missing, 1):
        rows.put(f"{name}/{part}", {**measure(part), "process": run})
        left_minutes = (time.monotonic() - started) / done * (len(missing) - done) / 60
        print(f"{name}: part {part + 1} of {count}, {left_minutes:.0f} min left", file=sys.stderr, flush=True)
    return [rows[f"{name}/{part}"] for part in range(count)]


def growth_mb(parts: list[Row], figure: str) -> list[float]:
    """Return by how much a list of figures grew at most, in parts of one process from the first of them to any other.

    A single part of a process says nothing of growth: its own start stands in `first` of the row, where there is one.
    """
    worst: list[float] = []
    for process in {part["process"] for part in parts}:
        own = [part for part in parts if part["process"] == process]
        first: list[float] = own[0][f"first_{figure}" if f"first_{figure}" in own[0] else figure]
        for part in own:
            grown = [after - before for before, after in zip(first, part[figure], strict=True)]
            worst = [max(pair) for pair in zip(worst, grown, strict=True)] if worst else grown
    return [round(one, 1) for one in worst]


def command() -> str:
    """Return how this run was called."""
    return " ".join(["python -m benchmarks", sys.argv[0].rpartition(" ")[2], *sys.argv[1:]])

"""Options that benchmarks share: where rows are kept, and of which weights they are."""

import argparse
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.rows import RESULTS, WORK, Row, Rows

M = TypeVar("M")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_rows(options: argparse.ArgumentParser, name: str, *, seeds: int | None = None) -> None:
    """Add `--out FILE` and `--publish`, and `--seeds N` where a benchmark has so many by default."""
    options.set_defaults(rows_name=name)
    if seeds is not None:
        options.add_argument("--seeds", type=int, default=seeds)
    where = options.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, help=f"the file of rows, gone on with (default {WORK}/{name}.json)")
    where.add_argument("--publish", action="store_true", help=f"keep rows in benchmarks/results/{name}.json")


def open_rows(chosen: argparse.Namespace, weights: str = "") -> Rows:
    """Return the store that the options name."""
    folder = RESULTS if chosen.publish else WORK
    command = " ".join(["python -m benchmarks", sys.argv[0].rpartition(" ")[2], *sys.argv[1:]])
    return Rows(chosen.out or folder / f"{chosen.rows_name}.json", weights=weights, command=command)


def run_ways(
    doc: str | None,
    name: str,
    weights: str,
    ways: Iterable[str],
    load: Callable[[], M],
    measured: Callable[[M, str, int], Row],
) -> Rows:
    """Read the command line; measure each way of each seed that is missing, and return all rows, `WAY/SEED`."""
    options = parser(doc)
    add_rows(options, name, seeds=24)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, weights), load()
    for seed in range(chosen.seeds):
        for way in ways:
            rows.get(f"{way}/{seed}", partial(measured, model, way, seed))
    return rows

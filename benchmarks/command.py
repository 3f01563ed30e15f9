"""Options that benchmarks share: where rows are kept, and of which weights they are."""

import argparse
import sys
from pathlib import Path

from benchmarks.rows import RESULTS, WORK, Rows


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_rows(options: argparse.ArgumentParser, name: str) -> None:
    """Add `--out FILE` and `--publish`."""
    options.set_defaults(rows_name=name)
    where = options.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, help=f"the file of rows, gone on with (default {WORK}/{name}.json)")
    where.add_argument("--publish", action="store_true", help=f"keep rows in benchmarks/results/{name}.json")


def open_rows(chosen: argparse.Namespace, weights: str = "") -> Rows:
    """Return the store that the options name."""
    folder = RESULTS if chosen.publish else WORK
    command = " ".join(["python -m benchmarks", sys.argv[0].rpartition(" ")[2], *sys.argv[1:]])
    return Rows(chosen.out or folder / f"{chosen.rows_name}.json", weights=weights, command=command)

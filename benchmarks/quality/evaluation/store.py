"""Rows of many loops, kept on disk as they come: a run that was stopped goes on where it was."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .hearing import Row

CHUNK = 16

Table = dict[str, NDArray[np.floating]]


def rows_of(folder: Path, name: str, size: int, hear: Callable[[Sequence[int]], Iterator[tuple[int, Row]]]) -> Table:
    """Return the columns of rows 0 to `size` - 1; `hear` yields the rows of the indices that are not yet there."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    missing = [range(first, min(first + CHUNK, size)) for first in range(0, size, CHUNK)]
    missing = [part for part in missing if not _file(place, part).exists()]
    started = time.monotonic()
    for done, part in enumerate(missing, 1):
        _keep(_file(place, part), dict(hear(part)), part)
        left = (time.monotonic() - started) / done * (len(missing) - done) / 60
        print(f"{name}: {part.stop} of {size} loops, {left:.1f} min left", flush=True)
    parts = [dict(np.load(_file(place, range(first, min(first + CHUNK, size))))) for first in range(0, size, CHUNK)]
    return {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}


def _file(place: Path, part: range) -> Path:
    return place / f"{part.start:06d}-{part.stop:06d}.npz"


def _keep(file: Path, rows: dict[int, Row], part: range) -> None:
    columns = {column: np.stack([rows[index][column] for index in part]) for column in rows[part.start]}
    beside = file.with_suffix(".part")
    with beside.open("wb") as handle:
        np.savez(handle, **columns)
    beside.replace(file)

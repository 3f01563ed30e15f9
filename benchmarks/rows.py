"""The one store of what benchmarks measure: rows that are kept as they come, with where each of them is from.

`Rows` keeps figures by key in a JSON file, a row a line; `arrays_of` keeps vectors and pictures of many loops in a
folder. A run that was stopped goes on where it was. Published rows are in `benchmarks/results`; the tables of the pages
are made from them (`python -m benchmarks tables`).
"""

import datetime
import hashlib
import json
import platform
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

RESULTS = Path(__file__).parent / "results"
WORK = Path("build/benchmarks")  # where rows go that are not to be published
CHUNK_LOOPS = 16
DIGITS = 5

Row = dict[str, Any]
"""Figures of one measurement by name; None where there is none."""

Arrays = dict[str, NDArray[np.floating]]
"""One loop's vectors by name, or columns of many loops' [loops, ...]."""

Run = dict[str, str]
"""Where rows are from: date, commit, weights, machine, command; whatever of them is known."""


class OtherWeightsError(ValueError):
    """A file holds rows of other weights: means over both would be of neither."""


class Rows:
    """Rows by key in a JSON file; `weights` names the model's weights, and a file holds rows of one name only."""

    def __init__(self, file: Path, *, weights: str = "", command: str = "") -> None:
        self.file = file
        self.runs: dict[str, Run] = {}
        self._rows: dict[str, Row] = {}
        self._read()
        others = {run["weights"] for run in self.runs.values() if run.get("weights", weights) != weights}
        if weights and others:
            raise OtherWeightsError(
                f"{file} holds rows of the weights {', '.join(sorted(others))}; these are {weights}. "
                "Give another --out, or remove the file to measure everything again."
            )
        self._run = {"weights": weights, "command": command}

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __getitem__(self, key: str) -> Row:
        return {name: value for name, value in self._rows[key].items() if name != "run"}

    def find(self, key: str) -> Row:
        """Return the row of `key`, empty where there is none."""
        return self[key] if key in self._rows else {}

    def below(self, prefix: str) -> dict[str, Row]:
        """Return the rows whose keys begin with `prefix` and a slash, by the rest of their keys."""
        start = f"{prefix}/"
        return {key[len(start) :]: self[key] for key in self._rows if key.startswith(start)}

    def get(self, key: str, measure: Callable[[], Mapping[str, Any]]) -> Row:
        """Return the row of `key`; where there is none yet, measure it and keep it at once."""
        if key not in self._rows:
            self.put(key, measure())
        return self[key]

    def put(self, key: str, row: Mapping[str, Any]) -> None:
        """Keep a row to five digits, without the figures that are None, in place of the one that was there."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        figures = {name: _rounded(value) for name, value in row.items() if value is not None}
        with FileLock(self.file.with_suffix(".lock")):  # other benchmarks may keep rows in the same file
            self._read()
            self._rows[key] = {"run": self._number(), **figures}
            self._write()

    def _read(self) -> None:
        if self.file.exists():
            kept = json.loads(self.file.read_text(encoding="utf-8"))
            self.runs, self._rows = kept["runs"], kept["rows"]

    def _number(self) -> str:
        """Return the name of this run, after the commits and dates that are there."""
        facts = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), **self._run, **_here()}
        facts = {name: value for name, value in facts.items() if value}
        for number, run in self.runs.items():
            if run == facts:
                return number
        number = str(len(self.runs) + 1)
        self.runs[number] = facts
        return number

    def _write(self) -> None:
        lines = [f"{json.dumps(key)}: {json.dumps(row)}" for key, row in self._rows.items()]
        runs = [f"{json.dumps(number)}: {json.dumps(run)}" for number, run in self.runs.items()]
        text = '{"runs": {\n' + ",\n".join(runs) + '\n}, "rows": {\n' + ",\n".join(lines) + "\n}}\n"
        beside = self.file.with_suffix(".part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.file)


def published(name: str) -> Rows | None:
    """Return the published rows of a benchmark, None where there are none yet."""
    file = RESULTS / f"{name}.json"
    return Rows(file) if file.exists() else None


def fingerprint(files: Sequence[Path]) -> str:
    """Return eight letters that change with the contents of any of `files`."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def weights_name(model: str, folder: Path, without: Collection[str] = ()) -> str:
    """Return the name of a model's weights: its own, and a fingerprint of `folder` without some files."""
    files = [file for file in sorted(folder.rglob("*.safetensors")) if file.name not in without]
    return f"{model} {fingerprint(files)}"


def mean_interval(values: Sequence[float | None], draws: int = 2000) -> tuple[float, float, float] | None:
    """Return the mean and the ends of its 95 % bootstrap interval; None without values."""
    found = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(found):
        return None
    means = found[np.random.default_rng(0).integers(len(found), size=(draws, len(found)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(found.mean()), float(low), float(high)


def arrays_of(
    folder: Path, name: str, size: int, measure: Callable[[Sequence[int]], Iterator[tuple[int, Arrays]]]
) -> Arrays:
    """Return the columns of loops 0 to `size` - 1; `measure` yields the arrays of the indices that are not yet there.

    Loops are measured and kept `CHUNK_LOOPS` at a time, because a model makes several at once.
    """
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    chunks = [range(first, min(first + CHUNK_LOOPS, size)) for first in range(0, size, CHUNK_LOOPS)]
    missing = [chunk for chunk in chunks if not _chunk_file(place, chunk).exists()]
    started = time.monotonic()
    for done, chunk in enumerate(missing, 1):
        _keep(_chunk_file(place, chunk), dict(measure(chunk)), chunk)
        left_minutes = (time.monotonic() - started) / done * (len(missing) - done) / 60
        print(f"{name}: {chunk.stop} of {size} loops, {left_minutes:.1f} min left", flush=True)
    parts = [dict(np.load(_chunk_file(place, chunk))) for chunk in chunks]
    return {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}


def _chunk_file(place: Path, chunk: range) -> Path:
    return place / f"{chunk.start:06d}-{chunk.stop:06d}.npz"


def _keep(file: Path, loops: dict[int, Arrays], chunk: range) -> None:
    columns = {column: np.stack([loops[index][column] for index in chunk]) for column in loops[chunk.start]}
    beside = file.with_suffix(".part")
    with beside.open("wb") as handle:
        np.savez(handle, **columns)
    beside.replace(file)


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _here() -> Run:
    """Return the commit and the processor that rows are measured on."""
    try:
        command = ["git", "describe", "--always", "--dirty"]
        done = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
        commit = done.stdout.strip()
    except OSError:
        commit = ""
    return {"commit": commit, "machine": f"{_processor()}, Python {platform.python_version()}"}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()

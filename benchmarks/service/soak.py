"""A day's worth of requests: `python -m benchmarks service-soak`.

Memory, descriptors, journal and log of all processes are read after each part; the last must be as the first.
"""

import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import typer

from benchmarks.rows import WORK
from benchmarks.service.clients import run_clients
from benchmarks.service.parts import growth_mb, in_parts
from benchmarks.service.toy import ask_and_wait, family, find, print_states, report, serve
from engine.service.workers.memory import memory_bytes

MAX_GROWTH_MB = 30
MAX_MORE_DESCRIPTORS = 2
FREE_BYTES = 32 * 2**20  # pages that a burst has used and that are free again
MAX_JOURNAL_BYTES_EACH = 1_500  # an answered request: its id, digest and end, for a week


def soak(
    requests: int = 20_000, part: int = 1_000, clients: int = 8, descriptors: int = 0, publish: bool = False
) -> None:
    """Requests in parts: each ends once, and memory, descriptors, journal and log stay bounded.

    `descriptors` limits the open files of every process (`ulimit -n`), as on a small system; 0 leaves it. One service
    takes all parts; a run that goes on after a stop starts one anew, on the journal and the takes that it left.
    20,000 take some 10 minutes of two cores.
    """
    name = f"soak, {part // clients * clients} requests of {clients} clients, {descriptors} descriptors"
    with Soaked(WORK / "soak" / f"{part}-{clients}-{descriptors}", part, clients, descriptors) as soaked:
        parts = in_parts(name, requests // part, soaked.part, publish=publish, run=soaked.name)
    done = sum(one["ended"] for one in parts)
    growth = growth_mb(parts, "memory_mb")
    more = growth_mb(parts, "descriptors")
    journal_bytes = parts[-1]["journal_bytes"]
    met = (
        done == sum(one["asked"] for one in parts)
        and max(growth) < MAX_GROWTH_MB
        and max(more) <= MAX_MORE_DESCRIPTORS
        and journal_bytes < FREE_BYTES + MAX_JOURNAL_BYTES_EACH * done
    )
    report(
        f"soak, {requests:,} requests" + (f", {descriptors} descriptors" if descriptors else ""),
        met,
        publish=publish,
        requests=done,
        services=len({one["process"] for one in parts}),
        growth_mb=growth,
        rss_mb=[round(one) for one in parts[-1]["memory_mb"]],
        descriptors=parts[-1]["descriptors"],
        running_log_mb=round(max(one["log_bytes"] for one in parts) / 1e6, 1),
        journal_mb=round(journal_bytes / 1e6, 2),
    )
    if met:
        shutil.rmtree(soaked.folder, ignore_errors=True)


class Soaked:
    """A service that is started with its first part, and asked for one part after the other."""

    def __init__(self, folder: Path, part: int, clients: int, descriptors: int) -> None:
        self.name, self.folder = secrets.token_hex(4), folder.absolute()
        self._asked, self._clients, self._descriptors = part // clients, clients, descriptors
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Soaked":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def part(self, number: int) -> dict[str, Any]:
        """Ask for one part's requests, and return how all processes are after it."""
        asked, row = self._asked * self._clients, dict[str, Any]()
        if self._process is None:
            self._process = self._start(fresh=number == 0)
            ask_and_wait(find(self.folder), 20)
            run_clients(find(self.folder), self._clients, self._asked, flood=False, pause=0.0)  # what a start needs
            first = _sample(self._process.pid, self.folder)
            row = {"first_memory_mb": first["memory_mb"], "first_descriptors": first["descriptors"]}
        ends = run_clients(find(self.folder), self._clients, self._asked, flood=False, pause=0.0).ends
        row |= {"asked": asked, "ended": ends["/ditto/done"], **_sample(self._process.pid, self.folder)}
        if row["ended"] != asked:
            self._process.terminate()
            self._process.wait()
            print_states(self.folder)
            raise SystemExit(f"{asked} were asked for; the ends are {dict(ends)}")
        return row

    def _start(self, *, fresh: bool) -> "subprocess.Popen[bytes]":
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "bridge.json").unlink(missing_ok=True)
        return serve(self.folder, descriptors=self._descriptors)


def _sample(process: int, folder: Path) -> dict[str, Any]:
    """Return memory and open descriptors of bridge, engine and worker, and the bytes of the journal and its logs."""
    whole = family(process)
    return {
        "memory_mb": [memory_bytes(pid) / 1e6 for pid in whole],
        "descriptors": [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in whole],
        "log_bytes": _size_bytes(folder, "journal.sqlite*-wal"),
        "journal_bytes": _size_bytes(folder, "journal.sqlite*") - _size_bytes(folder, "journal.sqlite*-wal"),
    }


def _size_bytes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def main() -> None:
    """Read the command line."""
    typer.run(soak)

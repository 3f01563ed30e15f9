"""A day's worth of requests: `python -m benchmarks service-soak`.

Memory, descriptors, journal and log of all processes are read after each part; the last must be as the first.
"""

import tempfile
from collections import Counter
from pathlib import Path

import typer

from benchmarks.service.bars import family
from benchmarks.service.clients import run_clients
from benchmarks.service.toy import ask_and_wait, find, print_states, report, serve
from engine.service.workers.memory import memory_bytes

MAX_GROWTH_BYTES = 30e6
FREE_BYTES = 32 * 2**20  # pages that a burst has used and that are free again
MAX_JOURNAL_BYTES_EACH = 1_500  # an answered request: its id, digest and end, for a week


def soak(
    requests: int = 20_000, part: int = 1_000, clients: int = 8, descriptors: int = 0, publish: bool = False
) -> None:
    """Requests in parts: each ends once, and memory, descriptors, journal and log stay bounded.

    `descriptors` limits the open files of every process (`ulimit -n`), as on a small system; 0 leaves it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = serve(folder, descriptors=descriptors)
        samples, ends = [], Counter[str]()
        try:
            port = find(folder)
            ask_and_wait(port, 20)
            for _ in range(requests // part):
                ends += run_clients(port, clients, part // clients, flood=False, pause=0.0).ends
                samples.append(_sample(process.pid, folder))
        finally:
            process.terminate()
            process.wait()
        journal_bytes = _size_bytes(folder, "journal.sqlite*")
        done = ends["/ditto/done"]
        first, last = samples[min(1, len(samples) - 1)], samples[-1]
        growth_bytes = [after - before for before, after in zip(first[0], last[0], strict=True)]
        met = (
            done == requests // part * (part // clients) * clients
            and max(growth_bytes) < MAX_GROWTH_BYTES
            and max(after - before for before, after in zip(first[1], last[1], strict=True)) <= 2
            and journal_bytes < FREE_BYTES + MAX_JOURNAL_BYTES_EACH * done
        )
        if not met:
            print_states(folder)
    report(
        f"soak, {descriptors} descriptors" if descriptors else "soak",
        met,
        publish=publish,
        requests=done,
        growth_mb=[round(one / 1e6, 1) for one in growth_bytes],
        rss_mb=[round(one / 1e6, 1) for one in last[0]],
        descriptors=last[1],
        running_log_mb=round(last[2] / 1e6, 1),
        journal_mb=round(journal_bytes / 1e6, 2),
        answers=dict(ends),
    )


def _sample(process: int, folder: Path) -> tuple[list[int], list[int], int]:
    """Return memory in bytes and open descriptors of bridge, engine and worker, and the bytes of the journal's logs."""
    whole = family(process)
    open_ = [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in whole]
    return [memory_bytes(pid) for pid in whole], open_, _size_bytes(folder, "journal.sqlite*-wal")


def _size_bytes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def main() -> None:
    """Read the command line."""
    typer.run(soak)

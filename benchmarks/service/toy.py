"""What the service's benchmarks share: a request, a service as a process, and how figures are told."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import psutil

from benchmarks.markdown import Table, flat
from benchmarks.rows import RESULTS, WORK, Rows
from benchmarks.service.parts import command
from bridge.osc.client import OscClient, discovered_port
from bridge.testing import TOY
from engine.errors import EngineUnavailableError
from engine.request import Control, Curve, LoopRequest, Method, Notes, Point
from engine.service.workers.memory import memory_bytes
from midi.notes import Note

ROOT = Path(__file__).parents[2]
BAR = (
    "Bars: accepted within 10 ms at p99; at most 80 MB; welcome within 1 s; idle under 1 % of a core; every accepted "
    "request ends once, and no half file is seen. The project's own, set before measuring."
)


def report(name: str, met: bool, *, publish: bool, **figures: object) -> None:
    """Keep the figures as a row and print them as one JSON object; exit with 1 where the bar is missed."""
    rows = Rows((RESULTS if publish else WORK) / "service.json", command=command())
    rows.put(name, {"met": met, **figures})
    print(json.dumps({"benchmark": name, "met": met, **figures}))
    if not met:
        raise SystemExit(1)


def table(rows: Rows) -> Table:
    """Return every figure of the service's benchmarks."""
    return flat({key: rows[key] for key in rows}, BAR)


def chunked_request(orders: str, **fields: object) -> LoopRequest:
    """Return a toy request whose curve and notes take several chunks."""
    points = tuple(Point(Fraction(n, 100), -20.0 - n % 9) for n in range(390))
    notes = tuple(Note(60 + n % 12, Fraction(n, 40), Fraction(1, 8)) for n in range(150))
    controls = (
        Control(kind="intensity", target=Curve(points=points)),
        Control(kind="melody", target=Notes(notes=notes)),
    )
    return LoopRequest(prompt=f"toy: {orders}", bars=1, controls=controls, **fields)  # type: ignore[arg-type]


def ask_and_wait(port: int, count: int) -> None:
    """Have some loops made, so that everything is loaded."""
    for _ in range(count):
        with OscClient(port, patience_seconds=60) as device:
            list(device.make(LoopRequest(prompt="warm", bars=1, method=Method.NONE)))


def serve(folder: Path, *more: str, descriptors: int = 0) -> "subprocess.Popen[bytes]":
    """Start `ditto-live serve` at toy size on folders below this one, with at most so many open files."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [
        sys.executable,
        "-c",
        "from bridge.cli.main import main; main()",
        "serve",
        "--port",
        port,
        "--engine-port",
        "0",
        "--home",
        str(folder),
        "--takes",
        str(folder / "takes"),
        "--jobs",
        TOY,
        "--model",
        "toy",
        *more,
    ]
    limit = None
    if descriptors:
        import resource

        limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (descriptors, descriptors))
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT, preexec_fn=limit)


def is_served(device: OscClient, request: LoopRequest, seconds: float = 60.0) -> bool:
    """Return whether a request ends well in time."""
    try:
        return list(device.make(request, seconds=seconds))[-1].path == "/ditto/done"
    except (TimeoutError, EngineUnavailableError) as error:
        print(error, file=sys.stderr)
        return False


def print_states(home: Path) -> None:
    """Print how many jobs of the journal are in which state, and the last of those without an answer.

    The engine that held the journal must have stopped. For a benchmark that missed its bar.
    """
    with contextlib.closing(sqlite3.connect(home / "journal.sqlite")) as journal:
        states = journal.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()
        statement = (
            "SELECT request_id, state, crashes, open_takes, final IS NOT NULL FROM jobs WHERE state != 'answered'"
        )
        left = journal.execute(f"{statement} ORDER BY number DESC LIMIT 20").fetchall()
    print(
        json.dumps({"journal": dict(states), "left (id, state, crashes, open takes, has an end)": left}),
        file=sys.stderr,
    )


def find(folder: Path, seconds: float = 120.0) -> int:
    """Wait for the bridge and return its port."""
    deadline = time.monotonic() + seconds
    while not (folder / "bridge.json").exists():
        if time.monotonic() > deadline:
            raise SystemExit("the bridge did not start")
        time.sleep(0.002)
    return discovered_port(folder / "bridge.json")


def family(process: int) -> list[int]:
    """Return the bridge, and as far as they run its child the engine, and the engine's child the worker."""
    found = [process]
    with contextlib.suppress(OSError):  # one has just ended
        while children := Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text().split():
            found.append(int(children[0]))
    return found


def listening_port(process: int) -> int:
    """Return the TCP port on which a process listens, or 0."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process(process).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)
    return 0


class Peak:
    """Watches the resident memory of a process; `close` returns the most it had, in bytes."""

    def __init__(self, process: int) -> None:
        self._process, self._most, self._done = process, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self._most = max(self._most, memory_bytes(self._process))

    def close(self) -> int:
        """Stop watching."""
        self._done.set()
        self._thread.join()
        return self._most

"""Kill -9 of worker, engine and bridge at random moments: `python -m benchmarks service-chaos`."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.service.toy import find, print_states, report, serve
from bridge.osc.client import ENDS, OscClient
from bridge.takes.delivery import read_sidecar
from engine.audio.wav import read_audio
from engine.request import LoopRequest
from engine.service.queue.journal import Journal


def chaos(
    kills: Annotated[int, typer.Option(help="Of worker, engine and bridge, each.")] = 50,
    jobs: int = 20,
    pause: float = 3.0,
    seed: int = 1,
    publish: bool = False,
) -> None:
    """Kill -9 at random moments: every accepted job ends, no half WAV is ever visible, the journal opens.

    Between two kills lie 0.1 to `pause` seconds. A worker needs some of them to start, so a machine that is
    busy with other things needs more; else nothing is made until the killing is over, and then all is.
    """
    folder = Path(tempfile.mkdtemp())
    chance, ends, accepted, half = random.Random(seed), Counter[str](), set[str](), 0
    rounds = Counter[str]()
    process = serve(folder)
    watcher = _HalfWavs(folder / "takes")
    device = OscClient(find(folder), patience_seconds=60)
    victims = [name for name in ("worker", "engine", "bridge") for _ in range(kills)]
    chance.shuffle(victims)
    open_: dict[str, float] = {}
    started, last_kill = time.perf_counter(), time.monotonic()
    number = 0
    while victims or open_:
        while len(open_) < jobs and victims:
            request = LoopRequest(
                prompt=f"toy: steps={chance.randint(2, 30)} pause=0.03",
                bars=1,
                seed=number,
                tempo_bpm=Fraction(300),
                request_id=f"chaos{number}",
            )
            number += 1
            device.ask(request)
            open_[request.request_id] = time.monotonic()
        _pump(device, open_, accepted, ends, chance.uniform(0.1, pause))
        if victims:
            victim = victims.pop()
            if _kill(process, victim):
                rounds[victim] += 1
            else:  # it is being started again; others first
                victims.insert(chance.randrange(len(victims) + 1), victim)
            if process.poll() is not None:
                process = serve(folder)
                _repoint(device, folder)
        if victims:
            last_kill = time.monotonic()
        elif time.monotonic() - last_kill > 300:
            break
    seconds = time.perf_counter() - started
    half = watcher.close()
    process.terminate()
    process.wait()
    unread = sum(not _whole(path) for path in (folder / "takes").rglob("*.wav"))
    time.sleep(1)
    journal = Journal(folder / "journal.sqlite")
    left = len(journal.unfinished())
    journal.close()
    if left or open_:
        print_states(folder)
    shutil.rmtree(folder)
    met = not open_ and half == 0 and unread == 0 and left == 0
    report(
        "chaos",
        met,
        publish=publish,
        kills=dict(rounds),
        jobs=number,
        ends=dict(ends),
        without_end=len(open_),
        half_wavs=half,
        unreadable=unread,
        left_in_journal=left,
        seconds=round(seconds, 1),
    )


def _pump(device: OscClient, open_: dict[str, float], accepted: set[str], ends: Counter[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        device.poll(0.02)
        for name in list(open_):
            for message in device.answers(name):
                if message.path == "/ditto/accepted":
                    accepted.add(name)
                if message.path in ENDS:
                    ends[message.path if message.path != "/ditto/error" else f"error {message.values[1]}"] += 1
                    open_.pop(name, None)


def _repoint(device: OscClient, folder: Path) -> None:
    """Find the new bridge, as the device does by trying its ports."""
    (folder / "bridge.json").unlink(missing_ok=True)
    device._to = ("127.0.0.1", find(folder))
    device._hello_at = 0.0


def _kill(serve: "subprocess.Popen[bytes]", victim: str) -> bool:
    """Kill the bridge (the parent), its child the engine, or the engine's child the worker."""
    path = [serve.pid]
    for _ in range(("bridge", "engine", "worker").index(victim)):
        listing = Path(f"/proc/{path[-1]}/task/{path[-1]}/children")
        children = listing.read_text().split() if listing.exists() else []
        if not children:
            return False
        path.append(int(children[0]))
    os.kill(path[-1], signal.SIGKILL)
    if victim == "bridge":
        serve.wait()
    return True


class _HalfWavs:
    """Looks at the takes folder all the time: any WAV that is visible must be whole."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._seen, self._half, self._running = folder, set[Path](), 0, True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._running:
            for path in self._folder.rglob("*.wav") if self._folder.exists() else ():
                if path not in self._seen:
                    self._seen.add(path)
                    self._half += not _whole(path)
            time.sleep(0.005)

    def close(self) -> int:
        self._running = False
        self._thread.join()
        return self._half


def _whole(path: Path) -> bool:
    """Whether a WAV has all its samples, and its sidecar is there."""
    try:
        request = read_sidecar(path.with_suffix(".json")).request
        return read_audio(path)[0].shape == (2, request.samples)
    except Exception as error:  # noqa: BLE001  whatever it is, the file is not whole
        print(path, error, file=sys.stderr)
        return False


def main() -> None:
    """Read the command line."""
    typer.run(chaos)

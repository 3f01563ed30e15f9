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
from typing import Annotated, Any

import typer

from benchmarks.service.parts import in_parts
from benchmarks.service.toy import find, print_states, report, serve
from bridge.osc.client import ENDS, OscClient
from bridge.takes.delivery import read_sidecar
from engine.audio.wav import read_audio
from engine.request import LoopRequest
from engine.service.queue.journal import Journal

VICTIMS = ("bridge", "engine", "worker")  # each is the child of the one before
PART_KILLS = 10  # of each
SETTLE_SECONDS = 300.0  # after the last kill, for all that is still under way


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
    Ten kills of each are a part, with a service of its own. 150 take some 6 minutes, most of which is waiting.
    """
    count = -(-kills // PART_KILLS)
    each = kills // count
    name = f"chaos, {each} kills of each, {jobs} jobs, {pause:g} s, seed {seed}"
    parts = in_parts(name, count, lambda part: _part(each, jobs, pause, f"{seed} {part}"), publish=publish)
    summed = {
        figure: sum(part[figure] for part in parts)
        for figure in ("jobs", "without_end", "half_wavs", "unreadable", "left_in_journal", "seconds")
    }
    ends = sum((Counter(part["ends"]) for part in parts), Counter[str]())
    met = not any(summed[figure] for figure in ("without_end", "half_wavs", "unreadable", "left_in_journal"))
    report(
        "chaos",
        met and ends["/ditto/done"] > 0,
        publish=publish,
        kills_each=each * count,
        ends=dict(ends),
        **{figure: round(value, 1) for figure, value in summed.items()},
    )


def _part(kills: int, jobs: int, pause: float, seed: str) -> dict[str, Any]:
    """Kill each process so often, and return what became of the jobs and their files."""
    folder = Path(tempfile.mkdtemp())
    started = time.perf_counter()
    watcher = _HalfWavs(folder / "takes")
    round_ = _Round(folder, random.Random(seed), jobs, pause)
    victims = [name for name in VICTIMS for _ in range(kills)]
    try:
        round_.kill_all(victims)
    finally:
        half = watcher.close()
        round_.end()
    unread = sum(not _whole(path) for path in (folder / "takes").rglob("*.wav"))
    journal = Journal(folder / "journal.sqlite")
    left = len(journal.unfinished())
    journal.close()
    if left or round_.open:
        print_states(folder)
    shutil.rmtree(folder)
    return {
        "jobs": round_.number,
        "ends": dict(round_.ends),
        "without_end": len(round_.open),
        "half_wavs": half,
        "unreadable": unread,
        "left_in_journal": left,
        "seconds": time.perf_counter() - started,
    }


class _Round:
    """One service, what was asked of it, and how that ended."""

    def __init__(self, folder: Path, chance: random.Random, jobs: int, pause: float) -> None:
        self.number, self.open, self.ends = 0, set[str](), Counter[str]()
        self._folder, self._chance, self._jobs, self._pause = folder, chance, jobs, pause
        self._process = serve(folder)
        self._device = OscClient(find(folder), patience_seconds=60)

    def kill_all(self, victims: list[str]) -> None:
        """Kill these in random order, and wait until all that was asked for has its end."""
        self._chance.shuffle(victims)
        last_kill = time.monotonic()
        while victims or (self.open and time.monotonic() - last_kill < SETTLE_SECONDS):
            while victims and len(self.open) < self._jobs:
                self._ask()
            _pump(self._device, self.open, self.ends, self._chance.uniform(0.1, self._pause))
            if victims:
                self._kill(victims)
                last_kill = time.monotonic()

    def end(self) -> None:
        """End the service in order."""
        self._process.terminate()
        self._process.wait()
        time.sleep(1)

    def _ask(self) -> None:
        request = LoopRequest(
            prompt=f"toy: steps={self._chance.randint(2, 30)} pause=0.03",
            bars=1,
            seed=self.number,
            tempo_bpm=Fraction(300),
            request_id=f"chaos{self.number}",
        )
        self.number += 1
        self._device.ask(request)
        self.open.add(request.request_id)

    def _kill(self, victims: list[str]) -> None:
        victim = victims.pop()
        if not _kill(self._process, victim):  # it is being started again; others first
            victims.insert(self._chance.randrange(len(victims) + 1), victim)
        if self._process.poll() is not None:
            self._process = serve(self._folder)
            _repoint(self._device, self._folder)


def _pump(device: OscClient, open_: set[str], ends: Counter[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        device.poll(0.05)
        for name in list(open_):
            for message in device.answers(name):
                if message.path in ENDS:
                    ends[message.path if message.path != "/ditto/error" else f"error {message.values[1]}"] += 1
                    open_.discard(name)


def _repoint(device: OscClient, folder: Path) -> None:
    """Find the new bridge, as the device does by trying its ports."""
    (folder / "bridge.json").unlink(missing_ok=True)
    device._to = ("127.0.0.1", find(folder))
    device._hello_at = 0.0


def _kill(serve: "subprocess.Popen[bytes]", victim: str) -> bool:
    """Kill the bridge (the parent), its child the engine, or the engine's child the worker."""
    path = [serve.pid]
    for _ in range(VICTIMS.index(victim)):
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
    """Looks at the takes folder all the time: any WAV that is visible must be whole.

    A folder is listed when its time has changed, which it has with each name that appears in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._seen, self._half, self._done = folder, set[Path](), 0, threading.Event()
        self._changed: dict[Path, int] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            for day in self._days():
                changed = day.stat().st_mtime_ns
                if self._changed.get(day) == changed:
                    continue
                self._changed[day] = changed
                for path in set(day.glob("*.wav")) - self._seen:
                    self._seen.add(path)
                    self._half += not _whole(path)

    def _days(self) -> list[Path]:
        return [day for day in self._folder.iterdir() if day.is_dir()] if self._folder.exists() else []

    def close(self) -> int:
        self._done.set()
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

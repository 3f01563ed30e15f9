"""Eight devices at once, each a process: in a closed loop as devices are, or as a flood that nobody should send."""

import multiprocessing
import time
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from multiprocessing.synchronize import Barrier

from bridge.osc_client import ENDS, OscClient
from engine.request import LoopRequest

SETTLE_SECONDS = 1.0  # after eight interpreters have started at once
ROUND_SECONDS = 300.0


@dataclass
class Heard:
    """What one client, or all of them, have seen: seconds from commit to accepted, and the ends."""

    waits: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    asked_seconds: float = 0.0  # until the last one was accepted


def run_clients(port: int, clients: int, each: int, *, flood: bool, pause: float) -> Heard:
    """Have all clients ask at the same time, from when the last of them has been welcomed."""
    context = multiprocessing.get_context("spawn")
    everybody = context.Barrier(clients)
    with context.Pool(clients, initializer=_share, initargs=(everybody,)) as pool:
        found = pool.starmap(_client, [(port, n, each, flood, pause) for n in range(clients)], chunksize=1)
    return Heard(
        sorted(wait for one in found for wait in one.waits),
        sum((one.ends for one in found), Counter()),
        max(one.asked_seconds for one in found),
    )


def _share(everybody: Barrier) -> None:
    global _everybody  # a barrier cannot be sent to a process that runs already
    _everybody = everybody


def _client(port: int, number: int, count: int, flood: bool, pause: float) -> Heard:
    """Ask for `count` loops and return what was heard of each."""
    heard = Heard()
    with OscClient(port, instance=f"client{number}") as device:
        list(device.make(_request("warm")))  # its own first steps are slow, and not what is measured
        _everybody.wait(120)
        time.sleep(SETTLE_SECONDS)
        started = time.perf_counter()
        committed: dict[str, float] = {}  # asked, and not accepted yet
        open_: dict[str, float] = {}  # asked, and without an end yet
        for index in range(count):
            request = _request(f"s{index}")
            committed[request.request_id] = open_[request.request_id] = device.ask(request)
            while committed and not flood:
                _hear(device, committed, open_, heard)
            quiet = time.monotonic() + pause
            while (left := quiet - time.monotonic()) > 0:
                _hear(device, committed, open_, heard, left)
        while committed:
            _hear(device, committed, open_, heard)
        heard.asked_seconds = time.perf_counter() - started
        deadline = time.monotonic() + ROUND_SECONDS
        while open_ and time.monotonic() < deadline:
            _hear(device, committed, open_, heard)
    return heard


def _request(slot: str) -> LoopRequest:
    """Return one bar at 999 BPM, so that the queue and the wire are measured and not the copying of sound."""
    return LoopRequest(prompt="x", bars=1, tempo_bpm=Fraction(999), method="none", slot=slot)


def _hear(
    device: OscClient, committed: dict[str, float], open_: dict[str, float], heard: Heard, seconds: float = 0.05
) -> None:
    """Take in what comes within the time; the first answer to a commit is what its device waits for."""
    device.poll(seconds)
    now = time.perf_counter()
    for name in list(open_):
        for message in device.answers(name):
            if name in committed:
                heard.waits.append(now - committed.pop(name))
            if message.path in ENDS:
                heard.ends[message.path] += 1
                open_.pop(name, None)

"""The service's bars, measured: `python benchmarks/service.py latency | idle | loss | startup`.

Each prints one JSON object with its figures, the bar and whether it is met. Everything runs at toy size
(`engine.toy`), over real sockets and processes, below a temporary folder. Numbers can be made smaller.
`service_hostile.py` and `service_chaos.py` are the two long ones.
"""

import multiprocessing
import os
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import typer
from toy_service import ask_and_wait, chunked_request, find, report, serve

from bridge.osc_client import ENDS, OscClient
from bridge.testing import LossyProxy, make_service
from engine.memory import memory_bytes
from engine.request import LoopRequest

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def latency(requests: int = 1_000, clients: int = 8, pause: float = 0.0) -> None:
    """Requests in distinct slots with method none from several clients: once each, p99 commit to accepted < 10 ms.

    `pause` is each client's wait between being accepted and asking again; 0 asks as fast as it can.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = serve(Path(folder))
        port = find(Path(folder))
        ask_and_wait(port, 3)
        started = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(clients) as pool:
            found = pool.starmap(_client, [(port, n, requests // clients, pause) for n in range(clients)])
        seconds = time.perf_counter() - started
        waits = sorted(wait for waits, _ in found for wait in waits)
        ends = sum((ends for _, ends in found), Counter())
        files = len(list(Path(folder, "takes").rglob("*.wav")))
        rss = memory_bytes(process.pid)
        process.terminate()
        process.wait()
        disk = _disk_waits(Path(folder))
    p99 = waits[int(0.99 * len(waits))] * 1e3
    once = ends == Counter({"/ditto/done": requests}) and files == requests + 3
    report(
        "latency",
        once and p99 < 10,
        requests=requests,
        clients=clients,
        pause_s=pause,
        p50_ms=round(waits[len(waits) // 2] * 1e3, 2),
        p99_ms=round(p99, 2),
        worst_ms=round(waits[-1] * 1e3, 2),
        answers=dict(ends),
        takes=files,
        seconds=round(seconds, 1),
        bridge_rss_mb=round(rss / 1e6, 1),
        disk_alone_p50_ms=disk[0],
        disk_alone_p99_ms=disk[1],
    )


def _disk_waits(folder: Path, times: int = 500) -> tuple[float, float]:
    """Return how long this disk itself takes to keep 4 kB, median and p99 in ms: the floor of any promise."""
    waits = []
    with (folder / "floor").open("wb") as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(bytes(4_096))
            file.flush()
            os.fsync(file.fileno())
            waits.append((time.perf_counter() - started) * 1e3)
    waits.sort()
    return round(waits[times // 2], 2), round(waits[int(0.99 * times)], 2)


def _client(port: int, number: int, count: int, pause: float) -> tuple[list[float], Counter[str]]:
    """Ask one after another, each when the one before is accepted; return the waits and all ends heard."""
    waits: list[float] = []
    ends: Counter[str] = Counter()
    asked: list[str] = []
    with OscClient(port, instance=f"client{number}") as device:
        device.meet()
        for index in range(count):
            # One bar at 999 BPM, so that the queue and the wire are measured and not the copying of sound.
            request = LoopRequest(prompt="x", bars=1, tempo_bpm=Fraction(999), method="none", slot=f"s{index}")
            asked.append(request.request_id)
            committed = device.ask(request)
            accepted = False
            while not accepted:
                device.poll(0.05)
                for name in asked[-50:]:
                    for message in device.answers(name):
                        if message.path in ENDS:
                            ends[message.path] += 1
                        if name == request.request_id and not accepted:
                            waits.append(time.perf_counter() - committed)
                            accepted = True
            quiet = time.monotonic() + pause
            while time.monotonic() < quiet:
                device.poll(max(0.0, quiet - time.monotonic()))
        deadline = time.monotonic() + 120
        while sum(ends.values()) < count and time.monotonic() < deadline:
            device.poll(0.05)
            for name in asked:
                ends.update(message.path for message in device.answers(name) if message.path in ENDS)
    return waits, ends


@app.command()
def startup(times: int = 5) -> None:
    """Start of `ditto-live serve` to /ditto/welcome: under 1 s."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            process = serve(Path(folder))
            with OscClient(find(Path(folder))) as device:
                device.meet()
                found.append(time.perf_counter() - started)
            process.terminate()
            process.wait()
    found.sort()
    report(
        "startup", found[len(found) // 2] < 1, median_s=round(found[len(found) // 2], 3), worst_s=round(found[-1], 3)
    )


@app.command()
def idle(seconds: float = 20.0) -> None:
    """The idle bridge: under 1 % of a core and under 80 MB, after having served some requests."""
    with tempfile.TemporaryDirectory() as folder:
        process = serve(Path(folder))
        port = find(Path(folder))
        ask_and_wait(port, 20)
        with OscClient(port) as device:
            device.meet()
        time.sleep(12)  # the repeats of ends that were never seen are over
        before = _cpu_seconds(process.pid)
        time.sleep(seconds)
        share = (_cpu_seconds(process.pid) - before) / seconds * 100
        rss = memory_bytes(process.pid) / 1e6
        process.terminate()
        process.wait()
    report("idle", share < 1 and rss < 80, cpu_percent=round(share, 2), rss_mb=round(rss, 1))


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@app.command()
def loss(requests: int = 40, share: float = 0.3) -> None:
    """Loss, doubling and disorder both ways: every request completes or is refused clearly."""
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        service = make_service(Path(folder))
        service.start_engine()
        service.start_bridge()
        started = time.perf_counter()
        for number in range(requests):
            proxy = LossyProxy(service.port, share, seed=number)
            with OscClient(proxy.port, patience_seconds=60) as device:
                bad = number % 10 == 9
                heard = list(
                    device.make(chunked_request("steps=2 error=1" if bad else "steps=2", count=2), seconds=120)
                )
            ends[heard[-1].path] += 1
            proxy.close()
        seconds = (time.perf_counter() - started) / requests
        service.close()
    refused = requests // 10
    report(
        "loss",
        ends == Counter({"/ditto/done": requests - refused, "/ditto/error": refused}),
        share=share,
        ends=dict(ends),
        seconds_each=round(seconds, 2),
    )


if __name__ == "__main__":
    app()

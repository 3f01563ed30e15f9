"""The service's bars, measured: `python -m benchmarks service latency | idle | loss | startup`.

Each prints one JSON object with its figures and whether its bar is met, and keeps it as a row (`--publish`: of the
page). Everything runs at toy size
(`engine.service.workers.toy`), over real sockets and processes, below a temporary folder. Numbers can be made smaller.
`service-hostile`, `service-chaos` and `service-soak` are the long ones.
"""

import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from benchmarks.service.clients import run_clients
from benchmarks.service.parts import in_parts
from benchmarks.service.toy import Peak, ask_and_wait, chunked_request, family, find, report, serve
from bridge.osc.client import OscClient
from bridge.testing import LossyProxy, make_service
from engine.service.workers.memory import memory_bytes

LOSS_PART = 10  # requests
WARM_UPS = 20  # loops that are made before anything is measured

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def latency(
    requests: int = 1_000, clients: int = 8, pause: float = 0.0, flood: bool = False, publish: bool = False
) -> None:
    """Requests in distinct slots with method none from several clients: once each, p99 commit to accepted < 10 ms.

    A closed loop, which is what devices are: each client sends its next request when the one before has been
    accepted, at once or after `pause` seconds. `--flood` sends all of them without waiting for anything: then the
    wait of the last is the time that all take, and what counts is that each is answered once, in bounded memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = serve(Path(folder))
        port = find(Path(folder))
        ask_and_wait(port, WARM_UPS)
        processes = family(process.pid)
        before = [_cpu_seconds(pid) for pid in processes]
        started = time.perf_counter()
        peak = Peak(process.pid)
        heard = run_clients(port, clients, requests // clients, flood=flood, pause=pause)
        seconds = time.perf_counter() - started
        rss = peak.close()
        spent = [round(_cpu_seconds(pid) - b, 2) for pid, b in zip(processes, before, strict=True)]
        files = len(list(Path(folder, "takes").rglob("*.wav")))
        process.terminate()
        process.wait()
        disk = _disk_waits(Path(folder))
    once = heard.ends == Counter({"/ditto/done": requests}) and files == requests + WARM_UPS + clients
    p50, p99 = (heard.waits[int(share * len(heard.waits))] * 1e3 for share in (0.5, 0.99))
    report(
        f"latency, {'flood' if flood else f'closed loop, {pause:g} s pause'}",
        once and (flood or p99 < 10) and rss < 80e6,
        publish=publish,
        requests=requests,
        clients=clients,
        p50_ms=round(p50, 2),
        p99_ms=round(p99, 2),
        worst_ms=round(heard.waits[-1] * 1e3, 2),
        answers=dict(heard.ends),
        takes=files,
        accepted_after_s=round(heard.asked_seconds, 2),
        seconds=round(seconds, 1),
        bridge_peak_rss_mb=round(rss / 1e6, 1),
        cpu_s=dict(zip(("bridge", "engine", "worker"), spent, strict=False)),
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


@app.command()
def startup(times: int = 5, publish: bool = False) -> None:
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
    middle = round(found[len(found) // 2], 3)
    report("startup", middle < 1, publish=publish, median_s=middle, worst_s=round(found[-1], 3))


@app.command()
def idle(seconds: float = 20.0, publish: bool = False) -> None:
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
    report("idle", share < 1 and rss < 80, publish=publish, cpu_percent=round(share, 2), rss_mb=round(rss, 1))


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@app.command()
def loss(requests: int = 40, share: float = 0.3, publish: bool = False) -> None:
    """Loss, doubling and disorder both ways: every request completes or is refused clearly.

    In parts of ten requests, each with a service of its own. Mostly waiting: a request takes some 3 seconds.
    """
    name = f"loss, {LOSS_PART} requests, share {share:g}"
    parts = in_parts(name, -(-requests // LOSS_PART), lambda part: _loss(part * LOSS_PART, share), publish=publish)
    ends = sum((Counter(part["ends"]) for part in parts), Counter[str]())
    refused = len(parts)  # the last of each part, on purpose
    report(
        "loss",
        ends == Counter({"/ditto/done": refused * (LOSS_PART - 1), "/ditto/error": refused}),
        publish=publish,
        share=share,
        ends=dict(ends),
        seconds_each=round(sum(part["seconds"] for part in parts) / (refused * LOSS_PART), 2),
    )


def _loss(first: int, share: float) -> dict[str, Any]:
    """Ask for one part's requests through a network that loses this share, and return how they ended."""
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        service = make_service(Path(folder))
        service.start_engine()
        service.start_bridge()
        started = time.perf_counter()
        for number in range(first, first + LOSS_PART):
            proxy = LossyProxy(service.port, share, seed=number)
            with OscClient(proxy.port, patience_seconds=60) as device:
                bad = number % LOSS_PART == LOSS_PART - 1
                request = chunked_request("steps=2 error=1" if bad else "steps=2", count=2)
                ends[list(device.make(request, seconds=300))[-1].path] += 1
            proxy.close()
        seconds = time.perf_counter() - started
        service.close()
    return {"ends": dict(ends), "seconds": seconds}


def main() -> None:
    """Read the command line."""
    app()

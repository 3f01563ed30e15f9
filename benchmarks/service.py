"""The service's bars, measured: `python benchmarks/service.py latency | idle | hostile | chaos | loss | startup`.

Each prints one JSON object with its figures, the bar and whether it is met. Everything runs at toy size
(`engine.toy`), over real sockets and processes, below a temporary folder. Numbers can be made smaller.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
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

from bridge.delivery import read_sidecar
from bridge.osc import encode
from bridge.osc_client import ENDS, OscClient, discovered_port
from bridge.osc_request import speak
from bridge.testing import LossyProxy, Service, make_service
from engine.journal import Journal
from engine.memory import memory_bytes
from engine.request import Control, Curve, LoopRequest, Notes, Point
from engine.wav import read_audio
from midi.notes import Note

app = typer.Typer(add_completion=False, help=__doc__)
ROOT = Path(__file__).parents[1]


def _report(name: str, met: bool, **figures: object) -> None:
    print(json.dumps({"benchmark": name, "met": met, **figures}))
    if not met:
        raise SystemExit(1)


def _request(orders: str, **fields: object) -> LoopRequest:
    points = tuple(Point(Fraction(n, 100), -20.0 - n % 9) for n in range(390))
    notes = tuple(Note(60 + n % 12, Fraction(n, 40), Fraction(1, 8)) for n in range(150))
    controls = (
        Control(kind="intensity", target=Curve(points=points)), Control(kind="melody", target=Notes(notes=notes))
    )
    return LoopRequest(prompt=f"toy: {orders}", bars=1, controls=controls, **fields)  # type: ignore[arg-type]


@app.command()
def latency(requests: int = 1_000, clients: int = 8, pause: float = 0.0) -> None:
    """Requests in distinct slots with method none from several clients: once each, p99 commit to accepted < 10 ms.

    `pause` is each client's wait between being accepted and asking again; 0 asks as fast as it can.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = _serve(Path(folder))
        port = _find(Path(folder))
        _ask_and_wait(port, 3)
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
    p99 = waits[int(0.99 * len(waits))] * 1e3
    once = ends == Counter({"/ditto/done": requests}) and files == requests + 3
    _report("latency", once and p99 < 10, requests=requests, clients=clients, pause_s=pause,
            p50_ms=round(waits[len(waits) // 2] * 1e3, 2), p99_ms=round(p99, 2), worst_ms=round(waits[-1] * 1e3, 2),
            answers=dict(ends), takes=files, seconds=round(seconds, 1), bridge_rss_mb=round(rss / 1e6, 1))


def _ask_and_wait(port: int, count: int) -> None:
    for _ in range(count):
        with OscClient(port) as device:
            list(device.make(LoopRequest(prompt="warm", bars=1, method="none")))


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
            committed = time.perf_counter()
            device.ask(request)
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


def _serve(folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [
        sys.executable, "-c", "from bridge.cli.main import main; main()", "serve", "--port", port, "--engine-port", "0",
        "--home", str(folder), "--takes", str(folder / "takes"), "--jobs", "engine.toy:ToyJobs", "--model", "toy", *more,
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT)


def _find(folder: Path, seconds: float = 30.0) -> int:
    deadline = time.monotonic() + seconds
    while not (folder / "bridge.json").exists():
        if time.monotonic() > deadline:
            raise SystemExit("the bridge did not start")
        time.sleep(0.002)
    return discovered_port(folder / "bridge.json")


@app.command()
def startup(times: int = 5) -> None:
    """Start of `ditto-live serve` to /ditto/welcome: under 1 s."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            process = _serve(Path(folder))
            with OscClient(_find(Path(folder))) as device:
                device.meet()
                found.append(time.perf_counter() - started)
            process.terminate()
            process.wait()
    found.sort()
    _report("startup", found[len(found) // 2] < 1, median_s=round(found[len(found) // 2], 3), worst_s=round(found[-1], 3))


@app.command()
def idle(seconds: float = 20.0) -> None:
    """The idle bridge: under 1 % of a core and under 80 MB, after having served some requests."""
    with tempfile.TemporaryDirectory() as folder:
        process = _serve(Path(folder))
        port = _find(Path(folder))
        _ask_and_wait(port, 20)
        with OscClient(port) as device:
            device.meet()
        time.sleep(12)  # the repeats of ends that were never seen are over
        before = _cpu_seconds(process.pid)
        time.sleep(seconds)
        share = (_cpu_seconds(process.pid) - before) / seconds * 100
        rss = memory_bytes(process.pid) / 1e6
        process.terminate()
        process.wait()
    _report("idle", share < 1 and rss < 80, cpu_percent=round(share, 2), rss_mb=round(rss, 1))


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@app.command()
def hostile(datagrams: int = 1_000_000, frames: int = 100_000, seed: int = 1) -> None:
    """Hostile datagrams and frames: still serving, memory flat, nothing written outside the takes folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = make_service(folder / "in")
        service.start_engine()
        service.start_bridge()
        _ask_and_wait(service.port, 5)
        chance, started = random.Random(seed), time.perf_counter()
        _flood_udp(service.port, datagrams // 10, chance)
        _flood_zmq(service.engine_address, frames // 10, chance)
        early = (memory_bytes(), memory_bytes(service.engine.pid))  # type: ignore[union-attr]
        _flood_udp(service.port, datagrams - datagrams // 10, chance)
        _flood_zmq(service.engine_address, frames - frames // 10, chance)
        late = (memory_bytes(), memory_bytes(service.engine.pid))  # type: ignore[union-attr]
        seconds = time.perf_counter() - started
        with OscClient(service.port) as device:
            served = list(device.make(_request("steps=2"), seconds=60))[-1].path == "/ditto/done"
        alive = service.engine is not None and service.engine.poll() is None
        strays = [str(p) for p in folder.rglob("*") if p.is_file() and not _expected(p, service)]
        service.close()
    growth = [round((b - a) / 1e6, 1) for a, b in zip(early, late, strict=True)]
    _report("hostile", served and alive and not strays and max(growth) < 30, datagrams=datagrams, frames=frames,
            seconds=round(seconds, 1), bridge_growth_mb=growth[0], engine_growth_mb=growth[1], strays=strays[:5])


def _expected(path: Path, service: Service) -> bool:
    return service.takes in path.parents or service.settings.home in path.parents


_EVIL = ("../../../../tmp/evil", "/etc/passwd", "CON", "nul", "a\\..\\b", "%00", "é" * 200, "\u202e", "x" * 1_900, "-1",
         "1e999", "nan", "4/0", "99/64", "C:\\Windows\\win.ini", "//server/share", "\n", "%2e%2e%2f", "", "0x7f")  # fmt: skip


def _flood_udp(port: int, count: int, chance: random.Random) -> None:
    spoken = speak(_request("steps=0"), "evil")
    valid = [encode("/ditto/hello", (1, "evil", "evil", 9)), *spoken.parts.values(), spoken.commit]
    names = ("prompt", "slot", "key", "model", "from_take", "lane", "melody_file", "timbre_file", "tempo_bpm", "bars",
             "time_signature", "seed", "inpaint_file", "structure", "sample_rate", "count")  # fmt: skip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(count):
            sender.sendto(_evil_datagram(valid, names, chance), ("127.0.0.1", port))
            if number % 64 == 63:  # as fast as it is read, or the system drops what should be tested
                _wait_until_read(port)


def _evil_datagram(valid: list[bytes], names: tuple[str, ...], chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.15:
        return chance.randbytes(chance.choice((0, 1, 4, 16, 100, 1_472, 9_000)))
    if kind < 0.2:
        return chance.choice(valid) * chance.randint(2, 50)
    if kind < 0.3:
        inner = chance.choice(valid)
        for _ in range(chance.randint(1, 30)):
            inner = b"#bundle\0" + chance.randbytes(8) + len(inner).to_bytes(4, "big") + inner
        return inner[: chance.choice((len(inner), 65_000))]
    if kind < 0.5:
        request = f"e{chance.randrange(2_000)}"
        path, values = chance.choice((
            ("/ditto/loop/set", (request, chance.choice(names), chance.choice(_EVIL))),
            ("/ditto/loop/begin", (request, "evil")),
            ("/ditto/loop/commit", (request, "evil", chance.randint(0, 3))),
            ("/ditto/loop/cancel", (request, "evil")), ("/ditto/seen", (request, "evil")),
            ("/ditto/take/favourite", ("e" * chance.randint(1, 80), 1)),
            ("/ditto/hello", (chance.choice((0, 1, 7)), "evil", f"n{chance.randrange(3_000)}", chance.randint(1, 9))),
        ))  # fmt: skip
        return encode(path, values)
    data = bytearray(chance.choice(valid))
    for _ in range(chance.randint(0, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: len(data) if chance.random() < 0.7 else chance.randrange(len(data) + 1)])


def _wait_until_read(port: int) -> None:
    """Wait until the bridge's receive queue is empty, as the system counts it."""
    wanted = f":{port:04X}"
    for _ in range(2_000):
        for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and int(fields[4].partition(":")[2], 16) < 100_000:
                return
        time.sleep(0.0005)


def _flood_zmq(address: str, count: int, chance: random.Random) -> None:
    import zmq

    from engine import messages
    from engine.messages import Ack, Cancel, Hello, Resend, Submission

    valid = [messages.pack(message) for message in (
        Submission(request=_request("steps=0"), owner="evil"), Hello(owner="evil"), Hello(owner="evil", resume=True),
        Cancel(request_id="x", owner="evil"), Ack(request_id="x", owner="evil"), Resend(request_id="x", owner="evil"),
    )]  # fmt: skip
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(address)
    for _ in range(count):
        frames = [bytearray(frame) for frame in chance.choice(valid)]
        victim = chance.choice(frames)
        for _change in range(chance.randint(1, 6)):
            if victim:
                victim[chance.randrange(len(victim))] = chance.randrange(256)
        bad = chance.choice(([bytes(frame) for frame in frames], [bytes(frame) for frame in frames], [chance.randbytes(99)],
                             [b""] * 9, [messages.VERSION, b"hello", b"\x91" * 5_000]))  # fmt: skip
        dealer.send_multipart(bad)
        while dealer.poll(0):
            dealer.recv_multipart()
    context.destroy(linger=1_000)


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
                heard = list(device.make(_request("steps=2 error=1" if bad else "steps=2", count=2), seconds=120))
            ends[heard[-1].path] += 1
            proxy.close()
        seconds = (time.perf_counter() - started) / requests
        service.close()
    refused = requests // 10
    _report("loss", ends == Counter({"/ditto/done": requests - refused, "/ditto/error": refused}), share=share,
            ends=dict(ends), seconds_each=round(seconds, 2))


@app.command()
def chaos(
    kills: Annotated[int, typer.Option(help="Of worker, engine and bridge, each.")] = 50, jobs: int = 20, seed: int = 1
) -> None:
    """Kill -9 at random moments: every accepted job ends, no half WAV is ever visible, the journal opens."""
    folder = Path(tempfile.mkdtemp())
    chance, ends, accepted, half = random.Random(seed), Counter[str](), set[str](), 0
    rounds = Counter[str]()
    process = _serve(folder)
    watcher = _HalfWavs(folder / "takes")
    device = OscClient(_find(folder), patience_seconds=60)
    victims = [name for name in ("worker", "engine", "bridge") for _ in range(kills)]
    chance.shuffle(victims)
    open_: dict[str, float] = {}
    started = time.perf_counter()
    number = 0
    while victims or open_:
        while len(open_) < jobs and victims:
            request = LoopRequest(prompt=f"toy: steps={chance.randint(2, 30)} pause=0.03", bars=1, seed=number,
                                  tempo_bpm=Fraction(300), request_id=f"chaos{number}")
            number += 1
            device.ask(request)
            open_[request.request_id] = time.monotonic()
        _pump(device, open_, accepted, ends, chance.uniform(0.1, 0.8))
        if victims:
            victim = victims.pop()
            if _kill(process, victim):
                rounds[victim] += 1
            if process.poll() is not None:
                process = _serve(folder)
                _repoint(device, folder)
        if any(time.monotonic() - since > 300 for since in open_.values()):
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
    shutil.rmtree(folder)
    met = not open_ and half == 0 and unread == 0 and left == 0
    _report("chaos", met, kills=dict(rounds), jobs=number, ends=dict(ends), without_end=len(open_), half_wavs=half,
            unreadable=unread, left_in_journal=left, seconds=round(seconds, 1))


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
    device._to = ("127.0.0.1", _find(folder))
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



if __name__ == "__main__":
    app()

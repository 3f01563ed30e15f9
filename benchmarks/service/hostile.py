"""Hostile datagrams and frames by the million: `python -m benchmarks service-hostile`.

Random, truncated, mutated valid ones, huge, nested bundles, wrong types, replays, and values that try to leave
the folder; the service must still serve, with flat memory, and have written nothing where it should not.
"""

import random
import socket
import tempfile
import time
from pathlib import Path

import typer

from benchmarks.service.toy import ask_and_wait, chunked_request, is_served, print_states, report
from bridge.osc.client import OscClient
from bridge.osc.codec import encode
from bridge.osc.request import speak
from bridge.testing import Service, make_service
from bridge.upstream.connection import Connection, Peer
from engine.service.workers.memory import memory_bytes


def hostile(datagrams: int = 1_000_000, frames: int = 100_000, seed: int = 1, publish: bool = False) -> None:
    """Hostile datagrams and frames: still serving, memory flat, nothing written outside the takes folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service = make_service(folder / "in")
        service.start_engine()
        service.start_bridge()
        ask_and_wait(service.port, 5)
        chance, started = random.Random(seed), time.perf_counter()
        _flood_udp(service.port, datagrams // 10, chance)
        _flood_zmq(service.peer, frames // 10, chance)
        early = (memory_bytes(), memory_bytes(service.engine.pid))  # type: ignore[union-attr]
        _flood_udp(service.port, datagrams - datagrams // 10, chance)
        _flood_zmq(service.peer, frames - frames // 10, chance)
        late = (memory_bytes(), memory_bytes(service.engine.pid))  # type: ignore[union-attr]
        seconds = time.perf_counter() - started
        with OscClient(service.port) as device:
            served = is_served(device, chunked_request("steps=2"))
        alive = service.engine is not None and service.engine.poll() is None
        strays = [str(p) for p in folder.rglob("*") if p.is_file() and not _expected(p, service)]
        service.close()
        if not served:
            print_states(service.settings.home)
    growth = [round((b - a) / 1e6, 1) for a, b in zip(early, late, strict=True)]
    report(
        "hostile",
        served and alive and not strays and max(growth) < 30,
        publish=publish,
        datagrams=datagrams,
        frames=frames,
        seconds=round(seconds, 1),
        bridge_growth_mb=growth[0],
        engine_growth_mb=growth[1],
        strays=strays[:5],
    )


def _expected(path: Path, service: Service) -> bool:
    return service.takes in path.parents or service.settings.home in path.parents


_EVIL = (
    "../../../../tmp/evil",
    "/etc/passwd",
    "CON",
    "nul",
    "a\\..\\b",
    "%00",
    "é" * 200,
    "\u202e",
    "x" * 1_900,
    "-1",
    "1e999",
    "nan",
    "4/0",
    "99/64",
    "C:\\Windows\\win.ini",
    "//server/share",
    "\n",
    "%2e%2e%2f",
    "",
    "0x7f",
)


def _flood_udp(port: int, count: int, chance: random.Random) -> None:
    spoken = speak(chunked_request("steps=0"), "evil")
    valid = [encode("/ditto/hello", (1, "evil", "evil", 9)), *spoken.parts.values(), spoken.commit]
    names = (
        "prompt",
        "slot",
        "key",
        "model",
        "from_take",
        "lane",
        "melody_file",
        "timbre_file",
        "tempo_bpm",
        "bars",
        "time_signature",
        "seed",
        "inpaint_file",
        "structure",
        "sample_rate",
        "count",
    )
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
        return (chance.choice(valid) * chance.randint(2, 50))[:65_000]
    if kind < 0.3:
        inner = chance.choice(valid)
        for _ in range(chance.randint(1, 30)):
            inner = b"#bundle\0" + chance.randbytes(8) + len(inner).to_bytes(4, "big") + inner
        return inner[: chance.choice((len(inner), 65_000))]
    if kind < 0.5:
        request = f"e{chance.randrange(2_000)}"
        path, values = chance.choice(
            (
                ("/ditto/loop/set", (request, chance.choice(names), chance.choice(_EVIL))),
                ("/ditto/loop/begin", (request, "evil")),
                ("/ditto/loop/commit", (request, "evil", chance.randint(0, 3))),
                ("/ditto/loop/cancel", (request, "evil")),
                ("/ditto/seen", (request, "evil")),
                ("/ditto/take/favourite", ("e" * chance.randint(1, 80), 1)),
                (
                    "/ditto/hello",
                    (chance.choice((0, 1, 7)), "evil", f"n{chance.randrange(3_000)}", chance.randint(1, 9)),
                ),
            )
        )
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


def _flood_zmq(peer: Peer, count: int, chance: random.Random) -> None:
    """Send frames as one who is let in; who is not cannot send any."""
    import zmq

    from engine.service import messages
    from engine.service.messages import AckEnd, AckTake, Cancel, Hello, Resend, Submission

    valid = [
        messages.pack(message)
        for message in (
            Submission(request=chunked_request("steps=0"), owner="evil"),
            Hello(owner="evil"),
            Hello(owner="evil", resume=True),
            Cancel(request_id="x", owner="evil"),
            AckTake(request_id="x", owner="evil", take=0),
            AckEnd(request_id="x", owner="evil"),
            Resend(request_id="x", owner="evil"),
        )
    ]
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    connection = Connection(context, peer)
    dealer = connection.socket
    for _ in range(count):
        frames = [bytearray(frame) for frame in chance.choice(valid)]
        victim = chance.choice(frames)
        for _change in range(chance.randint(1, 6)):
            if victim:
                victim[chance.randrange(len(victim))] = chance.randrange(256)
        bad = chance.choice(
            (
                [bytes(frame) for frame in frames],
                [bytes(frame) for frame in frames],
                [chance.randbytes(99)],
                [b""] * 9,
                [messages.VERSION, b"hello", b"\x91" * 5_000],
            )
        )
        dealer.send_multipart(bad)
        while dealer.poll(0):
            dealer.recv_multipart()
    connection.close(linger=1_000)
    context.destroy(linger=1_000)


def main() -> None:
    """Read the command line."""
    typer.run(hostile)

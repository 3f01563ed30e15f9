"""Hostile datagrams and frames by the million: `python -m benchmarks service-hostile`.

Random, truncated, mutated valid ones, huge, nested bundles, wrong types, replays, and values that try to leave
the folder; the service must still serve, with flat memory, and have written nothing where it should not.
"""

import random
import secrets
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import typer

from benchmarks.service.parts import growth_mb, in_parts
from benchmarks.service.toy import ask_and_wait, chunked_request, is_served, print_states, report
from bridge.osc.client import OscClient
from bridge.osc.codec import encode
from bridge.osc.request import speak
from bridge.testing import Service, make_service
from bridge.upstream.connection import Connection, Peer
from engine.service.workers.memory import memory_bytes

PART_DATAGRAMS = 100_000
MAX_GROWTH_MB = 30
SERVED_SECONDS = 300.0  # whether, not how soon: both cores may be busy with other things


def hostile(datagrams: int = 1_000_000, frames: int = 100_000, seed: int = 1, publish: bool = False) -> None:
    """Hostile datagrams and frames: still serving after each part, memory flat, nothing written elsewhere.

    One service takes all parts; a run that goes on after a stop has a service of its own. Takes some 10 minutes of two
    cores for a million.
    """
    count = -(-datagrams // PART_DATAGRAMS)
    size = (datagrams // count, frames // count)
    name = f"hostile, {size[0]} datagrams and {size[1]} frames, seed {seed}"
    with Field(size, seed) as field:
        parts = in_parts(name, count, field.part, publish=publish, run=field.name)
    growth = growth_mb(parts, "memory_mb")
    strays = [stray for part in parts for stray in part["strays"]]
    report(
        "hostile",
        all(part["served"] and part["alive"] for part in parts) and not strays and max(growth) < MAX_GROWTH_MB,
        publish=publish,
        datagrams=size[0] * count,
        frames=size[1] * count,
        seconds=round(sum(part["seconds"] for part in parts), 1),
        services=len({part["process"] for part in parts}),
        bridge_growth_mb=growth[0],
        engine_growth_mb=growth[1],
        strays=strays[:5],
    )


class Field:
    """A service that is started with its first part, and what is thrown at it."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self.name = secrets.token_hex(4)
        self._size, self._seed = size, seed
        self._folder = tempfile.TemporaryDirectory()
        self._service: Service | None = None

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        if self._service is not None:
            self._service.close()
        self._folder.cleanup()

    def part(self, number: int) -> dict[str, Any]:
        """Throw one part's datagrams and frames, and return how the service is after it."""
        datagrams, frames = self._size
        chance, row = random.Random(f"{self._seed} {number}"), dict[str, Any]()
        if self._service is None:
            self._service = self._start()
            self._flood(datagrams // 10, frames // 10, chance)
            row["first_memory_mb"] = self._memory_mb()
            datagrams, frames = datagrams - datagrams // 10, frames - frames // 10
        started = time.perf_counter()
        self._flood(datagrams, frames, chance)
        row |= {"seconds": time.perf_counter() - started, "memory_mb": self._memory_mb()}
        with OscClient(self._service.port, patience_seconds=SERVED_SECONDS) as device:
            row["served"] = is_served(device, chunked_request("steps=2"), SERVED_SECONDS)
        engine = self._service.engine
        row["alive"] = engine is not None and engine.poll() is None
        row["strays"] = [str(path) for path in Path(self._folder.name).rglob("*") if self._is_stray(path)]
        if not row["served"]:
            print(f"The engine's exit code: {engine and engine.poll()}.", file=sys.stderr)
            self._service.stop_engine()
            print_states(self._service.settings.home)
            self._service.close()
            self._service, self.name = None, secrets.token_hex(4)  # the next part has a service of its own
        return row

    def _start(self) -> Service:
        shutil.rmtree(Path(self._folder.name) / "in", ignore_errors=True)
        service = make_service(Path(self._folder.name) / "in")
        service.start_engine()
        service.start_bridge()
        ask_and_wait(service.port, 5)
        return service

    def _flood(self, datagrams: int, frames: int, chance: random.Random) -> None:
        assert self._service is not None
        _flood_udp(self._service.port, datagrams, chance)
        _flood_zmq(self._service.peer, frames, chance)

    def _memory_mb(self) -> list[float]:
        """Return the memory of the bridge, which is a thread of this process, and of the engine."""
        assert self._service is not None and self._service.engine is not None  # noqa: PT018
        return [memory_bytes() / 1e6, memory_bytes(self._service.engine.pid) / 1e6]

    def _is_stray(self, path: Path) -> bool:
        assert self._service is not None
        homes = {self._service.takes, self._service.settings.home}
        return path.is_file() and homes.isdisjoint(path.parents)


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
_NONCES = ("", "evil", "other")  # none, as devices of the first version send it, the right one, and another's


def _flood_udp(port: int, count: int, chance: random.Random) -> None:
    spoken = speak(chunked_request("steps=0"), "evil")
    hellos = (encode("/ditto/hello", (version, "evil", "evil", 9)) for version in (1, 2))
    valid = [*hellos, *spoken.parts.values(), spoken.commit]
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
        path, values, *last = chance.choice(
            (
                ("/ditto/loop/set", (request, chance.choice(names), chance.choice(_EVIL)), chance.choice(_NONCES)),
                ("/ditto/loop/begin", (request, "evil")),
                ("/ditto/loop/commit", (request, "evil", chance.randint(0, 3))),
                ("/ditto/loop/cancel", (request, "evil")),
                ("/ditto/seen", (request, "evil")),
                ("/ditto/take/favourite", ("e" * chance.randint(1, 80), 1)),
                (
                    "/ditto/hello",
                    (chance.choice((0, 1, 2, 7)), "evil", f"n{chance.randrange(3_000)}", chance.randint(1, 9)),
                ),
            )
        )
        return encode(path, values, (), *last)
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


def _valid_frames() -> list[list[bytes]]:
    """Return the frames of a message of each kind that a client sends."""
    from engine.service import messages
    from engine.service.messages import AckEnd, AckTake, Cancel, Hello, Resend, Submission

    sent = (
        Submission(request=chunked_request("steps=0"), owner="evil"),
        Hello(owner="evil"),
        Hello(owner="evil", resume=True),
        Cancel(request_id="x", owner="evil"),
        AckTake(request_id="x", owner="evil", take=0),
        AckEnd(request_id="x", owner="evil"),
        Resend(request_id="x", owner="evil"),
    )
    return [messages.pack(message) for message in sent]


def _flood_zmq(peer: Peer, count: int, chance: random.Random) -> None:
    """Send frames as one who is let in; who is not cannot send any."""
    import zmq

    from engine.service import messages

    valid = _valid_frames()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    connection = Connection(context, peer)
    dealer = connection.socket
    dealer.setsockopt(zmq.SNDTIMEO, round(SERVED_SECONDS * 1e3))  # an engine that does not read is a fault, too
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

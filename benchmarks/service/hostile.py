"""Hostile datagrams and frames by the million: `python -m benchmarks service-hostile`.

Random, truncated, mutated valid ones, huge, nested bundles, wrong types, replays, and values that try to leave
the folder; the service must still serve, with flat memory, and have written nothing where it should not.
"""

import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from benchmarks.service.parts import growth_mb, in_parts
from benchmarks.service.toy import (
    ask_and_wait,
    chunked_request,
    family,
    find,
    is_served,
    listening_port,
    print_states,
    report,
    serve,
)
from bridge.osc.client import OscClient
from bridge.osc.codec import encode
from bridge.osc.request import encode_request
from bridge.upstream.connection import Connection, Peer
from engine.request import LoopRequest
from engine.service.access import Keys
from engine.service.workers.memory import memory_bytes

PART_DATAGRAMS = 100_000
PART_REQUESTS = 4  # that are under way while the rest is thrown
MADE_STEPS = 40
MAX_GROWTH_MB = 30
RESTART_SECONDS = 5.0  # without taking a frame, then the engine is looked for anew
SERVED_SECONDS = 300.0  # whether, not how soon: both cores may be busy with other things


def hostile(datagrams: int = 1_000_000, frames: int = 100_000, seed: int = 1, publish: bool = False) -> None:
    """Hostile datagrams and frames: still serving after each part, memory flat, nothing lost or written elsewhere.

    The service is `ditto-live serve`, as a user runs it, and is not started again where it ends. One takes all parts; a
    run that goes on after a stop has a service of its own. Takes some 10 minutes of two cores for a million.
    """
    count = -(-datagrams // PART_DATAGRAMS)
    size = (datagrams // count, frames // count)
    name = f"hostile to serve, {size[0]} datagrams and {size[1]} frames, seed {seed}"
    with Field(size, seed) as field:
        parts = in_parts(name, count, field.part, publish=publish, run=field.name)
    growth = growth_mb(parts, "memory_mb")
    strays = [stray for part in parts for stray in part["strays"]]
    lost = sum(part["lost"] for part in parts)
    report(
        "hostile",
        all(part["served"] and part["alive"] for part in parts)
        and not strays
        and not lost
        and max(growth) < MAX_GROWTH_MB,
        publish=publish,
        datagrams=size[0] * count,
        frames=size[1] * count,
        seconds=round(sum(part["seconds"] for part in parts), 1),
        services=len({part["process"] for part in parts}),
        asked_meanwhile=PART_REQUESTS * count,
        lost=lost,
        engine_restarts=sum(part["engine_restarts"] for part in parts),
        served_after_s=max(part["served_after_s"] for part in parts),
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
        self._home = Path(self._folder.name) / "in"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._folder.cleanup()

    def part(self, number: int) -> dict[str, Any]:
        """Throw one part's datagrams and frames while requests are made, and return how the service is after it."""
        datagrams, frames = self._size
        chance, row = random.Random(f"{self._seed} {number}"), dict[str, Any]()
        if self._process is None:
            self._start()
            self._flood(datagrams // 10, frames // 10, chance)
            row["first_memory_mb"] = self._memory_mb()
            datagrams, frames = datagrams - datagrams // 10, frames - frames // 10
        engine = self._engine()
        with OscClient(self._port, patience_seconds=SERVED_SECONDS) as device:
            device.meet()
            asked = [chunked_request(f"steps={MADE_STEPS} pause=0.05", slot=f"{n}") for n in range(PART_REQUESTS)]
            for request in asked:
                device.ask(request)
            started = time.perf_counter()
            self._flood(datagrams, frames, chance)
            flooded = time.perf_counter()
            row["served"] = is_served(device, chunked_request("steps=2"), SERVED_SECONDS)
            row |= {"seconds": flooded - started, "served_after_s": round(time.perf_counter() - flooded, 1)}
            row["lost"] = sum(not _is_done(device, request) for request in asked)
        row["alive"] = self._process is not None and self._process.poll() is None
        row |= {"engine_restarts": int(self._engine() != engine), "memory_mb": self._memory_mb()}
        row["strays"] = [str(path) for path in Path(self._folder.name).rglob("*") if self._is_stray(path)]
        if not row["served"] or row["lost"]:
            self._end()
            print_states(self._home)
            self.name = secrets.token_hex(4)  # the next part has a service of its own
        return row

    def _start(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()
        self._process = serve(self._home)
        self._port = find(self._home)
        ask_and_wait(self._port, 5)

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _flood(self, datagrams: int, frames: int, chance: random.Random) -> None:
        _flood_udp(self._port, datagrams, chance)
        _flood_zmq(self._peer, frames, chance)

    def _engine(self) -> int:
        """Return the process id of the engine that runs, waiting for it where it is being started again."""
        assert self._process is not None
        deadline = time.monotonic() + SERVED_SECONDS
        while time.monotonic() < deadline:
            if len(found := family(self._process.pid)) > 1 and listening_port(found[1]):
                return found[1]
            time.sleep(0.05)
        raise SystemExit("The service has no engine any more.")

    def _peer(self) -> Peer:
        """Return where the engine is now, for one who has the keys."""
        return Peer(f"tcp://127.0.0.1:{listening_port(self._engine())}", keys=Keys(self._home / "keys"))

    def _memory_mb(self) -> list[float]:
        """Return the memory of the bridge and of the engine."""
        assert self._process is not None
        return [memory_bytes(pid) / 1e6 for pid in (self._process.pid, self._engine())]

    def _is_stray(self, path: Path) -> bool:
        return path.is_file() and self._home not in path.parents


def _is_done(device: OscClient, request: LoopRequest) -> bool:
    """Return whether a request that was asked for before has ended well."""
    try:
        return list(device.follow(request.request_id, seconds=SERVED_SECONDS))[-1].path == "/ditto/done"
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return False


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
    encoded = encode_request(chunked_request("steps=0"), "evil")
    hellos = (encode("/ditto/hello", (version, "evil", "evil", 9)) for version in (1, 2))
    valid = [*hellos, *encoded.parts.values(), encoded.commit]
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


def _flood_zmq(peer: Callable[[], Peer], count: int, chance: random.Random) -> None:
    """Send frames as one who is let in; who is not cannot send any. `peer` says where the engine is by now."""
    import zmq

    valid = _valid_frames()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    connection = Connection(context, peer())
    deadline = time.monotonic() + SERVED_SECONDS  # an engine that does not read is a fault, too
    for _ in range(count):
        bad = _evil_frames(valid, chance)
        while True:
            connection.socket.setsockopt(zmq.SNDTIMEO, round(RESTART_SECONDS * 1e3))
            try:
                connection.socket.send_multipart(bad)
                break
            except zmq.Again:
                if time.monotonic() > deadline:
                    raise
                connection.close()
                connection = Connection(context, peer())
        while connection.socket.poll(0):
            deadline = time.monotonic() + SERVED_SECONDS
            connection.socket.recv_multipart()
    connection.close(linger=1_000)
    context.destroy(linger=1_000)


def _evil_frames(valid: list[list[bytes]], chance: random.Random) -> list[bytes]:
    from engine.service import messages

    frames = [bytearray(frame) for frame in chance.choice(valid)]
    victim = chance.choice(frames)
    for _change in range(chance.randint(1, 6)):
        if victim:
            victim[chance.randrange(len(victim))] = chance.randrange(256)
    return chance.choice(
        (
            [bytes(frame) for frame in frames],
            [bytes(frame) for frame in frames],
            [chance.randbytes(99)],
            [b""] * 9,
            [messages.VERSION, b"hello", b"\x91" * 5_000],
        )
    )


def main() -> None:
    """Read the command line."""
    typer.run(hostile)

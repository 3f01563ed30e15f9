"""A real bridge and a real engine (with toy jobs) for the device, and Node for the device's own side."""

import asyncio
import dataclasses
import json
import shutil
import socket
import subprocess
import threading
import time
import wave
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.osc.addresses import PORT_TRIES
from bridge.server import Bridge, BridgeOptions
from bridge.testing import TOY
from engine.service.access import Access, Keys
from engine.service.listener import Listening
from engine.service.queue.journal import Journal
from engine.service.server import Engine
from engine.service.workers.local import LocalExecutor
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings
from max_for_live.install import COMMITTED

RUNNER = Path(__file__).parent / "fake_live" / "run.mjs"
SECONDS = 60


class Service:
    """Engine and bridge on a thread of their own, each to be stopped and started again.

    Threads: all but `_loop`'s own work is called from the test.
    """

    def __init__(self, folder: Path, osc_port: int, engine_port: int) -> None:
        places = {"home": folder / "home", "takes": folder / "takes"}
        self.settings = Settings(**places, osc_port=osc_port, engine_port=engine_port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._running: dict[str, tuple[Any, Any]] = {}

    def move_takes(self, name: str) -> None:
        """Let takes lie in a folder of this name."""
        self.settings = dataclasses.replace(self.settings, takes=self.settings.home.parent / name)

    def start(self, *parts: str) -> None:
        for part in parts or ("engine", "bridge"):
            self._await(self._begin(part))

    def stop(self, *parts: str) -> None:
        for part in parts or ("bridge", "engine"):
            if part in self._running:
                server, task = self._running.pop(part)
                self._loop.call_soon_threadsafe(server.stop)
                self._await(asyncio.wait_for(task, SECONDS))

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _begin(self, part: str) -> None:
        address = f"tcp://127.0.0.1:{self.settings.engine_port}"
        if part == "engine":
            self.settings.home.mkdir(parents=True, exist_ok=True)
            options = WorkerOptions.of(self.settings, jobs=TOY, model="toy")
            journal = Journal(self.settings.journal_file)
            access = Access(Keys(self.settings.home / "keys"))
            server: Any = Engine(journal, LocalExecutor(options))
            work = closing(server.serve(Listening(access=access, port=self.settings.engine_port)), journal)
        else:
            server = Bridge(BridgeOptions(settings=self.settings, owner="desk", version="test", engine_address=address))
            work = server.serve()
        self._running[part] = (server, asyncio.ensure_future(work))
        await asyncio.wait_for(server.ready.wait(), SECONDS)

    def _await(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(SECONDS)


async def closing(work: Coroutine[Any, Any, None], journal: Journal) -> None:
    """Run a server and close its journal."""
    try:
        await work
    finally:
        journal.close()


Orders = dict[str, Callable[[], object]]
Play = Callable[..., dict[str, Any]]


def free_ports(count: int) -> int:
    """Return the first of `count` neighbouring ports of which none is taken."""
    for base in range(21_000 + int(time.time_ns() // 1_000_000 % 20_000), 60_000, count):
        taken = []
        for port in range(base, base + count):
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(port)
        if not taken:
            return base
    raise RuntimeError("no neighbouring ports are free")


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node's path."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed, and the device's script runs in it")
    return found


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Return a second of four strokes that somebody else has made."""
    path = tmp_path / "other.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        stroke = b"".join(int(20_000 * (-0.998) ** i).to_bytes(2, "little", signed=True) for i in range(2_000))
        file.writeframes(4 * stroke.ljust(2 * 11_025, b"\0"))
    return path


def fresh_service(folder: Path) -> Service:
    """Return a service with ports and folders of its own, not started yet."""
    base = free_ports(PORT_TRIES + 1)
    return Service(folder, base, base + PORT_TRIES)


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a running service that stories share which leave it as it is."""
    running = fresh_service(tmp_path_factory.mktemp("service"))
    running.start()
    yield running
    running.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Return a service for one test, which starts and stops it."""
    own = fresh_service(tmp_path)
    yield own
    own.close()


@pytest.fixture
def play(node: str, request: pytest.FixtureRequest) -> Play:
    """Return a function that plays a scenario against the test's own service, or the shared one."""
    own = "service" in request.fixturenames
    service: Service = request.getfixturevalue("service" if own else "shared_service")

    def run(scenario: str, *, orders: Orders | None = None, **parameters: Any) -> dict[str, Any]:
        reply = free_ports(40)
        ports = {"osc": service.settings.osc_port, "reply": [reply, reply + 39]}
        given = json.dumps({"device": str(COMMITTED), "ports": ports, **parameters})
        command = [node, str(RUNNER), scenario, given]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:
            return converse(process, orders or {})

    return run


def converse(process: "subprocess.Popen[str]", orders: Orders) -> dict[str, Any]:
    """Do what a scenario asks for until it reports."""
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        if "error" in said:
            pytest.fail(said["error"])
        if "result" in said:
            return dict(said["result"])
        orders[said["ask"]]()
        process.stdin.write("done\n")
        process.stdin.flush()
    pytest.fail("the scenario ended without a report")

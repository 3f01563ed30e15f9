"""A whole service at toy size for the tests: an engine process, and a bridge on a thread."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from bridge.link import new_owner
from bridge.server import Bridge, BridgeOptions
from engine.service import EngineOptions
from engine.settings import Settings
from engine.transport import run
from engine.worker_options import WorkerOptions

TOY = "engine.toy:ToyJobs"


@dataclass
class Service:
    """An engine and a bridge that can be stopped, killed and started again on the same folders."""

    settings: Settings
    owner: str = field(default_factory=new_owner)
    engine_address: str = ""
    engine: "subprocess.Popen[bytes] | None" = None
    bridge: Bridge | None = None
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def start_engine(self, **changes: object) -> None:
        worker = WorkerOptions.of(self.settings, jobs=TOY, model="toy")
        options = msgspec.structs.replace(EngineOptions(worker=worker, port=0, tied=True), **changes)
        command = [sys.executable, "-m", "engine", msgspec.json.encode(options).decode()]
        self.engine = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.engine.stdout is not None
        self.engine_address = json.loads(self.engine.stdout.readline())["address"]

    def stop_engine(self, *, kill: bool = False) -> None:
        if self.engine is None:
            return
        if kill:
            self.engine.kill()
        with contextlib.suppress(OSError):
            self.engine.stdin.close()
        self.engine.wait(20)
        self.engine.stdout.close()
        self.engine = None

    def start_bridge(self) -> int:
        made = threading.Event()

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            options = BridgeOptions(
                settings=self.settings, owner=self.owner, version="test", engine_address=self.engine_address
            )
            self.bridge = Bridge(options)
            serving = asyncio.create_task(self.bridge.serve())
            await self.bridge.ready.wait()
            made.set()
            await serving

        self._thread = threading.Thread(target=run, args=(main(),), daemon=True)
        self._thread.start()
        assert made.wait(20)
        return self.port

    def stop_bridge(self) -> None:
        if self.bridge is not None and self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self.bridge.stop)
            self._thread.join(20)
            self.bridge = None

    @property
    def port(self) -> int:
        assert self.bridge is not None
        return self.bridge.port

    @property
    def takes(self) -> Path:
        return self.settings.takes

    def close(self) -> None:
        self.stop_bridge()
        self.stop_engine()


def make_service(folder: Path, **settings: object) -> Service:
    base = Settings(home=folder / "home", takes=folder / "takes", models=folder / "models", osc_port=0)
    return Service(replace(base, **settings))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a running service that tests share; requests of different tests do not meet."""
    made = make_service(tmp_path_factory.mktemp("service"))
    try:
        made.start_engine()
        made.start_bridge()
        yield made
    finally:
        made.close()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """Return a running service of its own, for tests that stop or break it."""
    made = make_service(tmp_path)
    try:
        made.start_engine()
        made.start_bridge()
        yield made
    finally:
        made.close()

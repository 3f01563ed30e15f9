"""A whole service at toy size: an engine process, a bridge on a thread, and a network that loses datagrams.

For tests, benchmarks and trying things out; nothing of the service itself uses it.
"""

import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from engine.service.access import Keys
from engine.service.options import EngineOptions
from engine.service.transport import run
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings

from .osc.codec import decode, encode
from .server import Bridge, BridgeOptions
from .upstream.connection import Peer
from .upstream.link import new_owner

TOY = "engine.service.workers.toy:ToyJobs"


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

    def start_engine(self, **changes: Any) -> None:
        """Start an engine; `changes` are fields of `EngineOptions`."""
        worker = WorkerOptions.of(self.settings, jobs=TOY, model="toy")
        options = msgspec.structs.replace(EngineOptions(worker=worker, port=0, tied=True), **changes)
        command = [sys.executable, "-m", "engine.service", msgspec.json.encode(options).decode()]
        self.engine = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.engine.stdout is not None
        self.engine_address = json.loads(self.engine.stdout.readline())["address"]

    def stop_engine(self, *, kill: bool = False) -> None:
        """Stop the engine in order, or kill it."""
        if self.engine is None:
            return
        engine, self.engine = self.engine, None
        if kill:
            engine.kill()
        for end in (engine.stdin, engine.stdout):
            with contextlib.suppress(OSError):
                if end is engine.stdout:
                    engine.wait(20)
                if end is not None:
                    end.close()

    def start_bridge(self) -> int:
        """Start a bridge and return its port."""
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

    def reconnect(self) -> None:
        """Point the bridge at the engine that runs now."""
        if self.bridge is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self.bridge.connect, self.engine_address)

    def stop_bridge(self) -> None:
        """Stop the bridge."""
        if self.bridge is not None and self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self.bridge.stop)
            self._thread.join(20)
            self.bridge = None

    @property
    def port(self) -> int:
        """The bridge's UDP port."""
        assert self.bridge is not None
        return self.bridge.port

    @property
    def peer(self) -> Peer:
        """Where the engine is, for a client in Python."""
        return Peer(self.engine_address, keys=Keys(self.settings.home / "keys"))

    @property
    def takes(self) -> Path:
        """Where takes go."""
        return self.settings.takes

    def close(self) -> None:
        """Stop both."""
        self.stop_bridge()
        self.stop_engine()


def make_service(folder: Path, **settings: Any) -> Service:
    """Return a service below `folder` that is not started yet; `settings` are fields of `Settings`."""
    base = Settings(home=folder / "home", takes=folder / "takes", models=folder / "models", osc_port=0)
    return Service(replace(base, **settings))


class LossyProxy:
    """Stands between device and bridge and loses, doubles and delays datagrams both ways."""

    def __init__(self, port: int, loss: float, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._loss = loss
        self._bridge = ("127.0.0.1", port)
        self._device: tuple[str, int] | None = None
        self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for end in (self._front, self._back):
            end.bind(("127.0.0.1", 0))
            end.settimeout(0.02)
        self.port = self._front.getsockname()[1]
        self._running = True
        self._held: list[tuple[float, bytes, bool]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._running:
            for end, to_bridge in ((self._front, True), (self._back, False)):
                try:
                    data, sender = end.recvfrom(65_535)
                except (TimeoutError, ConnectionResetError):
                    continue
                if to_bridge:
                    self._device = sender
                    data = self._redirected(data)
                for _copy in range(2 if self._chance.random() < 0.3 else 1):
                    if self._chance.random() >= self._loss:
                        self._held.append((time.monotonic() + self._chance.random() * 0.05, data, to_bridge))
            self._release()

    def _redirected(self, data: bytes) -> bytes:
        """Have the bridge answer to us."""
        (message,) = decode(data)
        if message.path != "/ditto/hello":
            return data
        return encode(message.path, (*message.values[:3], self._back.getsockname()[1]))

    def _release(self) -> None:
        now = time.monotonic()
        due = [item for item in self._held if item[0] <= now]
        self._held = [item for item in self._held if item[0] > now]
        self._chance.shuffle(due)
        for _at, data, to_bridge in due:
            if to_bridge:
                self._back.sendto(data, self._bridge)
            elif self._device is not None:
                self._front.sendto(data, self._device)

    def close(self) -> None:
        """Stop passing on."""
        self._running = False
        self._thread.join()
        self._front.close()
        self._back.close()

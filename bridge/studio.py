"""Bridge and engine on one computer: the bridge here, the engine as a child that is restarted when it dies."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec
import structlog

from engine.service.process import EngineOptions, stop_on_signals

from .client import Peer
from .page.server import Page
from .server import Bridge, BridgeOptions

log = structlog.get_logger("ditto.studio")

SLOWEST_RESTART_SECONDS = 30.0
FAREWELL_SECONDS = 5.0  # for the engine to save what runs


class _Hello(msgspec.Struct):
    address: str


class EngineProcess:
    """Keeps one engine process alive. Threads: the loop's; a thread for each process reads its one line."""

    def __init__(self, options: EngineOptions, on_address: Callable[[str], None]) -> None:
        self._options = msgspec.structs.replace(options, tied=True)
        self._on_address = on_address
        self._loop = asyncio.get_running_loop()
        self._pause_seconds = 0.2
        self._closing = False
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the engine, or start it again."""
        if self._closing:
            return
        command = [sys.executable, "-m", "engine", msgspec.json.encode(self._options).decode()]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=sys.platform != "win32"
        )
        threading.Thread(target=self._watch, args=(self.process,), daemon=True, name="engine").start()

    def close(self) -> None:
        """Let the engine stop in order, by the end of its input, and wait for it."""
        self._closing = True
        if self.process is None or self.process.stdin is None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        line = process.stdout.readline() if process.stdout else b""
        self._post(self._heard, line)
        code = process.wait()
        for end in (process.stdout, process.stdin):
            if end is not None and not end.closed:
                end.close()
        self._post(self._gone, code)

    def _post(self, call: Callable[..., None], value: bytes | int) -> None:
        try:
            self._loop.call_soon_threadsafe(call, value)
        except RuntimeError:
            return  # the loop ended first

    def _heard(self, line: bytes) -> None:
        try:
            self._on_address(msgspec.json.decode(line, type=_Hello).address)
        except msgspec.DecodeError:
            return  # it ended without a word; its exit is noticed next
        self._pause_seconds = 0.2

    def _gone(self, code: int) -> None:
        if self._closing:
            return
        log.warning("engine.gone", code=code, again_in_seconds=self._pause_seconds)
        self._loop.call_later(self._pause_seconds, self.start)
        self._pause_seconds = min(2 * self._pause_seconds, SLOWEST_RESTART_SECONDS)


async def run_studio(
    bridge_options: BridgeOptions,
    engine: EngineOptions | None,
    on_ready: Callable[[Bridge], None],
    page: Page | None = None,
) -> None:
    """Run a bridge, with it an engine unless that is elsewhere, and the page, until SIGINT or SIGTERM."""
    bridge = Bridge(bridge_options)
    stop_on_signals(bridge.stop)

    def found(address: str) -> None:
        bridge.connect(address)
        if page is not None:
            page.connect(Peer(address))

    child = EngineProcess(engine, found) if engine is not None else None
    showing = asyncio.create_task(page.serve()) if page is not None else None
    try:
        if page is not None and showing is not None:
            await page.started(showing)
        serving = asyncio.create_task(bridge.serve())
        ready = asyncio.create_task(bridge.ready.wait())
        await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
        if bridge.ready.is_set():
            on_ready(bridge)
            if child is not None:
                child.start()  # after the bridge, so that a device is welcomed at once
        ready.cancel()
        await serving
    finally:
        if showing is not None:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        if child is not None:
            child.close()

"""Bridge and engine on one computer: the bridge here, the engine as a child that is restarted when it dies."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from engine.service.child_process import ChildProcess, Exit
from engine.service.process import EngineOptions, stop_on_signals

from .server import Bridge, BridgeOptions

if TYPE_CHECKING:
    from .page.server import Page

FIRST_RESTART_SECONDS = 0.2  # doubled each time
SLOWEST_RESTART_SECONDS = 30.0
FAREWELL_SECONDS = 5.0  # for the engine to save what runs


class _Ready(msgspec.Struct, forbid_unknown_fields=True):
    """The engine listens."""

    address: str


class _Refusal(msgspec.Struct, forbid_unknown_fields=True):
    """The engine cannot start."""

    sentence: str
    remedy: str


class EngineProcess:
    """Keeps one engine process alive; meets `ChildListener`. Threads: the loop's."""

    def __init__(
        self, options: EngineOptions, on_address: Callable[[str], None], on_failure: Callable[[str], None]
    ) -> None:
        self._on_address, self._on_failure = on_address, on_failure
        self._pause_seconds = FIRST_RESTART_SECONDS
        options = msgspec.structs.replace(options, tied=True)
        command = [sys.executable, "-m", "engine.service", msgspec.json.encode(options).decode()]
        self.child: ChildProcess[bytes] = ChildProcess("engine", command, lambda said: said.readline() or None, self)

    def start(self) -> None:
        """Start the engine."""
        self.child.start()

    def close(self) -> None:
        """Let the engine stop in order, by the end of its input, and wait for it."""
        self.child.close(farewell_seconds=FAREWELL_SECONDS)

    def hear(self, item: bytes) -> None:
        """Take in the line that the engine prints; see `ChildListener`."""
        try:
            self._on_address(msgspec.json.decode(item, type=_Ready).address)
            self._pause_seconds = FIRST_RESTART_SECONDS
        except msgspec.DecodeError:
            self._refused(item)

    def _refused(self, item: bytes) -> None:
        with contextlib.suppress(msgspec.DecodeError):  # not a line of ours
            refusal = msgspec.json.decode(item, type=_Refusal)
            self._on_failure(f"The engine does not start: {refusal.sentence} {refusal.remedy}")

    def gone(self, end: Exit) -> float:
        """Return when to start the engine again; see `ChildListener`."""
        if end.code is None:
            self._on_failure(f"The engine does not start: {end.reason}.")
        pause_seconds = self._pause_seconds
        self._pause_seconds = min(2 * pause_seconds, SLOWEST_RESTART_SECONDS)
        return pause_seconds


async def run_studio(
    bridge_options: BridgeOptions,
    engine: EngineOptions | None,
    on_ready: Callable[[Bridge], None],
    page: "Page | None" = None,
) -> None:
    """Run a bridge, with it an engine unless that is elsewhere, and the page, until SIGINT or SIGTERM."""
    bridge = Bridge(bridge_options)
    stop_on_signals(bridge.stop)

    def found(address: str) -> None:
        bridge.connect(address)
        if page is not None:
            page.connect(bridge.peer(address))

    child = EngineProcess(engine, found, bridge.engine_failed) if engine is not None else None
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

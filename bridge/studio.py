"""Bridge and engine on one computer: the bridge here, the engine as a child that is restarted when it dies."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from engine.service.child_process import ChildProcess, Exit
from engine.service.options import EngineOptions
from engine.service.signals import stop_on_signals

from .server import Bridge, BridgeOptions

if TYPE_CHECKING:
    from .page.server import Page

FIRST_RESTART_SECONDS = 0.2  # doubled each time
SLOWEST_RESTART_SECONDS = 30.0
STOP_ENGINE_SECONDS = 5.0  # for the engine to save what runs
SILENT_SECONDS = 60  # of an engine that runs and does not answer, then it is started again
STOP_SECONDS = 30.0  # for all to end in order; a disk that does not answer must not keep the process


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
        self._silent_seconds: int | None = None  # None until it listens
        options = msgspec.structs.replace(options, tied=True)
        command = [sys.executable, "-P", "-m", "engine.service", msgspec.json.encode(options).decode()]
        self.child: ChildProcess[bytes] = ChildProcess("engine", command, lambda said: said.readline() or None, self)

    def start(self) -> None:
        """Start the engine."""
        self.child.start()

    def second_passed(self, *, answers: bool) -> None:
        """Count how long the engine has not answered, by our own seconds: a computer that slept has counted none."""
        if self._silent_seconds is None:
            return
        self._silent_seconds = 0 if answers else self._silent_seconds + 1
        if self._silent_seconds > SILENT_SECONDS:
            self._silent_seconds = None
            self.child.kill(f"it gave no sign of life for {SILENT_SECONDS} s")

    def close(self) -> None:
        """Let the engine stop in order, by the end of its input, and wait for it."""
        self.child.close(grace_seconds=STOP_ENGINE_SECONDS)

    def on_item(self, item: bytes) -> None:
        """Take in the line that the engine prints; see `ChildListener`."""
        try:
            self._on_address(msgspec.json.decode(item, type=_Ready).address)
            self._pause_seconds, self._silent_seconds = FIRST_RESTART_SECONDS, 0
        except msgspec.DecodeError:
            self._refused(item)

    def _refused(self, item: bytes) -> None:
        with contextlib.suppress(msgspec.DecodeError):  # not a line of ours
            refusal = msgspec.json.decode(item, type=_Refusal)
            self._on_failure(f"The engine does not start: {refusal.sentence} {refusal.remedy}")

    def on_exit(self, end: Exit) -> float:
        """Return when to start the engine again; see `ChildListener`."""
        self._silent_seconds = None
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

    def found(address: str) -> None:
        bridge.connect(address)
        if page is not None:
            page.connect(bridge.peer(address))

    child = EngineProcess(engine, found, bridge.engine_failed) if engine is not None else None
    watching = asyncio.create_task(_watch(child, bridge))
    stop_on_signals(partial(_stop, bridge, child))
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
        watching.cancel()
        if showing is not None:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        if child is not None:
            child.close()


def _stop(bridge: Bridge, child: EngineProcess | None) -> None:
    insist_on_end(STOP_SECONDS, child)
    bridge.stop()


async def _watch(child: EngineProcess | None, bridge: Bridge) -> None:
    while child is not None:
        await asyncio.sleep(1.0)
        child.second_passed(answers=bridge.is_engine_alive)


def insist_on_end(seconds: float, child: EngineProcess | None = None) -> None:
    """End this process after so long, and its engine before, whatever they wait for by then."""

    def end() -> None:
        if child is not None:
            child.child.kill("it had to stop")
        sys.stderr.write("Stopped, though something did not let go: see that the disks and network shares answer.\n")
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()

"""Bridge, page and engine begin in order, and where one cannot begin the others do not either."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.page.server import Page
from bridge.server import Bridge, BridgeOptions
from bridge.studio import run_studio
from bridge.upstream.connection import Peer
from engine.errors import EngineUnavailableError
from engine.service.access import Keys
from engine.settings import Settings


class FakePage:
    """Begins at once, or not at all; remembers what happens to it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.story = error, list[str]()

    async def serve(self) -> None:
        self.story.append("served")
        try:
            await asyncio.Event().wait()
        finally:
            self.story.append("ended")

    async def started(self, serving: "asyncio.Task[None]") -> None:
        while not self.story:
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error

    def connect(self, peer: Peer) -> None:
        self.story.append(peer.address)


def options(folder: Path) -> BridgeOptions:
    return BridgeOptions(settings=Settings(home=folder, takes=folder / "takes", osc_port=0), owner="me")


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@pytest.fixture(autouse=True)
def _no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the signals of the suite's own process alone."""
    monkeypatch.setattr("bridge.studio.stop_on_signals", lambda stop: None)


def test_the_bridge_is_ready_after_the_page_and_ends_it(tmp_path: Path) -> None:
    """Whoever is told that it runs finds the page served and the port open; its end ends the page."""
    page, ports = FakePage(), list[int]()

    def ready(bridge: Bridge) -> None:
        assert page.story == ["served"]
        ports.append(bridge.port)
        assert bridge.peer("tcp://127.0.0.1:1") == Peer("tcp://127.0.0.1:1", None, Keys(tmp_path / "keys"))
        bridge.stop()

    run(run_studio(options(tmp_path), None, ready, cast(Page, page)))
    assert ports[0] > 0
    assert page.story == ["served", "ended"]
    assert (tmp_path / "bridge.json").is_file()


def test_a_page_without_a_port_keeps_the_bridge_from_beginning(tmp_path: Path) -> None:
    """The error is raised, nobody is told that it runs, and no port is left open."""
    page = FakePage(EngineUnavailableError("No TCP port is free."))
    with pytest.raises(EngineUnavailableError, match="No TCP port"):
        run(run_studio(options(tmp_path), None, lambda _: pytest.fail("it runs"), cast(Page, page)))
    assert page.story == ["served", "ended"]
    assert not (tmp_path / "bridge.json").exists()


def test_a_bridge_without_a_port_raises_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the page ends with it."""

    def no_port(_port: int) -> None:
        raise EngineUnavailableError("The UDP ports are all taken.")

    monkeypatch.setattr("bridge.server.bind", no_port)
    page = FakePage()
    with pytest.raises(EngineUnavailableError, match="all taken"):
        run(run_studio(options(tmp_path), None, lambda _: pytest.fail("it runs"), cast(Page, page)))
    assert page.story == ["served", "ended"]

"""A running studio page at toy size, and a real browser for it where there is one."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.page.server import Page
from bridge.testing import Service, make_service
from engine.service.transport import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START_SECONDS = 30


@dataclass
class Studio:
    """An engine at toy size and a page on a thread; `address` holds the token."""

    service: Service
    page: Page
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    serving: "asyncio.Task[None]"

    @property
    def address(self) -> str:
        return self.page.address

    def restart_engine(self) -> None:
        """Kill the engine and start another at another port, as the supervisor does."""
        self.service.stop_engine(kill=True)
        self.service.start_engine()
        self.loop.call_soon_threadsafe(self.page.connect, self.service.peer)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.serving.cancel)
        self.thread.join(START_SECONDS)
        self.service.close()


def start(folder: Path) -> Studio:
    """Return a page below `folder` with an engine of its own."""
    service = make_service(folder)
    service.settings = replace(service.settings, page_port=0)
    service.start_engine()
    page = Page(service.settings, service.peer)
    made = threading.Event()
    known: list[object] = []

    async def main() -> None:
        serving = asyncio.create_task(page.serve())
        known.extend((asyncio.get_running_loop(), serving))
        await page.started(serving)
        made.set()
        await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=run, args=(main(),), daemon=True, name="page")
    thread.start()
    assert made.wait(START_SECONDS)
    loop, serving = known
    return Studio(service, page, loop, thread, serving)  # type: ignore[arg-type]  # as put in above


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Return a running page that tests share."""
    made = start(tmp_path_factory.mktemp("studio"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def own_studio(tmp_path: Path) -> Iterator[Studio]:
    """Return a running page of its own, for tests that break it or look at its list."""
    made = start(tmp_path)
    try:
        yield made
    finally:
        made.close()


# Not for the whole session: Playwright's own event loop would be in the way of every test that runs one.
@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Return a headless Chromium of this computer."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield made
        made.close()

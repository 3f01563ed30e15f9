"""A running studio page at toy size, and a real browser for it where there is one."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.page.server import Page
from bridge.testing import Service, make_service
from engine.service.transport import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

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

    def clear(self) -> None:
        """Forget all takes: the folder is the list."""
        shutil.rmtree(self.service.takes, ignore_errors=True)

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
    """Return a running page of its own, for tests that break it."""
    made = start(tmp_path)
    try:
        yield made
    finally:
        made.close()


MILLISECONDS = 30_000


@pytest.fixture
def tab(studio: Studio, browser: "Browser") -> "Iterator[Tab]":
    """Return a tab on the shared page, which has no takes; what it says in the console must be nothing."""
    studio.clear()
    yield from opened(studio, browser)


@pytest.fixture
def free_tab(studio: Studio, browser: "Browser") -> "Iterator[Tab]":
    """Return a tab that may load a recorder or a checker, which the page's own policy forbids."""
    studio.clear()
    yield from opened(studio, browser, bypass_csp=True)


@pytest.fixture
def own_tab(own_studio: Studio, browser: "Browser") -> "Iterator[Tab]":
    """Return a tab on a page of its own."""
    yield from opened(own_studio, browser)


def opened(studio: Studio, browser: "Browser", **options: Any) -> "Iterator[Tab]":
    """Yield a tab with the page open and the engine ready; leave when nothing is being made any more."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    made = context.new_page()
    made.set_default_timeout(MILLISECONDS)
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.goto(studio.address)
    made.wait_for_selector("#engine[data-alive=yes]")
    yield made
    made.wait_for_selector(".job", state="detached")
    context.close()
    assert complaints == []

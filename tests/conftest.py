"""What the tests share: one torch thread, quiet hubs, no deadlines, and the optional folder of real material."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of tests share two cores

# Nothing asserts on speed: a property holds on a slow computer, and beside other work, too.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of bytes by its argument and place: a name that holds data may differ between two processes."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real Live sets, MIDI files and loops, which is not part of the repository."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "fixtures").is_dir():
        pytest.skip("the folder of real Live sets and MIDI files is not beside the repository")
    return folder


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Return a headless Chromium of this computer; closed with the module, for its loop keeps others from running."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield made
        made.close()


Typed = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Return a function that runs a line in a shell, in an empty folder in which `ditto-live` is this tree's own."""
    door = tmp_path / "bin" / "ditto-live"
    door.parent.mkdir()
    door.write_text(f"#!{sys.executable} -I\nfrom bridge.cli.main import main\n\nmain()\n", encoding="utf-8")
    door.chmod(0o755)

    def typed(line: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        path = f"{door.parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "DITTO_HOME": str(tmp_path / "home")} | environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return typed

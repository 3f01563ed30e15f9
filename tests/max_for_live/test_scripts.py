"""The device's JavaScript: it parses, its parts hold what they promise, and so does the device in a strict fake Live.

`DITTO_DEVICE` runs the stories on another device file, an older one say.
"""

import os
import subprocess
from pathlib import Path

import pytest

from max_for_live.install import COMMITTED
from max_for_live.script import FOLDER

FAKE_LIVE = Path(__file__).parent / "fake_live"
UNITS = FAKE_LIVE / "units.test.mjs"
STORIES = sorted((FAKE_LIVE / "stories").glob("*.test.mjs"))
SCRIPTS = sorted((FOLDER / "code").rglob("*.js"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_file_parses(node, path):
    """Each source file is valid JavaScript by itself and stays short enough to read."""
    done = subprocess.run([node, "--check", str(path)], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", sorted(FAKE_LIVE.rglob("*.mjs")), ids=lambda path: path.stem)
def test_every_fake_stays_short(path):
    """The fake Live is as readable as the device."""
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_parts_hold_what_they_promise(node):
    """Curves, learning, redraw, the line to the bridge, keeping and warping, run as the device carries them."""
    done = run(node, UNITS)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "# pass 20\n" in done.stdout
    assert "# fail 0\n" in done.stdout


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.name.partition(".")[0])
def test_the_stories_hold(node, path):
    """What the device does in a Live that keeps to the documentation and to what was measured; the fake's own rules."""
    done = run(node, path)
    broken = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    assert done.returncode == 0, "\n".join([*broken, done.stdout[-6000:]])
    assert "# fail 0\n" in done.stdout


def run(node: str, path: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"DITTO_DEVICE": str(COMMITTED), **os.environ}
    return subprocess.run([node, "--test", str(path)], capture_output=True, encoding="utf-8", env=environment)

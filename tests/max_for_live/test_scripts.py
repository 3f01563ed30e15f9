"""The device's JavaScript: it parses, and its parts that need no Live hold what they promise."""

import os
import subprocess
from pathlib import Path

import pytest

from max_for_live.install import COMMITTED
from max_for_live.script import FOLDER

UNITS = Path(__file__).parent / "fake_live" / "units.test.mjs"


@pytest.mark.parametrize("path", sorted((FOLDER / "code").glob("*.js")), ids=lambda path: path.stem)
def test_every_file_parses(node, path):
    """Each source file is valid JavaScript by itself and stays short enough to read."""
    done = subprocess.run([node, "--check", str(path)], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_parts_hold_what_they_promise(node):
    """Curves, learning, redraw, the line to the bridge, keeping and warping, run as the device carries them."""
    environment = {**os.environ, "DITTO_DEVICE": str(COMMITTED)}
    done = subprocess.run([node, "--test", str(UNITS)], capture_output=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "# pass 19\n" in done.stdout
    assert "# fail 0\n" in done.stdout

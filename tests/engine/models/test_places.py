"""Where models lie on this computer, found without loading the hub's library where there is nothing of the hub."""

import subprocess
import sys

import pytest

pytest.importorskip("huggingface_hub")

PROGRAM = """
import importlib, os
from pathlib import Path
from huggingface_hub import constants
from engine.models.places import _cached

VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")
for name in VARIABLES:
    os.environ.pop(name, None)
for named in ({}, *({name: "/somewhere"} for name in VARIABLES), {name: f"~/{name}" for name in VARIABLES}):
    os.environ.update(named)
    theirs = Path(importlib.reload(constants).HF_HUB_CACHE) / "models--a--b"
    assert _cached("a/b") == theirs, (named, _cached("a/b"), theirs)
    for name in named:
        del os.environ[name]
"""


def test_the_hubs_folder_is_the_one_that_its_library_uses() -> None:
    """Whichever variables are set."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr

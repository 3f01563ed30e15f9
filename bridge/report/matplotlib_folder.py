"""A folder for Matplotlib's settings and its list of fonts, where its own cannot be written.

Matplotlib says so on the terminal when it is imported, and makes its list of fonts anew each time.
"""

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from engine.errors import DittoError
from engine.settings import Settings

VARIABLE = "MPLCONFIGDIR"


def name_folder() -> None:
    """Name a folder in the data folder, else one until the process ends; before Matplotlib is imported.

    A folder that the user has named, and Matplotlib's own where they can be written, stay.
    """
    if os.environ.get(VARIABLE):
        return
    with contextlib.suppress(RuntimeError):  # no home
        if all(_is_writable(folder) for folder in _own()):
            return
    with contextlib.suppress(DittoError):  # no data folder
        if _is_writable(folder := Settings().home / "matplotlib"):
            os.environ[VARIABLE] = str(folder)
            return
    folder = Path(tempfile.mkdtemp(prefix="ditto-live-matplotlib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[VARIABLE] = str(folder)


def _own() -> tuple[Path, ...]:
    """Return where Matplotlib keeps its settings and its cache; raises `RuntimeError` for a user without a home."""
    if sys.platform.startswith(("linux", "freebsd")):
        places = (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache"))
        return tuple(Path(os.environ.get(name) or Path.home() / usual) / "matplotlib" for name, usual in places)
    local = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    before = Path.home() / ".matplotlib"
    return (Path(local) / "matplotlib" if local and not before.is_dir() else before,)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)

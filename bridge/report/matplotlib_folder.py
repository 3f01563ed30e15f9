"""A folder for Matplotlib's settings and its list of fonts, where its own cannot be written.

Matplotlib says so on the terminal when it is imported, and makes its list of fonts anew each time.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from engine.errors import DittoError
from engine.settings import Settings, keep_matplotlib_in, matplotlib_folders


def name_folder() -> None:
    """Name a folder in the data folder, else one until the process ends; before Matplotlib is imported.

    A folder that the user has named, and Matplotlib's own where they can be written, stay.
    """
    with contextlib.suppress(RuntimeError):  # no home
        if all(map(_is_writable, matplotlib_folders())):
            return
    with contextlib.suppress(DittoError):  # no data folder
        if _is_writable(folder := Settings().home / "matplotlib"):
            keep_matplotlib_in(folder)
            return
    folder = Path(tempfile.mkdtemp(prefix="ditto-live-matplotlib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    keep_matplotlib_in(folder)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)

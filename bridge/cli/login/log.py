"""A log file for a process without a terminal: Windows keeps none for its tasks."""

import os
import sys
from pathlib import Path

MAX_BYTES = 5_000_000  # then the log moves aside, and a new one begins at the next start


def speak_to(path: Path) -> None:
    """Send standard output and standard error to the end of `path` from now on, child processes' too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MAX_BYTES:
        os.replace(path, path.with_suffix(".old.log"))
    log = path.open("a", encoding="utf-8", buffering=1)
    for stream in (sys.stdout, sys.stderr):  # None where no console was ever there
        if stream is not None:
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    if sys.stderr is None:
        sys.stdout = sys.stderr = log

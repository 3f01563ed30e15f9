"""Bytes of a producer's file: a regular one, within a limit, or one sentence."""

import os
import stat
from pathlib import Path

from ..errors import MidiError


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Return the file's bytes, `most_bytes + 1` of them where it is longer; raises `MidiError`.

    A pipe or a device is refused before it is opened, because reading one may never end.
    """
    try:
        refuse_endless(path)
        with path.open("rb") as file:
            return file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MidiError("unreadable_file", f"{path.name} cannot be read: {reason}.", "Check the path.") from error


def refuse_endless(path: Path) -> None:
    """Raise `MidiError` for what is no regular file, and `OSError` for what is not there."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or something else"
        raise MidiError("unreadable_file", f"{path.name} is {kind}, not a file.", "Choose a file.")

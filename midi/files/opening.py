"""Bytes of a producer's file: a regular one, within a limit, or one sentence."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import MidiError


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Return the file's bytes, `most_bytes + 1` of them where it is longer; raises `MidiError`.

    A pipe or a device is refused before it is opened, because reading one may never end.
    """
    with opened(path) as file:
        return file.read(most_bytes + 1)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes; raises `MidiError` for any other, and where reading it fails."""
    state_of_file(path)
    try:
        with path.open("rb") as file:
            yield file
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def state_of_file(path: Path, remedy: str = "Check the path.") -> os.stat_result:
    """Return the state of a regular file; raises `MidiError` for a folder, a pipe, a device and what is not there."""
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, remedy) from error
    if not stat.S_ISREG(state.st_mode):
        kind = "a folder" if stat.S_ISDIR(state.st_mode) else "a pipe, a device or something else"
        raise MidiError("unreadable_file", f"{path.name or path} is {kind}, not a file.", "Choose a file.")
    return state


def _unreadable(path: Path, error: OSError | ValueError, remedy: str = "Check the path.") -> MidiError:
    reason = getattr(error, "strerror", None) or str(error)
    return MidiError("unreadable_file", f"{path.name or path} cannot be read: {reason}.", remedy)

"""The lasting name of a bridge, and the lock by which a data folder has one bridge at a time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from engine.errors import EngineUnavailableError
from engine.files import make_folder, publish

from ..upstream.link import new_owner

FOREVER = -1  # of filelock
POLL_SECONDS = 1.0


@contextlib.contextmanager
def alone(home: Path, *, wait: bool = False) -> Iterator[str]:
    """Hold the data folder for one bridge and yield its owner name; raises `EngineUnavailableError` for a second.

    With `wait` a second bridge waits until the first has ended. The lock belongs to the process, so that a killed
    one leaves none behind.
    """
    make_folder(home, "DITTO_HOME")
    lock = FileLock(home / "bridge.lock")
    try:
        lock.acquire(timeout=FOREVER if wait else 0, poll_interval=POLL_SECONDS)
    except Timeout as error:
        raise EngineUnavailableError(
            f"A bridge is running already for {home}.", remedy="Use that one, or end it first."
        ) from error
    try:
        yield lasting_owner(home / "bridge.id")
    finally:
        lock.release()


def lasting_owner(path: Path) -> str:
    """Return the client's name that this file keeps; it is made where there is none."""
    with contextlib.suppress(OSError):
        found = path.read_text("ascii", errors="replace").strip()
        if len(found) == len(new_owner()) and found.isalnum():
            return found
    owner = new_owner()
    path.parent.mkdir(parents=True, exist_ok=True)
    publish(path, owner.encode(), overwrite=True, private=True)  # whoever knows the name gets the results
    return owner

"""Files that are whole or not there: written beside their name, flushed to the disk, then renamed."""

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from .errors import BadInputError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def publish(path: Path, data: bytes | Iterable[bytes], *, overwrite: bool = False, private: bool = False) -> None:
    """Write `data`, whole or in pieces, beside `path`, flush it to the disk and rename it.

    A `private` file can be read by its user only, from its first byte on. Raises `BadInputError` where it fails.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb", opener=_private if private else None) as file:
            file.writelines((data,) if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, path, overwrite=overwrite)
    except FileExistsError as error:
        raise BadInputError(f"{path} exists already and is kept.", remedy="Choose another name.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        full = isinstance(error, OSError) and error.errno in _FULL
        remedy = "Make room on that disk, or choose another folder." if full else "Choose another folder or name."
        raise BadInputError(f"{path} cannot be written: {reason}.", remedy=remedy) from error
    finally:
        _forget(temporary)


def make_folder(folder: Path, variable: str) -> None:
    """Make the folder that an environment `variable` may name; raise `BadInputError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"The folder {folder} cannot be made: {reason}.", remedy=f"Set {variable} to another folder."
        ) from error


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _rename(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)  # unlike a rename, this fails where the name is taken, on every system
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a file system without hard links, such as exFAT
        if path.exists():
            raise FileExistsError(path) from None
        temporary.rename(path)


def _forget(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except (OSError, ValueError):
        return  # it was never made: the folder is missing or the name impossible


def refused_by_system(error: OSError) -> BadInputError:
    """Return in a sentence why the system refused something with a file, such as one on a share that is gone."""
    reason = error.strerror or str(error) or type(error).__name__
    what = f"{error.filename} cannot be used: {reason}." if error.filename else f"The system refuses: {reason}."
    return BadInputError(what, remedy="See that its disk or network share is there and lets you in.")

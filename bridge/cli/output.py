"""Where takes of the command line go, checked before any work is done, and what is printed about them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Destination:
    """The files of `count` takes: `loop.wav`, or `loop-1.wav` to `loop-4.wav`."""

    path: Path
    count: int

    def take(self, rank: int) -> Path:
        """Return the path of the take with this rank, counted from 0."""
        return self.path if self.count == 1 else self.path.with_stem(f"{self.path.stem}-{rank + 1}")


def destination(out: Path, count: int) -> Destination:
    """Return where takes go; raise `BadInputError` where no file can be written."""
    path = out if out.suffix else out.with_suffix(".wav") if out.name else out / "loop.wav"
    if path.suffix.lower() != ".wav":
        raise BadInputError(f"{path} is not a .wav file; loops are written as WAV.", remedy="Name it loop.wav.")
    check_writable(path)
    return Destination(path, count)


def check_writable(path: Path) -> None:
    """Raise `BadInputError` where `path` cannot be written; leave nothing behind."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
        (folder / path.name).exists()  # a name too long, or one that no file can have, is refused here
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"{path} cannot be written: {reason}.", remedy="Choose another folder or name with --out."
        ) from error

"""Where takes of the command line go: checked before any work is done, written as they come."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bridge.takes import delivery
from engine.errors import BadInputError, DittoError
from engine.events import Take
from engine.request import LoopRequest
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Kept:
    """A take that is on disk."""

    path: Path
    take: Take
    samples: int


@dataclass(slots=True)
class Shelf:
    """The files of a request's takes, best first.

    `out` is `loop.wav`, from which several takes become `loop-1.wav` to `loop-4.wav`; without it they go to
    the takes folder under names of their own.
    """

    request: LoopRequest
    settings: Settings
    out: Path | None
    kept: list[Kept] = field(default_factory=list)

    def keep(self, take: Take) -> None:
        """Write the take, its sidecar and its noise; raise `BadInputError` where that fails."""
        if self.out is None:
            path = Path(delivery.write_take(self.settings.takes, self.request, take).path)
        else:
            path = self._write_at(self._numbered(self.out), take)
        self.kept.append(Kept(path, take, delivery.samples_of(take.sound).shape[1]))

    def _write_at(self, path: Path, take: Take) -> Path:
        try:
            delivery.write_files(path, self.request, take, overwrite=True)  # the producer named this file
        except DittoError:
            if not path.exists():
                for ending in (".json", ".safetensors"):
                    path.with_suffix(ending).unlink(missing_ok=True)
            raise
        return path

    def _numbered(self, path: Path) -> Path:
        return path if self.request.count == 1 else path.with_stem(f"{path.stem}-{len(self.kept) + 1}")


def shelf(out: Path | None, request: LoopRequest, settings: Settings) -> Shelf:
    """Return where the takes of `request` go; raise `BadInputError` where no file can be written."""
    if out is not None:
        out = _as_wav(out)
        check_writable(out, "--out")
    else:
        check_writable(settings.takes / "take.wav", "--out")
    return Shelf(request, settings, out)


def _as_wav(out: Path) -> Path:
    if not out.suffix:
        out = out / "loop.wav" if out.is_dir() else out.with_suffix(".wav")
    if out.suffix.lower() != ".wav":
        raise BadInputError(f"{out} is not a .wav file; loops are written as WAV.", remedy="Name it loop.wav.")
    return out


def check_writable(path: Path, option: str) -> None:
    """Raise `BadInputError` where `path`, given with `option`, cannot be written; leave nothing behind."""
    try:
        if path.is_dir():
            raise BadInputError(f"{path} is a folder.", remedy=f"Name a file with {option}.")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.NamedTemporaryFile(dir=folder, suffix=path.name[-200:]):  # the name is tried, too
            pass
    except (OSError, ValueError, StopIteration) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"{path} cannot be written: {reason}.", remedy=f"Choose another folder or name with {option}."
        ) from error

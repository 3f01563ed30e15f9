"""Files dropped on the page: bounded, read by the same readers as everywhere, and named by a handle, never by a path.

A handle is `upload:` and the digest of what the file holds, so that the same file twice is one file and a page cannot
name anything on this computer. The file lies in a folder of that name under the name that it had, which sentences say.
It is needed until it is read into a request; after a day without use it goes at the next start.
"""

import contextlib
import hashlib
import os
import re
import shutil
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from engine.audio.wav import read_audio
from engine.errors import BadInputError, DittoError
from engine.files import publish
from midi.files.names import whole_letters

from . import songs
from .cards import Json

_NO_NAME = re.compile(r'[\x00-\x1f\x7f<>:"|?*#/\\]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com.|lpt.)(\..*)?", re.IGNORECASE)  # no files on Windows, whatever the ending
HANDLE = "upload:"  # how each begins
_HANDLE = re.compile(HANDLE + r"([0-9a-f]{32}\.[a-z0-9]{2,5})(#.*)?", re.DOTALL)
_STORED = re.compile(r"[0-9a-f]{32}[.-][a-z0-9]{2,5}")  # earlier versions had files instead of folders
KEPT_SECONDS = 86_400.0  # since the last use
MAX_NAME_BYTES = 120  # of a file; what is before the ending is cut
OUTLINE_COLUMNS = 400


class Kind(StrEnum):
    """The kinds of upload, by the ending of the name."""

    MIDI = "midi"
    SET = "set"
    AUDIO = "audio"


ENDINGS = {
    ".mid": Kind.MIDI,
    ".midi": Kind.MIDI,
    ".als": Kind.SET,
    ".wav": Kind.AUDIO,
    ".aif": Kind.AUDIO,
    ".aiff": Kind.AUDIO,
    ".flac": Kind.AUDIO,
    ".ogg": Kind.AUDIO,
    ".opus": Kind.AUDIO,
    ".mp3": Kind.AUDIO,
}


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of uploads. Threads: any."""

    folder: Path
    _lock: Lock = field(default_factory=Lock)  # what is about to be read is not removed

    def keep(self, name: str, data: bytes) -> Json:
        """Store an upload and return its handle and contents; raises `DittoError` for a file that cannot be used."""
        ending = Path(name[-200:].lower()).suffix
        kind = ENDINGS.get(ending)
        if kind is None:
            known = ", ".join(ENDINGS)
            raise BadInputError(f"{name[-80:]!r} is not a file for here.", remedy=f"Drop one of {known}.")
        stored = f"{hashlib.blake2b(data, digest_size=16).hexdigest()}{ending}"
        path = self._used(stored) or self._folder_of(stored) / _plain_name(name, ending)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            publish(path, data, overwrite=True, private=True)
        try:
            found = _READERS[kind](path)
        except Exception as error:
            if isinstance(error, DittoError):
                error.sentence = self.as_named(error.sentence)
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()
            raise
        return {"handle": f"{HANDLE}{stored}", "kind": kind, "name": Path(name).name[-120:], **found}

    def path(self, handle: str) -> str:
        """Return the path, with its `#part`, that a handle stands for; raises `BadInputError`."""
        found = _HANDLE.fullmatch(handle)
        path = self._used(found[1]) if found else None
        if found is None or path is None:
            raise BadInputError("This file is no longer here.", remedy="Drop it on the page again.")
        return f"{path}{found[2] or ''}"

    def as_named(self, sentence: str) -> str:
        """Return a sentence in which uploads have their own names, without the folders that they lie in."""
        return re.sub(re.escape(str(self.folder)) + r"[/\\][0-9a-f]{32}-\w+[/\\]", "", sentence)

    def _folder_of(self, stored: str) -> Path:
        return self.folder / stored.replace(".", "-")  # earlier versions have files that are called `stored`

    def remove_old(self, now: float) -> None:
        """Remove uploads last used a day before `now`, in seconds since 1970; what cannot be removed stays."""
        for place in self.folder.iterdir() if self.folder.is_dir() else ():
            if not _STORED.fullmatch(place.name):
                continue  # the page's pictures and the files of its command lines lie here, too
            with self._lock, contextlib.suppress(OSError):
                inside = place.iterdir() if place.is_dir() else ()
                if now - max(file.stat().st_mtime for file in (place, *inside)) > KEPT_SECONDS:
                    shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink()

    def _used(self, stored: str) -> Path | None:
        """Return an upload that is there, which is in use from now on."""
        with self._lock:
            path = self._kept(stored)
            if path is not None:
                with contextlib.suppress(OSError):  # a disk that cannot be written keeps it, too
                    os.utime(path)
            return path

    def _kept(self, stored: str) -> Path | None:
        folder = self._folder_of(stored)
        return next((path for path in folder.iterdir() if path.suffix != ".part"), None) if folder.is_dir() else None


def _plain_name(name: str, ending: str) -> str:
    """Return a file's own name as any disk takes it, with its `ending`."""
    stem = _NO_NAME.sub("_", whole_letters(name.replace("\\", "/").rpartition("/")[2]))[: -len(ending)]
    while len(stem.encode()) > MAX_NAME_BYTES:
        stem = stem[:-1]
    stem = stem.strip(" .") or "file"
    return f"{'_' if _DEVICE.fullmatch(stem) else ''}{stem}{ending}"


def _audio(path: Path) -> Json:
    samples, sample_rate = read_audio(path)
    columns = min(OUTLINE_COLUMNS, samples.shape[1])
    edges = np.linspace(0, samples.shape[1], columns + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(np.abs(samples).max(0), edges)
    return {
        "seconds": samples.shape[1] / sample_rate,
        "sample_rate": sample_rate,
        "outline": [round(float(peak), 3) for peak in peaks],
    }


_READERS: dict[Kind, Any] = {Kind.MIDI: songs.midi_contents, Kind.SET: songs.set_contents, Kind.AUDIO: _audio}

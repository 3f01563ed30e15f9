"""A sound that a setting names: a file, or the part of one that `FILE.wav#START:END` means, in seconds."""

import math
from dataclasses import dataclass
from pathlib import Path

from engine.audio.reading import Recording, read_recording
from engine.errors import BadInputError, BadRequestError
from midi.files.file_part import existing, split_file_part

MIN_SECONDS = 0.01  # of a part: less is no sound


@dataclass(frozen=True, slots=True)
class SoundPart:
    """A file and the seconds of it that are meant; `end_seconds` is None up to its end."""

    path: Path
    start_seconds: float = 0.0
    end_seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> "SoundPart":
        """Return what `text` names; raises `BadRequestError` for a part that is no range of seconds."""
        path, part = split_file_part(text)
        if not part:
            return cls(existing(path) or path)
        start, colon, end = part.partition(":")
        try:
            first, last = float(start), float(end)
        except ValueError:
            first = last = math.nan
        if not (colon and 0 <= first < last < math.inf):
            if existing(path) is None:  # the sign is in the name of a file that is not there
                return cls(Path(text))
            raise BadRequestError(
                f"{part[:40]!r} is no part of {path.name}.",
                remedy=f"Write the seconds where it starts and ends, such as {path.name}#0.5:4.25.",
            )
        return cls(path, first, last)

    @property
    def name(self) -> str:
        """How sentences call it."""
        return self.path.name

    @property
    def is_whole(self) -> bool:
        """Whether all of the file is meant."""
        return self.end_seconds is None

    def read(self, seconds: float | None = None) -> Recording:
        """Return the sound, of a longer one the first `seconds`, all where None.

        Raises `BadInputError` where the file has less, and where more than 600 s are meant.
        """
        if self.end_seconds is None:
            return read_recording(self.path, seconds=seconds)
        length = self.end_seconds - self.start_seconds
        meant = length if seconds is None else min(seconds, length)
        found = read_recording(self.path, seconds=meant, after_seconds=self.start_seconds)
        if found.samples.shape[1] < MIN_SECONDS * found.sample_rate:
            part = f"{self.start_seconds:g} to {self.end_seconds:g}"
            raise BadInputError(f"{self.path} lasts {found.file_seconds:.3g} s; nothing of it is at {part} s.")
        return found

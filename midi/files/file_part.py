"""Which part of `FILE#PART`, such as `Song.als#Lead/Mixer/Volume` or `beat.mid#Drums`, is the file.

Files and folders may hold the sign in their names, and so may tracks: so the disk is asked which file there is.
"""

import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from ..bars import split_position

_SONG = re.compile(r"\.(als|alc|mid|midi|kar|rmi|smf)\s*$", re.IGNORECASE)
_ENDING = re.compile(r"\.(als|alc|mid|midi|kar|rmi|smf|json|wav|aiff?|flac|ogg|opus|mp3)#", re.IGNORECASE)


class FilePart(NamedTuple):
    """A file and the name of a part of it; `part` is empty where only the file is named."""

    path: Path
    part: str


def split_file_part(text: str) -> FilePart:
    """Return file and part: the split is at the last `#` whose left side is a file.

    A text that is a file as a whole has no part. A position right behind a song is a part of it: `Song.mid@bar 33`.
    Where no file is there, a known ending decides, else the first `#`.
    """
    whole = existing(Path(text))
    if whole is not None:
        return FilePart(whole, "")
    song = split_position(text)[0]
    if song != text and _SONG.search(song):
        return FilePart(existing(Path(song.rstrip())) or Path(song.rstrip()), text[len(song) :])
    if "#" not in text:
        return FilePart(Path(text), "")
    places = [place for place, sign in enumerate(text) if sign == "#"]
    for place in reversed(places):
        found = existing(Path(text[:place]))
        if found is not None:
            return FilePart(found, text[place + 1 :])
    endings = [match.end() - 1 for match in _ENDING.finditer(text)]
    place = endings[-1] if endings else places[0]
    return FilePart(Path(text[:place]), text[place + 1 :])


def existing(path: Path) -> Path | None:
    """Return the file that `path` means, or None; where a disk tells them apart, decomposed names are found, too."""
    for form in (None, "NFC", "NFD"):
        candidate = path if form is None else Path(unicodedata.normalize(form, str(path)))
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):  # a name that no file can have
            return None
    return None

"""Which takes are in use: the takes that Live sets, clips, racks and presets name, by id or by file name.

A take's id is ten ASCII digits that stand in the names of all its files, stems and copies included, so neither the
form of an accent, nor capitals, nor what Live adds to a name hides it. Plug-ins keep paths as hexadecimal digits,
often of UTF-16; those are looked through, too. Where anything cannot be read, nobody knows what it uses, and that
is an error: no take is called unused then.
"""

import binascii
import codecs
import html
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import BadInputError
from midi.errors import MidiError
from midi.files.names import name_key
from midi.files.opening import state_of_file
from midi.files.text import encoding_of
from midi.live.xml import unpacked

SET_ENDINGS = frozenset({".als", ".alc", ".adg", ".adv", ".ask", ".agr", ".ams"})
MAX_SET_BYTES = 4 * 2**30  # unpacked; a larger one is refused, not read in part
_ID_DIGITS = 10
_LONGEST_RUN = 64  # of hexadecimal digits in a name; longer ones are binary data
_OVERLAP = 2048  # a name may lie across two pieces
_RUN = re.compile(rf"[0-9a-fA-F]{{{_ID_DIGITS},{_LONGEST_RUN}}}")
_ENDING = re.compile(r"\.(?:wav|aiff?|flac|mp3|ogg|opus|m4a)", re.IGNORECASE)
_BEFORE_NAME = re.compile(r"""["/\\<>\0\r\n:]""")
_MAX_NAME_CHARACTERS = 255
_BLOB = re.compile(r"(?:[0-9A-Fa-f]{2}\s*+){32,}+")
_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # begins files that macOS leaves on other disks; they name nothing


@dataclass(slots=True)
class Named:
    """The names in the sets: every run of digits that may be an id, and the names of sound files without ending."""

    ids: set[str] = field(default_factory=set)
    stems: set[str] = field(default_factory=set)
    sets: int = 0

    def has(self, take_id: str, stem: str) -> bool:
        """Whether a take with this id and file name is in use."""
        return take_id.lower() in self.ids or name_key(stem) in self.stems

    def add(self, text: str) -> None:
        """Add all ids and file names in `text`."""
        if "&" in text:
            text = html.unescape(text)
        for run in _RUN.findall(text):
            lowered = run.lower()
            self.ids.update(lowered[at : at + _ID_DIGITS] for at in range(len(lowered) - _ID_DIGITS + 1))
        for match in _ENDING.finditer(text):
            before = text[max(0, match.start() - _MAX_NAME_CHARACTERS) : match.start()]
            self.stems.add(name_key(_BEFORE_NAME.split(before)[-1]))


def names_below(folder: Path) -> Named:
    """Return what the sets in `folder` and below it name; linked folders count.

    Raises `BadInputError` where there is no set, or where a folder or a set cannot be read.
    """
    named = Named()
    for path in _sets(folder):
        try:
            _read(path, named)
        except (MidiError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadInputError(
                f"{path} cannot be read, so nobody knows which takes it uses: {reason.rstrip('.')}.",
                remedy="No take was moved. Open and save it in Live, or move it elsewhere.",
            ) from error
    if named.sets == 0:
        raise BadInputError(
            f"There is no Live set in {folder} or below it, so nobody knows which takes are in use.",
            remedy="Name the folder that holds your Live sets.",
        )
    return named


def _sets(folder: Path) -> Iterator[Path]:
    """Yield all files with a set's ending; a loop of links is walked once."""
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise BadInputError(
            f"{error.filename} cannot be looked into, so nobody knows which takes its sets use: {error.strerror}.",
            remedy="No take was moved. Give access to it, or name another folder.",
        )

    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        here = os.stat(place)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        yield from (Path(place, name) for name in files if Path(name).suffix.lower() in SET_ENDINGS)


def _read(path: Path, named: Named) -> None:
    state_of_file(path)
    with path.open("rb") as file:
        if path.name.startswith("._") and file.read(4) == _APPLE_DOUBLE:
            return
        file.seek(0)
        decoder: codecs.IncrementalDecoder | None = None
        tail = ""
        for piece in unpacked(path.name, file, MAX_SET_BYTES):
            if decoder is None:
                encoding, mark = encoding_of(piece)
                piece = piece[mark:]
                decoder = codecs.getincrementaldecoder(encoding)("replace")
            text = tail + decoder.decode(piece)
            if not tail and text.lstrip()[:1] != "<":
                raise OSError("it is no Live set")
            named.add(text)
            for blob in _BLOB.findall(text):
                _add_binary(blob, named)
            tail = text[-_OVERLAP:]
    if decoder is None:
        raise OSError("it is empty")
    named.sets += 1


def _add_binary(digits: str, named: Named) -> None:
    """Look through bytes that are written as digits: paths in UTF-8, or in UTF-16 with a zero beside each letter."""
    packed = "".join(digits.split())
    for start in (0, 1):  # a piece may begin within a byte
        even = packed[start : len(packed) - (len(packed) - start) % 2]
        text = binascii.unhexlify(even).replace(b"\0", b"").decode("latin-1")
        named.add(text)

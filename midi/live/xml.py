"""A Live set's XML as a stream of elements, within limits.

A `.als` is gzip'd XML; plain XML is taken too. Nothing is held but the piece being parsed, so a
hundred megabytes cost what their results cost. A file may be made to harm: a document type (where
entity bombs live), a gzip bomb, endless names and nesting are all refused with one sentence.
A character that XML forbids costs that character, an element that cannot be understood costs that element.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from xml.parsers import expat

from ..errors import MidiError
from ..files.opening import opened
from .characters import CleanText

MAX_FILE_BYTES = 256 * 2**20  # as stored
MAX_XML_BYTES = 256 * 2**20  # unpacked; a 10 MB set is a big one
MAX_RATIO = 200  # Live's sets pack 8 to 20 times; zlib's most is about 1030
RATIO_FREE_BYTES = 16 * 2**20  # a small file may be as dense as it likes
MAX_DEPTH = 500  # racks in racks need about ten a level
MAX_TOKEN_BYTES = 4 * 2**20  # one tag with its attributes
MAX_TAG_CHARACTERS = 200
MAX_DIFFERENT_NAMES = 50_000  # of elements and attributes; Live knows about 3,000
CHUNK_BYTES = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"
_REMEDY = "Open it in Live, save it again, and use the new file."


class BrokenElementError(Exception):
    """An element holds what Live never writes; `str(error)` is the reason."""


class UnreadableValueError(BrokenElementError):
    """One element cannot be understood; it is left out, and all else is read."""


class ElementHandler(Protocol):
    """What `stream_elements` tells of; both may raise `BrokenElementError`."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""

    def end(self, tag: str) -> None:
        """Take its end."""


def stream_elements(path: Path, handler: ElementHandler) -> tuple[str, ...]:
    """Tell `handler` of every element of a set, in order; return what was replaced or left out, in sentences.

    Raises `MidiError`, and nothing else, for a file that is no whole set or is over a limit.
    """
    with opened(path) as file:
        return _parse(path.name, file, handler)


def broken_set(name: str, reason: str) -> MidiError:
    """Return the error for a set that cannot be used."""
    return MidiError("broken_set", f"{name} is not a whole Live set: {reason[:120].rstrip('.')}.", _REMEDY)


def _parse(name: str, file: BinaryIO, handler: ElementHandler) -> tuple[str, ...]:
    left_out: list[str] = []
    parser = _parser(handler, left_out)
    clean = CleanText()
    fed_bytes = 0
    try:
        for piece in unpacked(name, file):
            text = clean.feed(piece)
            parser.Parse(text, False)
            fed_bytes += len(text)
            if fed_bytes - parser.CurrentByteIndex > MAX_TOKEN_BYTES:
                raise broken_set(name, "one of its elements never ends")
            if len(parser.intern) > MAX_DIFFERENT_NAMES:
                raise broken_set(name, f"it has over {MAX_DIFFERENT_NAMES} different elements")
        parser.Parse(clean.end(), True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code) or "it is damaged"
        raise broken_set(name, f"{what}, line {error.lineno}") from error
    except BrokenElementError as error:
        raise broken_set(name, str(error)) from error
    return (*clean.remarks(name), *_remarks(name, left_out))


def _remarks(name: str, left_out: list[str]) -> tuple[str, ...]:
    if not left_out:
        return ()
    more = f", and {len(left_out) - 1} more like it" if len(left_out) > 1 else ""
    return (f"Of {name} one element was left out: {left_out[0]}{more}.",)


def _parser(handler: ElementHandler, left_out: list[str]) -> expat.XMLParserType:
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise BrokenElementError(f"its elements are nested over {MAX_DEPTH} deep")
        if len(tag) > MAX_TAG_CHARACTERS:
            raise BrokenElementError("the name of one of its elements has no end")
        try:
            handler.start(tag, attributes)
        except UnreadableValueError as error:
            left_out.append(str(error))

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        try:
            handler.end(tag)
        except UnreadableValueError as error:
            left_out.append(str(error))

    def refuse_doctype(*_: object) -> None:
        raise BrokenElementError("it declares a document type, which Live never writes")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse_doctype
    return parser


def unpacked(name: str, file: BinaryIO, most_bytes: int = MAX_XML_BYTES) -> Iterator[bytes]:
    """Yield a set's XML in pieces of at most `CHUNK_BYTES`; raises `MidiError` for over `most_bytes` and for damage."""
    packed = file.read(CHUNK_BYTES)
    pieces = _gunzipped(name, file, packed) if packed.startswith(_GZIP_MAGIC) else _plain(file, packed)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most_bytes:
            raise _too_big(name, most_bytes)
        yield piece


def _plain(file: BinaryIO, packed: bytes) -> Iterator[bytes]:
    while packed:
        yield packed
        packed = file.read(CHUNK_BYTES)


def _gunzipped(name: str, file: BinaryIO, packed: bytes) -> Iterator[bytes]:
    unpack = zlib.decompressobj(wbits=31)
    packed_bytes = unpacked_bytes = 0
    while packed and not unpack.eof:
        packed_bytes += len(packed)
        if packed_bytes > MAX_FILE_BYTES:
            raise _too_big(name, MAX_FILE_BYTES)
        try:
            piece = unpack.decompress(packed, CHUNK_BYTES)
        except zlib.error as error:
            raise broken_set(name, "its gzip data is damaged") from error
        unpacked_bytes += len(piece)
        used_bytes = packed_bytes - len(unpack.unconsumed_tail)
        if unpacked_bytes > RATIO_FREE_BYTES and unpacked_bytes > MAX_RATIO * used_bytes:
            raise broken_set(name, "it unpacks to far more than any set would")
        yield piece
        packed_bytes = used_bytes
        packed = unpack.unconsumed_tail or file.read(CHUNK_BYTES)
    if not unpack.eof:
        raise broken_set(name, "it ends too early")


def _too_big(name: str, most_bytes: int) -> MidiError:
    return MidiError(
        "set_too_big",
        f"{name} is over {most_bytes // 2**20} MB unpacked.",
        "Save the part that you need as a set of its own.",
    )

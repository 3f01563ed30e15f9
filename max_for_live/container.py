"""The `.amxd` container: tagged chunks around a patcher, read and written byte for byte.

    chunk   = tag (4 bytes)  length of the payload (u32, little-endian)  payload
    file    = ampf(device type)  meta(4 bytes)  [ciph(key)]  ptch(patcher)
    patcher = JSON text, normally ending in a NUL            when the device is not frozen
            | `mx@c` archive: JSON and the files it needs    when it is frozen (big-endian inside)
            | ciphertext                                     when a `ciph` chunk comes before

Layout after Ableton's own reader (`maxdiff` in Ableton/maxdevtools, MIT) and the devices that come with it.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from .errors import ContainerError

DeviceType = Literal["audio_effect", "instrument", "midi_effect", "midi_generator", "midi_transformation"]
Json = dict[str, object]

TYPE_CODES: dict[DeviceType, bytes] = {
    "audio_effect": b"aaaa",
    "instrument": b"iiii",
    "midi_effect": b"mmmm",
    "midi_generator": b"nagg",
    "midi_transformation": b"natt",
}
UNFROZEN = 1  # what Max 9 writes into `meta` for a device that is not frozen
_HEADER = struct.Struct("<4sI")
_ARCHIVE = struct.Struct(">4sIQ")  # "mx@c", 16, offset of the directory


@dataclass(frozen=True, slots=True)
class Chunk:
    """One tagged piece of the file."""

    tag: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the archive of a frozen device; `offset` counts from the archive's start."""

    name: str
    kind: str
    offset: int
    size: int
    flag: int


@dataclass(frozen=True, slots=True)
class Device:
    """A whole `.amxd` file as its chunks, in order."""

    chunks: tuple[Chunk, ...]

    @property
    def type(self) -> DeviceType:
        """What the device is; raises `ContainerError` for a code that Live does not have."""
        code = self._payload(b"ampf")
        for name, known in TYPE_CODES.items():
            if known == code:
                return name
        raise ContainerError(f"The device type {code!r} is not one of {sorted(TYPE_CODES)}.")

    @property
    def patch(self) -> bytes:
        """The payload of `ptch`, whatever form it has."""
        return self._payload(b"ptch")

    @property
    def encrypted(self) -> bool:
        """Whether its maker has locked the device."""
        return any(chunk.tag == b"ciph" for chunk in self.chunks)

    @property
    def frozen(self) -> bool:
        """Whether the files it needs are inside; `meta` does not tell, the archive's tag does."""
        return self.patch.startswith(b"mx@c")

    def patcher(self) -> Json:
        """The patcher as JSON; raises `ContainerError` when it is locked or broken."""
        if self.encrypted:
            raise ContainerError("The device is encrypted by its maker, so its patcher cannot be read.")
        text = self.patch[_ARCHIVE.size :] if self.frozen else self.patch
        try:
            # raw_decode, since some versions of Max append other bytes after the JSON.
            value, _ = json.JSONDecoder().raw_decode(text.decode("utf-8", errors="replace"))
        except ValueError as error:
            raise ContainerError(f"The patcher in the device is not JSON: {error}.") from error
        if not isinstance(value, dict) or "patcher" not in value:
            raise ContainerError("The JSON in the device holds no patcher.")
        return cast(Json, value)

    def files(self) -> tuple[Entry, ...]:
        """The directory of a frozen device, the device itself first; empty when it is not frozen."""
        return _directory(self.patch) if self.frozen else ()

    def _payload(self, tag: bytes) -> bytes:
        for chunk in self.chunks:
            if chunk.tag == tag:
                return chunk.payload
        raise ContainerError(f"The device has no {tag.decode()!r} chunk.")


def read(data: bytes) -> Device:
    """Parse a device; raises `ContainerError` where a length does not add up."""
    if not data.startswith(b"ampf"):
        raise ContainerError(f"A device begins with 'ampf', this file with {data[:4]!r}.")
    chunks, position = [], 0
    while position < len(data):
        if position + _HEADER.size > len(data):
            raise ContainerError(f"The file ends inside a chunk's header, at byte {position}.")
        tag, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        if position + length > len(data):
            raise ContainerError(
                f"The chunk {tag!r} says {length} bytes, but only {len(data) - position} are left in the file."
            )
        chunks.append(Chunk(tag, data[position : position + length]))
        position += length
    return Device(tuple(chunks))


def write(device: Device) -> bytes:
    """Return the file; `write(read(data)) == data`."""
    return b"".join(_HEADER.pack(chunk.tag, len(chunk.payload)) + chunk.payload for chunk in device.chunks)


def pack(patcher: Mapping[str, object], device_type: DeviceType) -> bytes:
    """Return an unfrozen device around `{"patcher": ...}`: the same patcher gives the same bytes."""
    text = json.dumps(patcher, indent=1, ensure_ascii=True) + "\n\0"
    return write(
        Device(
            (
                Chunk(b"ampf", TYPE_CODES[device_type]),
                Chunk(b"meta", struct.pack("<I", UNFROZEN)),
                Chunk(b"ptch", text.encode("ascii")),
            )
        )
    )


def type_number(device_type: DeviceType) -> int:
    """The device type as `project.amxdtype` has it: its code as a big-endian number."""
    return int.from_bytes(TYPE_CODES[device_type], "big")


def _directory(archive: bytes) -> tuple[Entry, ...]:
    _, _, start = _ARCHIVE.unpack_from(archive)
    if archive[start : start + 4] != b"dlst":
        raise ContainerError(f"The frozen device has no directory at byte {start}.")
    (length,) = struct.unpack_from(">I", archive, start + 4)
    entries, position = [], start + 8
    while position + 8 <= start + length:
        tag, size = struct.unpack_from(">4sI", archive, position)
        if tag != b"dire" or size < 8:
            raise ContainerError(f"The frozen device's directory is broken at byte {position}.")
        entries.append(_entry(archive[position + 8 : position + size]))
        position += size
    return tuple(entries)


def _entry(record: bytes) -> Entry:
    fields: dict[bytes, bytes] = {}
    position = 0
    while position + 8 <= len(record):
        tag, size = struct.unpack_from(">4sI", record, position)
        if size < 8:
            raise ContainerError("The frozen device's directory has a field without a length.")
        fields[tag] = record[position + 8 : position + size]
        position += size
    numbers = {tag: int.from_bytes(fields.get(tag, b""), "big") for tag in (b"of32", b"sz32", b"flag")}
    return Entry(
        name=fields.get(b"fnam", b"").split(b"\0", 1)[0].decode("utf-8", errors="replace"),
        kind=fields.get(b"type", b"").decode("ascii", errors="replace").strip(),
        offset=numbers[b"of32"],
        size=numbers[b"sz32"],
        flag=numbers[b"flag"],
    )

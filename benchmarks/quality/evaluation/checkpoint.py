"""Weights out of a TensorFlow checkpoint, without TensorFlow.

A checkpoint is a data file and an index: an SSTable (LevelDB's table format, blocks of prefix-compressed keys)
that maps names to `BundleEntryProto` messages with type, shape, offset and size. Only float32 and one shard are read.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES, _TRAILER_BYTES = 48, 5
_FLOAT = 1


def read_checkpoint(folder: Path, name: str = "") -> dict[str, NDArray[np.float32]]:
    """Return every float32 tensor by name, out of `name`.index and `name`.data-00000-of-00001 in `folder`."""
    index = (folder / f"{name}.index").read_bytes()
    data = (folder / f"{name}.data-00000-of-00001").read_bytes()
    tensors = {}
    for name, message in _entries(index):
        fields = _fields(message)
        if name and fields.get(1) == [_FLOAT]:
            shape = [_fields(size).get(1, [0])[0] for size in _fields(fields.get(2, [b""])[0]).get(2, [])]
            start, size = fields.get(4, [0])[0], fields[5][0]
            tensors[name.decode()] = np.frombuffer(data[start : start + size], "<f4").reshape(shape)
    return tensors


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of all data blocks of an SSTable."""
    if struct.unpack("<Q", table[-8:])[0] != _MAGIC:
        raise ValueError("this is not the index of a TensorFlow checkpoint")
    footer = table[-_FOOTER_BYTES:]
    _, after_offset = _varint(footer, 0)  # the handle of the meta index comes first
    _, at = _varint(footer, after_offset)
    for _, handle in _block(table, *_handle(footer, at)):
        yield from _block(table, *_handle(handle, 0))


def _handle(data: bytes, at: int) -> tuple[int, int]:
    offset, at = _varint(data, at)
    size, _ = _varint(data, at)
    return offset, size


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if table[offset + size]:
        raise ValueError("this checkpoint's index is compressed")
    block = table[offset : offset + size]
    restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length


def _fields(message: bytes) -> dict[int, list]:
    """Return the fields of a protocol buffer: numbers, and bytes where the wire type is a length."""
    found: dict[int, list] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind == 2:
            size, at = _varint(message, at)
            value, at = message[at : at + size], at + size
        else:
            width = {1: 8, 5: 4}[kind]
            value, at = message[at : at + width], at + width
        found.setdefault(number, []).append(value)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7

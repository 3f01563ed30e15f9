"""Messages between the engine and its worker: length-prefixed msgpack over the child's pipes.

A worker's standard input carries orders, its standard output carries reports; whatever a library prints
goes to standard error instead. When the engine dies the input ends, and the worker with it.
"""

import struct
from typing import BinaryIO

import msgspec

from ...errors import BadRequestError
from ...events import Event
from ...request import LoopRequest
from .. import wire
from ..messages import EngineState

_LENGTH = struct.Struct("<I")


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    """Common form of what goes down the pipe."""


class Run(_Order, frozen=True, tag="run"):
    """Make this request, from a saved state if there is one."""

    request: LoopRequest
    resume: bytes | None = None


class Stop(_Order, frozen=True, tag="stop"):
    """Stop a request between two steps; with `keep` its best take is finished and sent first."""

    request_id: str
    keep: bool = False


Order = Run | Stop


class EventReport(_Order, frozen=True, tag="said"):
    """An event of the running request."""

    event: Event


class Saved(_Order, frozen=True, tag="saved"):
    """The optimiser's state, from which the request can be resumed."""

    request_id: str
    state: bytes


class Ended(_Order, frozen=True, tag="ended"):
    """The request is over in this worker; it can take another one."""

    request_id: str


class WorkerStatus(_Order, frozen=True, tag="standing"):
    """What the worker is doing, sent at least once a second: without it the worker counts as hanging."""

    state: EngineState
    fraction: float = -1.0
    sentence: str = ""
    model: str = ""
    memory_bytes: int = 0


Report = EventReport | Saved | Ended | WorkerStatus


def encoded(message: Order | Report) -> bytes:
    """Return one message as it goes through the pipe."""
    data = wire.encode(message)
    return _LENGTH.pack(len(data)) + data


def write(pipe: BinaryIO, message: Order | Report) -> None:
    """Write one message; raises `OSError` when the other side is gone."""
    pipe.write(encoded(message))
    pipe.flush()


def read_order(pipe: BinaryIO) -> Order | None:
    """Read the next order, or None at the end."""
    data = _read(pipe)
    return None if data is None else wire.decode(data, Order)  # type: ignore[arg-type]  # a union of tagged structs


def decode_report(data: bytes) -> Report:
    """Return the report that `data` holds."""
    return wire.decode(data, Report)  # type: ignore[arg-type]  # a union of tagged structs


def read_report(pipe: BinaryIO) -> Report | None:
    """Read the next report, or None at the end."""
    data = _read(pipe)
    return None if data is None else decode_report(data)


def _read(pipe: BinaryIO) -> bytes | None:
    """Read a whole message; a torn one, as a killed process leaves it, counts as the end."""
    head = _exactly(pipe, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > 2 * wire.MAX_MESSAGE_BYTES:
        raise BadRequestError(f"A message of {length:,} bytes between engine and worker is not one of ours.")
    return _exactly(pipe, length)


def _exactly(pipe: BinaryIO, count: int) -> bytes | None:
    parts = []
    while count:
        part = pipe.read(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

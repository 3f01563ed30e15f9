"""Requests and events to and from bytes: msgpack, validated into the same types, versioned.

Pure functions. Anything that is not exactly one of our types raises `BadRequestError`; nothing is
ever unpickled. Fractions travel as text ("3/2"), so that musical time stays exact.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from midi.files.names import whole_letters
from midi.tempo import exact

from ..errors import BadInputError, BadRequestError
from ..events import Event
from ..request import LoopRequest

PROTOCOL_VERSION = 2
MAX_MESSAGE_BYTES = 256 * 2**20  # all frames together: a take as long as a request may ask for fits
MAX_REQUEST_BYTES = 128 * 2**20  # of a client's message, with the audio that its controls follow

T = TypeVar("T")
_OTHER_VERSION = "Install the same version of Ditto Live on both sides."


def _to_plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place on the wire")


def _from_plain(kind: type, value: Any) -> Any:
    if kind is object:  # the values of a take's record, which are what msgpack has
        return value
    if kind is not Fraction:
        raise TypeError(f"{kind.__name__} has no place on the wire")
    if isinstance(value, str) and len(value) > 64:
        raise ValueError("a fraction has at most 64 characters")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a fraction is a text such as 3/2")
    return exact(value)  # not Fraction: that would write out every digit of 1e999999999


def encode(value: object) -> bytes:
    """Return `value` (a request, an event or any of our types) as msgpack."""
    return _encoded(msgspec.msgpack.encode, value)


def decode(data: bytes | memoryview, kind: type[T]) -> T:
    """Return the `kind` that `data` holds, validated; raise `BadRequestError` for anything else."""
    return _decoded(msgspec.msgpack.decode, data, kind, "The message")


def decode_request(data: bytes) -> LoopRequest:
    """Return the request that `data` holds."""
    return decode(data, LoopRequest)


def decode_event(data: bytes) -> Event:
    """Return the event that `data` holds."""
    return decode(data, Event)  # type: ignore[arg-type]  # a union of tagged structs


def to_json(value: object) -> bytes:
    """Return `value` as JSON, for sidecars and logs (bytes as base64)."""
    return _encoded(msgspec.json.encode, value)


def from_json(data: bytes, kind: type[T]) -> T:
    """Return the `kind` that the JSON text holds, validated."""
    return _decoded(msgspec.json.decode, data, kind, "The text")


def _encoded(encoder: Callable[..., bytes], value: object) -> bytes:
    """Return `value` encoded; half a letter, as in the name of a file that is not UTF-8, goes as U+FFFD."""
    try:
        return encoder(value, enc_hook=_to_plain)
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(value, enc_hook=_to_plain, builtin_types=(bytes, bytearray, memoryview))
        return encoder(_whole(plain))


def _whole(plain: Any) -> Any:
    match plain:
        case str():
            return whole_letters(plain)
        case dict():
            return {_whole(name): _whole(value) for name, value in plain.items()}
        case list() | tuple():
            return [_whole(value) for value in plain]
        case _:
            return plain


def _decoded(decoder: Callable[..., T], data: bytes | memoryview, kind: type[T], form: str) -> T:
    try:
        return decoder(data, type=kind, dec_hook=_from_plain)
    except BadInputError as error:  # a number in it that musical time cannot hold
        raise BadRequestError(error.sentence, remedy=error.remedy) from error
    except (msgspec.DecodeError, ValueError, TypeError, ZeroDivisionError, OverflowError, RecursionError) as error:
        name = getattr(kind, "__name__", "message")
        other = form == "The message" and "field" in str(error)  # one that is not known, or is not there
        remedy = _OTHER_VERSION if other else BadRequestError.remedy
        raise BadRequestError(f"{form} is not a valid {name}: {error}.", remedy=remedy) from error

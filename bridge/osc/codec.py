"""Datagrams to checked messages and back; pure, and the table in `addresses` says what is allowed.

python-osc parses and builds; the checks and the dispatch are ours, since its own drops in silence what it
does not know, skips unknown types without their bytes, and sleeps on time tags. Bundles are opened at once,
whatever their time tag says.
"""

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, unquote

from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing import osc_types

from engine.errors import DittoError

from .addresses import BY_PATH, MAX_DATAGRAM_BYTES, Address, Argument

Value = str | int | float

MAX_BUNDLE_DEPTH = 4
MAX_BUNDLE_MESSAGES = 1_000
_BUNDLE = b"#bundle\0"
# encodeURIComponent's and, for people's sake, characters that are harmless in a sentence or a path.
_PLAIN = " !\"#$&'()*+,-./:;<=>?@[]^_`{|}~\\"
_CUTTABLE = frozenset({"sentence", "remedy", "note", "notes"})
_ID_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class OscError(DittoError):
    """A datagram or one of its arguments is not what the table says; `message` is what was read of it, unchecked."""

    code = "bad_message"
    remedy = "See docs/osc.md for what this address takes."
    message: "OscMessage | None" = None


@dataclass(frozen=True, slots=True)
class OscMessage:
    """A message as the table has it: `values` of the fixed arguments, `groups` of the repeated ones, the `last`."""

    path: str
    values: tuple[Value, ...] = ()
    groups: tuple[tuple[Value, ...], ...] = ()
    last: Value = ""  # empty where it was left out


def decode(datagram: bytes, sender: str = "device") -> list[OscMessage]:
    """Return the messages of a datagram that `sender` may send; raise `OscError` if any is wrong."""
    found = []
    for path, arguments in _messages(datagram):
        try:
            found.append(_checked(path, arguments, sender))
        except OscError as error:
            error.message = OscMessage(path, tuple(arguments))
            raise
    return found


def encode(path: str, values: Sequence[Value] = (), groups: Sequence[Sequence[Value]] = (), last: Value = "") -> bytes:
    """Return the datagram of a message, at most 4,000 bytes; raise `OscError` where the table forbids it."""
    address = _known(path)
    builder = OscMessageBuilder(path)
    for argument, value in _paired(address, values, groups, last):
        builder.add_arg(_out(address, argument, value), argument.tag)
    datagram = bytes(builder.build().dgram)
    if len(datagram) > MAX_DATAGRAM_BYTES:
        raise OscError(f"{path} would take {len(datagram):,} bytes; {MAX_DATAGRAM_BYTES:,} is the most.")
    return datagram


def _paired(
    address: Address, values: Sequence[Value], groups: Sequence[Sequence[Value]], last: Value
) -> Iterator[tuple[Argument, Value]]:
    if len(values) != len(address.arguments) or any(len(group) != len(address.repeat) for group in groups):
        raise OscError(f"{address.path} takes {address.tags}, not {len(values)} values and {len(groups)} groups.")
    yield from zip(address.arguments, values, strict=True)
    for group in groups:
        yield from zip(address.repeat, group, strict=True)
    if last != "":
        if address.last is None:
            raise OscError(f"{address.path} takes {address.tags} and nothing after it.")
        yield address.last, last


def _out(address: Address, argument: Argument, value: Value) -> Value:
    """Return a value as it is sent: text in ASCII; a sentence that is too long for a datagram is cut."""
    if argument.tag != "s":
        return _check(address, argument, value)
    text, limit = str(value), int(argument.high or 0)
    sent = quote(text, safe=_PLAIN)
    while argument.name in _CUTTABLE and len(sent) > limit:
        text = text[: min(len(text) - 1, limit)]
        sent = quote(text, safe=_PLAIN)
    _check(address, argument, text)
    return sent


def _messages(datagram: bytes, depth: int = 0) -> Iterator[tuple[str, list[Value]]]:
    """Yield the messages of a datagram or, depth first, of a bundle."""
    if len(datagram) % 4 or len(datagram) < 4:
        raise OscError(f"A datagram of {len(datagram)} bytes is not OSC: sizes are multiples of 4.")
    if datagram.startswith(_BUNDLE):
        if depth >= MAX_BUNDLE_DEPTH:
            raise OscError(f"Bundles may be {MAX_BUNDLE_DEPTH} deep.")
        for count, element in enumerate(_elements(datagram)):
            if count >= MAX_BUNDLE_MESSAGES:
                raise OscError(f"A bundle may hold {MAX_BUNDLE_MESSAGES:,} messages.")
            yield from _messages(element, depth + 1)
    else:
        yield _message(datagram)


def _elements(bundle: bytes) -> Iterator[bytes]:
    position = 16  # after the name and the time tag, which is not waited for
    if len(bundle) < position:
        raise OscError("A bundle without its time tag is not OSC.")
    while position < len(bundle):
        (size,) = struct.unpack_from(">i", bundle, position)
        position += 4
        if not 0 < size <= len(bundle) - position:
            raise OscError("A bundle's element is longer than the bundle.")
        yield bundle[position : position + size]
        position += size


def _message(data: bytes) -> tuple[str, list[Value]]:
    """Read one message by python-osc's typed readers; T and F are 1 and 0.

    One with a type that is not used here is read to its end and then refused, so that the answer finds its sender.
    """
    path, unused = "", ""
    values: list[Value] = []
    try:
        path, index = osc_types.get_string(data, 0)
        tags, index = osc_types.get_string(data, index) if index < len(data) else (",", index)
        for tag in tags[1:]:
            unused = unused or (tag if tag not in _READERS else "")
            value, index = (_READERS.get(tag) or _PASSED_OVER[tag])(data, index)
            values.append(value)
        if not tags.startswith(",") or index != len(data):
            raise OscError("The datagram's type tags and its length do not agree.")
        if unused:
            raise _unused(unused)
    except KeyError as error:  # nobody knows how long that is
        raise _about(path, values, _unused(unused)) from error
    except (osc_types.ParseError, UnicodeDecodeError, struct.error, IndexError) as error:
        reason = f"The datagram is cut short or is not OSC: {str(error)[:100]}."
        raise _about(path, values, OscError(reason)) from error
    except OscError as error:
        raise _about(path, values, error) from None
    return path, values


def _unused(tag: str) -> OscError:
    return OscError(
        f"The type {tag!r} is not used here; i, f, s, h, d, T and F are.",
        remedy="Send each number as i or f, each text as s, and no arrays.",
    )


def _about(path: str, values: list[Value], error: OscError) -> OscError:
    """Return an error with what was read of its message."""
    error.message = OscMessage(path, tuple(values))
    return error


def _after(size_bytes: int, data: bytes, index: int) -> tuple[Value, int]:
    """Pass over an argument of so many bytes, filled up to a multiple of 4; raises `IndexError` for one cut short."""
    end = index + (size_bytes + 3) // 4 * 4
    if size_bytes < 0 or end > len(data):
        raise IndexError("an argument ends behind the datagram")
    return "", end


def _after_blob(data: bytes, index: int) -> tuple[Value, int]:
    size_bytes, start = osc_types.get_int(data, index)
    return _after(size_bytes, data, start)


_Reader = Callable[[bytes, int], tuple[Value, int]]  # from a datagram and a position: the value, and where it ends
_READERS: dict[str, _Reader] = {
    "i": osc_types.get_int,
    "f": osc_types.get_float,
    "s": osc_types.get_string,
    "h": osc_types.get_int64,
    "d": osc_types.get_double,
    "T": lambda _, index: (1, index),  # no bytes: the tag is the value
    "F": lambda _, index: (0, index),
}
_PASSED_OVER: dict[str, _Reader] = {
    "b": _after_blob,
    "S": osc_types.get_string,
    **dict.fromkeys("crm", partial(_after, 4)),  # a character, a colour, a MIDI message
    "t": partial(_after, 8),  # a time tag
    **dict.fromkeys("NI[]", partial(_after, 0)),  # nil, infinity, an array's ends
}


def _known(path: str) -> Address:
    address = BY_PATH.get(path)
    if address is None:
        raise OscError(f"The address {path[:60]!r} is not known.")
    return address


def _checked(path: str, arguments: list[Value], sender: str) -> OscMessage:
    address = _known(path)
    if address.sender != sender:
        raise OscError(f"{path} is what the {address.sender} sends.")
    fixed = len(address.arguments)
    width = len(address.repeat)
    groups_count, extra = divmod(len(arguments) - fixed, width) if width else (0, len(arguments) - fixed)
    if len(arguments) < fixed or extra > (address.last is not None):
        raise OscError(f"{path} takes {address.tags}; {len(arguments)} arguments came.")
    values = [_in(address, a, v) for a, v in zip(address.arguments, arguments[:fixed], strict=True)]
    end = fixed + groups_count * width
    groups = [
        tuple(_in(address, a, v) for a, v in zip(address.repeat, arguments[i : i + width], strict=True))
        for i in range(fixed, end, width or 1)
    ]
    last = _in(address, address.last, arguments[end]) if extra and address.last is not None else ""
    return OscMessage(path, tuple(values), tuple(groups), last)


def _in(address: Address, argument: Argument, value: Value) -> Value:
    """Return a value of the argument's own type: Max and Pure Data send a float where a whole number is meant."""
    if argument.tag == "s":
        value = unquote(value) if isinstance(value, str) else number_text(value)
    elif isinstance(value, str):
        raise OscError(f"{address.path}: {argument.name} is text, where a number is expected.")
    elif not math.isfinite(value):
        raise OscError(f"{address.path}: {argument.name} is {value}, not a number.")
    elif argument.tag == "i":
        if value != int(value):
            raise OscError(f"{address.path}: {argument.name} is {value:g}; a whole number is expected.")
        value = int(value)
    else:
        value = float(value)
    return _check(address, argument, value)


def number_text(value: float) -> str:
    """Return a number as a person would write it: a float of 24 bits in the 7 digits that mean it, others in full."""
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return f"{value:.7g}" if _is_short(value) else f"{value:.15g}"


def _is_short(value: float) -> bool:
    """Return whether a float has been, or could have been, of 32 bits."""
    try:
        return not math.isfinite(value) or struct.unpack(">f", struct.pack(">f", value))[0] == value
    except OverflowError:  # above what 32 bits hold
        return False


def is_id(text: str) -> bool:
    """Return whether a text has only the characters that ids and nonces have."""
    return _ID_LETTERS.issuperset(text)


def _check(address: Address, argument: Argument, value: Value) -> Value:
    if argument.words and value not in argument.words:
        allowed = ", ".join(argument.words)
        raise OscError(f"{address.path}: {argument.name} is {str(value)[:40]!r}; {allowed} are allowed.")
    size = len(value) if isinstance(value, str) else value
    low = -math.inf if argument.low is None else argument.low
    high = math.inf if argument.high is None else argument.high
    if not low <= size <= high:
        what = f"has {size} characters" if isinstance(value, str) else f"is {size:g}"
        raise OscError(f"{address.path}: {argument.name} {what}; {low:g} to {high:g} is allowed.")
    if isinstance(value, str) and argument.unit.startswith("letters") and not is_id(value):
        raise OscError(f"{address.path}: {argument.name} may have letters, digits, - and _ only.")
    if isinstance(value, str) and "\0" in value:
        raise OscError(f"{address.path}: {argument.name} holds a zero character.")
    return value

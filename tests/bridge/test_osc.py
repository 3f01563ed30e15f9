"""Datagrams: what goes in comes out, and nothing but our own error ever leaves the codec."""

import contextlib
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.osc.addresses import ADDRESSES, BY_PATH, MAX_DATAGRAM_BYTES, Address, Argument
from bridge.osc.codec import OscError, OscMessage, decode, encode

# liblo's `oscsend 127.0.0.1 47111 /ditto/hello issi 1 desk n1 9000`, taken from the wire.
LIBLO_HELLO = bytes.fromhex(
    "2f646974746f2f68656c6c6f00000000"  # /ditto/hello, padded
    "2c6973736900000000000001"  # ,issi  1
    "6465736b000000006e310000"  # desk  n1
    "00002328"  # 9000
)


def _value(argument: Argument) -> st.SearchStrategy[object]:
    if argument.words:
        return st.sampled_from(argument.words)
    low, high = argument.low or 0, argument.high
    if argument.tag == "i":
        return st.integers(int(low), int(high if high is not None else 2**31 - 1))
    if argument.tag == "f":
        return st.floats(low, 1e6 if high is None else high, width=32, allow_subnormal=False)
    letters = "abcXYZ019_-" if argument.unit.startswith("letters") else 'aé日 %#/\\\n"9'
    return st.text(letters, min_size=int(low), max_size=min(int(high or 1), 12))


@st.composite
def messages(draw: st.DrawFn) -> tuple[Address, OscMessage]:
    address = draw(st.sampled_from(ADDRESSES))
    values = tuple(draw(_value(argument)) for argument in address.arguments)
    count = draw(st.integers(0, 4)) if address.repeat else 0
    groups = tuple(tuple(draw(_value(a)) for a in address.repeat) for _ in range(count))
    return address, OscMessage(address.path, values, groups)


@given(messages())
def test_what_is_encoded_is_decoded(drawn: tuple[Address, OscMessage]) -> None:
    """Every message of the table survives the way through a datagram, whatever its text."""
    address, message = drawn
    assert decode(encode(message.path, message.values, message.groups), address.sender) == [message]


@given(messages())
def test_datagrams_are_ascii_and_small(drawn: tuple[Address, OscMessage]) -> None:
    """Text is percent-encoded, and a datagram fits into what Max takes."""
    _, message = drawn
    datagram = encode(message.path, message.values, message.groups)
    assert len(datagram) <= MAX_DATAGRAM_BYTES
    assert len(datagram) % 4 == 0


def test_liblo_is_understood() -> None:
    """The bytes that liblo's oscsend puts on the wire mean what they should."""
    assert decode(LIBLO_HELLO) == [OscMessage("/ditto/hello", (1, "desk", "n1", 9000))]
    assert encode("/ditto/hello", (1, "desk", "n1", 9000)) == LIBLO_HELLO


def _raw(path: str, *arguments: tuple[str, object]) -> bytes:
    builder = OscMessageBuilder(path)
    for tag, value in arguments:
        builder.add_arg(value, tag)
    return bytes(builder.build().dgram)


def test_floats_without_fraction_are_whole_numbers() -> None:
    """Pure Data sends every number as a float; so a port of 9000.0 is 9000."""
    datagram = _raw("/ditto/hello", ("f", 1.0), ("s", "pd"), ("s", "n1"), ("f", 9000.0))
    assert decode(datagram)[0].values == (1, "pd", "n1", 9000)


def test_a_number_will_do_for_text() -> None:
    """Max turns `4` into a number; as the value of a setting it is the text 4, and 133.37 stays 133.37."""
    datagram = _raw("/ditto/loop/set", ("s", "r1"), ("s", "tempo_bpm"), ("f", 133.37))
    assert decode(datagram)[0].values == ("r1", "tempo_bpm", "133.37")


def test_utf8_is_understood_as_it_is() -> None:
    """A client that sends plain UTF-8 means what it sends."""
    datagram = _raw("/ditto/loop/set", ("s", "r1"), ("s", "prompt"), ("s", "Müsli 日本 100 % house"))
    assert decode(datagram)[0].values[2] == "Müsli 日本 100 % house"


def test_a_time_tag_is_not_waited_for() -> None:
    """A bundle for tomorrow is opened now: sleeping in the receiver would stop everyone."""
    bundle = OscBundleBuilder(time.time() + 86_400)
    message = OscMessageBuilder("/ditto/bye")
    message.add_arg("n1", "s")
    bundle.add_content(message.build())
    started = time.monotonic()
    assert decode(bytes(bundle.build().dgram)) == [OscMessage("/ditto/bye", ("n1",))]
    assert time.monotonic() - started < 5


def _nested(depth: int) -> bytes:
    inner = LIBLO_HELLO
    for _ in range(depth):
        inner = b"#bundle\0" + bytes(8) + struct.pack(">i", len(inner)) + inner
    return inner


@pytest.mark.parametrize(
    ("datagram", "words"),
    [
        (b"", "multiples of 4"),
        (b"/di", "multiples of 4"),
        (b"#bundle\0", "time tag"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", 1 << 30) + b"/abc", "longer than the bundle"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", -4) + b"/abc", "longer than the bundle"),
        (_nested(5), "deep"),
        (_raw("/ditto/nothing"), "not known"),
        (_raw("/ditto/welcome"), "bridge sends"),
        (_raw("/ditto/bye", ("s", "n1"), ("s", "n2")), "takes s"),
        (_raw("/ditto/bye", ("s", "../x")), "letters"),
        (_raw("/ditto/bye", ("s", "")), "1 to 64"),
        (_raw("/ditto/bye", ("h", 2**40)), "type 'h'"),
        (_raw("/ditto/bye", ("b", b"abc")), "type 'b'"),
        (_raw("/ditto/hello", ("i", 1), ("s", "a"), ("s", "b"), ("i", 70_000)), "65535"),
        (_raw("/ditto/hello", ("i", 1), ("s", "a"), ("s", "b"), ("f", 1.5)), "whole number"),
        (_raw("/ditto/hello", ("i", 1), ("s", "a"), ("s", "b"), ("f", float("nan"))), "not a number"),
        (_raw("/ditto/hello", ("i", 1), ("s", "a"), ("s", "b"), ("s", "x")), "text"),
        (LIBLO_HELLO[:-4], "cut short"),
        (LIBLO_HELLO + bytes(4), "do not agree"),
        (b"/ditto/bye\0\0,xs\0" + bytes(8), "type 'x'"),
    ],
)
def test_what_is_wrong_is_said(datagram: bytes, words: str) -> None:
    """Whatever is not ours is refused in a sentence that says what."""
    with pytest.raises(OscError, match=r".+\.") as refusal:
        decode(datagram)
    assert words in refusal.value.sentence


@settings(max_examples=400)
@given(st.binary(max_size=200))
def test_noise_raises_only_our_error(data: bytes) -> None:
    """Random bytes are refused, never more."""
    _decode_quietly(data)


@settings(max_examples=400)
@given(messages(), st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 255)), max_size=6), st.integers(0, 4_000))
def test_mutated_messages_raise_only_our_error(
    drawn: tuple[Address, OscMessage], changes: list[tuple[int, int]], cut: int
) -> None:
    """A valid datagram with some bytes changed, and cut short, is read or refused."""
    _, message = drawn
    data = bytearray(encode(message.path, message.values, message.groups))
    for place, value in changes:
        data[place % len(data)] = value
    _decode_quietly(bytes(data[: cut % (len(data) + 4)]))


def _decode_quietly(data: bytes) -> None:
    """Decode, and let only our own error pass."""
    with contextlib.suppress(OscError):
        assert all(message.path in BY_PATH for message in decode(data))


def test_too_long_for_max_is_refused() -> None:
    """A datagram over 4,000 bytes is never built."""
    with pytest.raises(OscError, match="4,000"):
        encode("/ditto/loop/curve", ("r1", "intensity", "db", 0, 1), [(0.0, 1.0)] * 500)


def test_a_long_sentence_is_cut_to_fit() -> None:
    """What goes to a device fits however long it is, in Japanese too."""
    datagram = encode("/ditto/error", ("r1", "code", "長い" * 900, "x" * 5_000))
    (message,) = decode(datagram, "bridge")
    assert str(message.values[2]).startswith("長い")

"""Datagrams: what goes in comes out, and nothing but our own error ever leaves the codec."""

import contextlib
import re
import struct
import time
from typing import Any
from urllib.parse import quote

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


# liblo's `oscsend 127.0.0.1 47111 /ditto/hello hsTd 1 desk 9000`, byte for byte: 64-bit numbers, and T without bytes.
WIDE_HELLO = b"/ditto/hello\0\0\0\0,hsTd\0\0\0" + struct.pack(">q8sd", 1, b"desk", 9000.0)


def test_wide_numbers_and_truth_values_will_do_for_numbers() -> None:
    """Trial 26: h and d are numbers as i and f are, T and F are 1 and 0, wherever they stand."""
    assert decode(WIDE_HELLO) == [OscMessage("/ditto/hello", (1, "desk", "1", 9000))]
    for tag, value, on in (("T", True, 1), ("F", False, 0), ("h", 1, 1), ("d", 0.0, 0)):
        assert decode(_raw("/ditto/take/favourite", ("s", "t1"), (tag, value)))[0].values == ("t1", on)
    curve = _raw(
        "/ditto/loop/curve", *zip("sssTh", ("r1", "intensity", "unit", True, 2), strict=True), ("h", 4), ("d", 0.1)
    )
    assert decode(curve) == [OscMessage("/ditto/loop/curve", ("r1", "intensity", "unit", 1, 2), ((4.0, 0.1),))]


@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        ("h", 2**53 + 1, "9007199254740993"),
        ("d", 133.371234567, "133.371234567"),
        ("d", 0.1, "0.1"),
        ("d", 1e300, "1e+300"),
        ("d", 16_777_217.0, "16777217"),
        ("f", 16_777_216.0, "16777216"),
        ("f", 0.1, "0.1"),
        ("T", True, "1"),
        ("F", False, "0"),
    ],
)
def test_a_number_for_text_keeps_all_its_digits(tag: str, value: object, text: str) -> None:
    """A seed as h, or a tempo as d, is the text that a person would write, with nothing rounded off."""
    assert decode(_raw("/ditto/loop/set", ("s", "r1"), ("s", "seed"), (tag, value)))[0].values[2] == text


@given(messages(), st.data())
def test_any_spelling_of_a_number_is_the_same_message(drawn: tuple[Address, OscMessage], data: st.DataObject) -> None:
    """Whole numbers as i, h, f, d, T or F, and others as f or d, mean one message."""
    address, message = drawn
    spelt = [pair for row in (message.values, *message.groups) for pair in enumerate(row)]
    arguments = [*address.arguments, *(address.repeat * len(message.groups))]
    pairs = [(argument, value) for argument, (_, value) in zip(arguments, spelt, strict=True)]
    typed = [(data.draw(st.sampled_from(_spellings(argument, value))), value) for argument, value in pairs]
    raw = _raw(address.path, *((tag, _put(tag, value)) for tag, value in typed))
    assert decode(raw, address.sender) == [message]


def _put(tag: str, value: Any) -> object:
    """Return a value as a client would hand it over."""
    return quote(value) if tag == "s" else int(value) if tag in "ih" else value


def _spellings(argument: Argument, value: Any) -> tuple[str, ...]:
    """Return the type tags that can carry a value without loss."""
    if argument.tag == "s":
        return ("s",)
    if value != int(value):
        return ("f", "d")
    wide = ("h", "d") if abs(value) < 2**53 else ("d",)
    short = ("f",) if abs(value) <= 2**24 or argument.tag == "f" else ()
    small = ("i",) if abs(value) < 2**31 else ()
    truth = {0: ("F",), 1: ("T",)}.get(value, ())
    return (*wide, *short, *small, *truth)


def test_notes_that_do_not_sound_refuse_no_datagram() -> None:
    """Trial 26: a note of velocity 0, or a little before the loop, arrives with its neighbours."""
    rows = [(60, -0.25, 1.0, 0), (62, -0.0625, 1.0, 100), (64, 1.0, 0.5, 90)]
    datagram = encode("/ditto/loop/notes", ("r1", "melody", 0, 1), rows)
    assert decode(datagram)[0].groups == tuple(rows)
    with pytest.raises(OscError, match=r"-0\.25 to 6400"):
        encode("/ditto/loop/notes", ("r1", "melody", 0, 1), [(60, -1.0, 1.0, 100)])


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
        (_raw("/ditto/bye", ("N", None)), "type 'N'"),
        (b"/ditto/bye\0\0,S\0\0n1\0\0", "type 'S'"),
        (b"/ditto/bye\0\0,I\0\0", "type 'I'"),
        (_raw("/ditto/bye", (["s"], ["n1"])), "type '['"),
        (b"/ditto/bye\0\0,]s\0n1\0\0", "type ']'"),
        (_raw("/ditto/hello", ("h", 2**40), ("s", "a"), ("s", "b"), ("i", 9000)), "2.14748e+09"),
        (_raw("/ditto/hello", ("d", 1e300), ("s", "a"), ("s", "b"), ("i", 9000)), "1e+300"),
        (WIDE_HELLO[:-4], "cut short"),
        (_raw("/ditto/hello", ("T", True), ("s", "a"), ("s", "b"), ("d", 9000.5)), "whole number"),
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


@pytest.mark.parametrize(
    ("tags", "bytes_of"),
    [
        ("b", struct.pack(">i", 5) + b"12345\0\0\0"),
        ("b", struct.pack(">i", 0)),
        ("S", b"name\0\0\0\0"),
        ("N", b""),
        ("I", b""),
        ("t", bytes(8)),
        ("c", bytes(4)),
        ("r", bytes(4)),
        ("m", bytes(4)),
        ("[if]", bytes(8)),
        ("[[b]N]", struct.pack(">i", 2) + b"12\0\0"),
    ],
)
def test_what_stands_behind_a_type_that_is_not_used_is_read(tags: str, bytes_of: bytes) -> None:
    """It is refused by name, and whoever answers knows the request and the nonce."""
    head = b"/ditto/loop/set\0" + f",ss{tags}s".encode()
    head += bytes(4 - len(head) % 4)
    with pytest.raises(OscError, match=re.escape(f"type {tags[0]!r}")) as refused:
        decode(head + b"r1\0\0bars\0\0\0\0" + bytes_of + b"n1\0\0")
    assert refused.value.message is not None
    assert refused.value.message.path == "/ditto/loop/set"
    assert refused.value.message.values[:2] == ("r1", "bars")
    assert refused.value.message.values[-1] == "n1"


@pytest.mark.parametrize("size", [-8, -1, 5, 2**31 - 1])
def test_a_blob_that_is_longer_than_its_datagram_is_said(size: int) -> None:
    """What was read before it is known all the same."""
    datagram = b"/ditto/bye\0\0,sb\0n1\0\0" + struct.pack(">i", size) + bytes(4)
    with pytest.raises(OscError, match="cut short") as refused:
        decode(datagram)
    assert refused.value.message == OscMessage("/ditto/bye", ("n1",))


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

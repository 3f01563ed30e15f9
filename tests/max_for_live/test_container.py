"""The `.amxd` container: real devices come back byte for byte, and broken ones are refused in a sentence."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from max_for_live import container
from max_for_live.container import Chunk, Device
from max_for_live.errors import ContainerError
from max_for_live.install import COMMITTED

REAL = ("Test", "FrozenTest", "EncryptedTest", "WithGarbage")
tags = st.binary(min_size=4, max_size=4)
chunks = st.builds(Chunk, tags, st.binary(max_size=200))


@pytest.mark.parametrize("name", REAL)
def test_real_devices_come_back_byte_for_byte(shared, name):
    """Plain, frozen, encrypted and with garbage behind the JSON: reading and writing changes nothing."""
    data = (shared / "fixtures" / "ableton-maxdevtools" / f"{name}.amxd").read_bytes()
    assert container.write(container.read(data)) == data


def test_a_real_frozen_device_lists_its_files(shared):
    """The directory of a frozen device adds up: the device first, every file within the archive."""
    data = (shared / "fixtures" / "ableton-maxdevtools" / "FrozenTest.amxd").read_bytes()
    device = container.read(data)
    first, *others = device.files()
    assert (first.name, first.kind, first.offset, first.flag) == ("Test.amxd", "JSON", 16, 0x11)
    assert "my-maxnode-basic.js" in {entry.name for entry in others}
    position = first.offset
    for entry in device.files():
        assert entry.offset == position
        position += entry.size
    assert device.patch[position : position + 4] == b"dlst"


@pytest.mark.parametrize(("name", "kind"), [("Test", "midi_effect"), ("WithGarbage", "audio_effect")])
def test_real_patchers_are_read(shared, name, kind):
    """The patcher's own project says the same type as the container, also with garbage behind it."""
    device = container.read((shared / "fixtures" / "ableton-maxdevtools" / f"{name}.amxd").read_bytes())
    project = device.patcher()["patcher"]["project"]
    assert device.type == kind
    assert project["amxdtype"] == container.type_number(kind)


def test_an_encrypted_device_says_so(shared):
    """A locked device round-trips, but its patcher is refused in words."""
    device = container.read((shared / "fixtures" / "ableton-maxdevtools" / "EncryptedTest.amxd").read_bytes())
    assert device.encrypted
    with pytest.raises(ContainerError, match="encrypted by its maker"):
        device.patcher()


@given(st.lists(chunks, max_size=6))
def test_any_chunks_round_trip(rest):
    """Whatever chunks follow the first, writing and reading gives them back."""
    device = Device((Chunk(b"ampf", b"aaaa"), *rest))
    assert container.read(container.write(device)) == device


@given(st.data())
def test_a_shortened_file_never_passes(data):
    """A committed device that is cut anywhere is refused, or is whole chunks of it."""
    whole = COMMITTED.read_bytes()
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        device = container.read(whole[:cut])
    except ContainerError:
        return
    assert container.write(device) == whole[:cut]
    with pytest.raises(ContainerError):
        device.patcher()


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_what_is_packed_is_what_is_read(content):
    """A packed patcher is plain, unfrozen, ends in a NUL, and has the type that was asked for."""
    data = container.pack({"patcher": content}, "audio_effect")
    device = container.read(data)
    assert device.patcher() == {"patcher": content}
    assert (device.type, device.frozen, device.encrypted) == ("audio_effect", False, False)
    assert data[:24] == b"ampf\4\0\0\0aaaa" + b"meta\4\0\0\0" + struct.pack("<I", 1)
    assert data.endswith(b"\n\0")
    assert struct.unpack_from("<I", data, 28)[0] == len(data) - 32


def test_foreign_types_are_refused():
    """A device type that Live does not have, and a file that is no device, are named in the sentence."""
    with pytest.raises(ContainerError, match="'ampf'"):
        container.read(b"RIFF")
    with pytest.raises(ContainerError, match="zzzz"):
        _ = Device((Chunk(b"ampf", b"zzzz"),)).type
    with pytest.raises(ContainerError, match="is not JSON"):
        Device((Chunk(b"ampf", b"aaaa"), Chunk(b"ptch", b"no"))).patcher()

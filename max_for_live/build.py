"""Builds `Ditto Live.amxd`. The same sources give the same bytes, which CI compares with the committed file."""

from pathlib import Path

from . import container
from .checks import check
from .errors import DeviceCheckError
from .install import COMMITTED
from .patcher import DEVICE_TYPE, build


def device_bytes() -> bytes:
    """Return the device as a file; raises `DeviceCheckError` with every rule that it breaks."""
    data = container.pack(build().to_dict(), DEVICE_TYPE)
    wrong = check(data)
    if wrong:
        raise DeviceCheckError(" ".join(wrong))
    return data


def write_device(path: Path = COMMITTED) -> bool:
    """Write the device; returns whether the file changed."""
    data = device_bytes()
    if path.is_file() and path.read_bytes() == data:
        return False
    path.write_bytes(data)
    return True

"""The bridge's socket: everything that comes is handed on, and a device that has gone disturbs nobody."""

import asyncio
import socket

import pytest

from bridge.osc.datagrams import BATCH, Datagrams, bind
from engine.errors import EngineUnavailableError
from engine.settings import MAX_PORT


def test_all_that_came_is_handed_on_in_order() -> None:
    """Several batches at once, each datagram with where it came from; answers go back there."""

    async def story() -> None:
        heard: list[tuple[bytes, str, int]] = []
        datagrams = Datagrams(bind(0), lambda *found: heard.append(found))
        sent = [b"%d" % number for number in range(3 * BATCH)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.bind(("127.0.0.1", 0))
            device.setblocking(False)
            for data in sent:
                device.sendto(data, ("127.0.0.1", datagrams.port))
            async with asyncio.timeout(20):
                while len(heard) < len(sent):
                    await asyncio.sleep(0.001)
            own = device.getsockname()
            assert heard == [(data, *own) for data in sent]
            datagrams.send(b"answer", *own)
            assert await asyncio.get_running_loop().sock_recv(device, 100) == b"answer"
        datagrams.close()

    asyncio.run(story())


def test_a_device_that_has_gone_is_not_an_error() -> None:
    """Sending to a port that nobody has, too much at once, and after the end, is losing it."""

    async def story() -> None:
        heard: list[bytes] = []
        datagrams = Datagrams(bind(0), lambda data, _host, _port: heard.append(data))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            port = gone.getsockname()[1]
        for _ in range(3):
            datagrams.send(b"x", "127.0.0.1", port)
        datagrams.send(bytes(100_000), "127.0.0.1", port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.sendto(b"still there", ("127.0.0.1", datagrams.port))
            async with asyncio.timeout(20):
                while not heard:
                    await asyncio.sleep(0.001)
        datagrams.close()
        datagrams.close()
        datagrams.send(b"x", "127.0.0.1", port)

    asyncio.run(story())


def test_where_the_numbers_of_ports_end_none_after_them_is_tried() -> None:
    """The last port may be taken: that is said, and is no fault of the program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", MAX_PORT))
        with pytest.raises(EngineUnavailableError, match=f"ports {MAX_PORT} to {MAX_PORT} are all taken"):
            bind(MAX_PORT)

"""The bridge's UDP socket on the loop: all that has come is read in one go, and nothing waits to be sent.

asyncio's own transport reads one datagram a turn of the loop, which is dear when a request is twenty of them, and
it keeps what the system does not take at once; here that is lost, as on any network, and said again when asked.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable

from engine.errors import EngineUnavailableError
from engine.settings import ports_from

from .addresses import PORT_TRIES

RECEIVE_BUFFER_BYTES = 4 * 2**20  # a whole clip in chunks arrives faster than it is read
BATCH = 64  # datagrams handed over before the loop may do something else
_MAX_BYTES = 65_535

Receive = Callable[[bytes, str, int], None]


class Datagrams:
    """A bound socket whose datagrams go to `receive` with host and port. Methods run on the event loop's thread."""

    def __init__(self, bound: socket.socket, receive: Receive) -> None:
        self.port = int(bound.getsockname()[1])
        self._socket = bound
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound.fileno(), self._drain)

    def send(self, datagram: bytes, host: str, port: int) -> None:
        """Send, or lose it: the system's queue is full, or nobody is there."""
        with contextlib.suppress(OSError):
            self._socket.sendto(datagram, (host, port))

    def close(self) -> None:
        """Stop reading and let go of the port."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _drain(self) -> None:
        for _ in range(BATCH):
            try:
                data, (host, port) = self._socket.recvfrom(_MAX_BYTES)
            except BlockingIOError:
                return
            except OSError:  # on Windows: an earlier datagram met a device that has gone
                continue
            self._receive(data, host, port)


def bind(port: int) -> socket.socket:
    """Return a UDP socket on 127.0.0.1 at `port` or the next free one; 0 takes any.

    Raises `EngineUnavailableError` where `PORT_TRIES` ports are taken.
    """
    ports = ports_from(port, PORT_TRIES)
    for candidate in ports:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if sys.platform == "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.setblocking(False)
        try:
            bound.bind(("127.0.0.1", candidate))
            return bound
        except OSError:
            bound.close()
    raise EngineUnavailableError(
        f"The UDP ports {port} to {ports[-1]} are all taken.",
        remedy="End the program that holds them, or choose another with --port.",
    )

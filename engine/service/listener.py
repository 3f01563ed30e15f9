"""The engine's socket: bound to one port, guarded by keys, and opened anew to be rid of who should not be there."""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from ..errors import EngineUnavailableError
from ..settings import ports_from
from .access import Access
from .transport import Channel, Frames, tune
from .wire import MAX_REQUEST_BYTES

PORT_TRIES = 16  # a taken port is passed over for the next
_NO_ADDRESS = (errno.ENODEV, errno.EADDRNOTAVAIL, errno.EINVAL)
REOPEN_TRIES = 100
REOPEN_SECONDS = 0.02  # until the system has let go of the port


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where an engine listens: one address, for those whose keys are let in."""

    access: Access
    host: str = "127.0.0.1"
    port: int = 0


class Listener:
    """A ROUTER on one port. Threads: the loop's."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        listening: Listening,
        receive: Callable[[list[Frames]], object],
    ) -> None:
        self._context, self._listening, self._receive = context, listening, receive
        socket = self._socket()
        self.address = bind(socket, listening)
        self._channel = Channel(socket, receive)

    def send(self, frames: Frames) -> bool:
        """Send to a client; False when it is not there."""
        return self._channel.send(frames)

    def close(self) -> None:
        """Stop listening and hang up."""
        self._channel.close()

    async def reopen(self) -> None:
        """Hang up on all; whoever is still let in comes back by itself, and half messages are gone."""
        self._channel.close()
        for _ in range(REOPEN_TRIES):
            socket = self._socket()
            try:
                socket.bind(self.address)
            except zmq.ZMQError:
                socket.close(linger=0)
                await asyncio.sleep(REOPEN_SECONDS)
            else:
                self._channel = Channel(socket, self._receive)
                return
        raise EngineUnavailableError(f"The engine cannot listen on {self.address} again.")

    def _socket(self) -> "zmq.Socket[bytes]":
        socket = tune(self._context.socket(zmq.ROUTER))
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else what is sent to a client that has gone just vanishes
        self._listening.access.guard(socket)
        return socket


def bind(socket: "zmq.Socket[bytes]", listening: Listening) -> str:
    """Bind to the port, or the next free one; return the address that it is."""
    host = f"[{listening.host}]" if ":" in listening.host else listening.host
    reason, remedy = "there is no such port", "End the program that holds these ports, or choose another with --port."
    for port in ports_from(listening.port, PORT_TRIES):
        try:
            socket.bind(f"tcp://{host}:{port or '*'}")
            return str(socket.getsockopt_string(zmq.LAST_ENDPOINT))
        except zmq.ZMQError as error:
            reason = zmq.strerror(error.errno or 0)
            if error.errno in _NO_ADDRESS:
                remedy = "Listen on 127.0.0.1, on 0.0.0.0, or on an address that this computer has."
    socket.close(linger=0)
    raise EngineUnavailableError(
        f"The engine cannot listen on {listening.host}, ports {listening.port} and up: {reason}.",
        remedy=remedy,
    )

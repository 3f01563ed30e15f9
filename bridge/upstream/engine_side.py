"""A bridge's side of the talk with its engine: the link's state on a socket, and a reason when it is silent."""

import asyncio
import time
from collections.abc import Callable

import structlog
import zmq

from engine.errors import DittoError
from engine.service.transport import Channel, Frames

from .connection import Connection, Peer, why_silent
from .link import Link

log = structlog.get_logger("ditto.bridge")

PROBE_SECONDS = 5.0  # between two looks for the reason
ANEW_SECONDS = 120.0  # of silence, then a new connection; before, the longest take may be on its way


class EngineSide:
    """The link and its socket. `failure` says in a sentence why no engine answers. Threads: the loop's."""

    def __init__(self, link: Link, on_messages: Callable[[list[Frames]], None]) -> None:
        self.link = link
        self.failure = ""
        self._on_messages = on_messages
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None  # made with the first connection
        self._peer: Peer | None = None
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        self._probed = self._connected = float("-inf")
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the engine has answered lately."""
        return self.link.is_alive(time.monotonic())

    def connect(self, peer: Peer) -> None:
        """Talk to this engine from now on; where that cannot be, `failure` says why."""
        self.disconnect()
        if peer != self._peer:
            self.failure = ""
        self._peer, self._probed, self._connected = peer, float("-inf"), time.monotonic()
        self._context = self._context or zmq.Context()
        try:
            self._connection = Connection(self._context, peer)
        except DittoError as error:
            self.failure = f"{error.sentence} {error.remedy}"
            log.error("bridge.no_connection", sentence=error.sentence)
            return
        self._channel = Channel(self._connection.socket, self._on_messages)
        self.flush()

    def tick(self, now: float) -> None:
        """Say what is due, connect anew where that was refused, and look for the reason of silence."""
        self.link.tick(now)
        if self.link.is_alive(now):
            self.failure, self._connected = "", now
        elif self._connection is not None and self._peer is not None:
            if self._connection.is_refused(now):
                self.connect(self._peer)
            elif now - self._connected > ANEW_SECONDS:
                self._connected = now
                self._connection.renew()
            elif now - self._probed > PROBE_SECONDS:
                self._probed = now
                self._probing = asyncio.create_task(self._probe(self._peer, self._connection))
        self.flush()

    async def _probe(self, peer: Peer, connection: Connection) -> None:
        await asyncio.sleep(1.0)  # the first answer may be on its way
        if self.is_alive or connection is not self._connection:
            return
        found = await asyncio.to_thread(why_silent, peer, connection.reach, self.link.version_error)
        if not self.is_alive and connection is self._connection:
            self.failure = f"{found.sentence} {found.remedy}"

    def flush(self) -> None:
        """Send what the link has to say."""
        if self._channel is not None:
            for frames in self.link.take_out():
                self._channel.send(frames)

    def disconnect(self) -> None:
        """Hang up."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Hang up for good."""
        if self._probing is not None:
            self._probing.cancel()
        self.disconnect()
        if self._context is not None:
            self._context.destroy(linger=0)

"""The engine from Python: the way in for other hosts and scripts.

    with Client() as client:
        for event in client.make(LoopRequest(prompt="dusty boom bap", bars=4)):
            print(event)

`AsyncClient` is the same for asyncio. Both speak ZeroMQ on top of `Link`, which repeats what gets lost; a take
is acknowledged when the caller asks for the next event, so that a crash while it is being stored loses nothing.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Generator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import zmq

from engine.errors import EngineUnavailableError
from engine.events import Event, Final, Take
from engine.request import LoopRequest
from engine.service.access import Keys, introduce
from engine.service.messages import Job, Priority, Status, Submission
from engine.service.transport import Channel, Frames, tune
from engine.settings import DEFAULT_ENGINE_PORT

from .link import Link, new_owner

LOCAL = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}"
POLL_MILLISECONDS = 50


@dataclass(frozen=True, slots=True)
class Peer:
    """Where the engine is, and for one on another computer its public key and the folder of our own."""

    address: str = LOCAL
    engine_key: bytes | None = None
    keys: Keys | None = None

    def connect(self, context: "zmq.Context[zmq.Socket[bytes]]") -> "zmq.Socket[bytes]":
        """Return a socket to the engine."""
        dealer = tune(context.socket(zmq.DEALER))
        if self.engine_key is not None and self.keys is not None:
            introduce(dealer, self.keys, self.engine_key)
        dealer.connect(self.address)
        return dealer


@dataclass(slots=True)
class _Inbox:
    """What has arrived and was not yet asked for, by request."""

    link: Link
    events: dict[str, deque[Event]] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    def take_in(self, batch: Sequence[Frames]) -> None:
        for said in self.link.receive(batch, time.monotonic()):
            if not isinstance(said, Status | Job) and said.request_id in self.events:
                self.events[said.request_id].append(said)

    def submit(self, request: LoopRequest, priority: Priority) -> None:
        self.events[request.request_id] = deque()
        submission = Submission(request=request, owner=self.link.owner, priority=priority)
        self.link.submit(submission, time.monotonic())

    def next(self, request_id: str) -> Event | None:
        waiting = self.events[request_id]
        return waiting.popleft() if waiting else None

    def handled(self, event: Event) -> None:
        """Acknowledge what the caller has dealt with."""
        if isinstance(event, Take):
            self.link.acknowledge(event.request_id, event.take)
        elif isinstance(event, Final):
            self.link.acknowledge(event.request_id)
            self.events.pop(event.request_id, None)

    def leave(self, request_id: str) -> None:
        """Stop a request whose caller has lost interest."""
        if self.events.pop(request_id, None) is not None:
            self.link.cancel(request_id, time.monotonic())

    def check(self, address: str, patience_seconds: float) -> None:
        """Raise `EngineUnavailableError` when nobody has answered for too long."""
        now = time.monotonic()
        if now - self.begun > patience_seconds and not self.link.is_alive(now):
            raise EngineUnavailableError(f"No engine answers at {address}.")


class Client:
    """The engine, for scripts without asyncio. One thread at a time.

    `owner` is this client's lasting name (random by default); `patience_seconds` is how long an engine may
    be silent before `EngineUnavailableError`.
    """

    def __init__(self, peer: Peer | None = None, *, owner: str = "", patience_seconds: float = 10.0) -> None:
        self._peer = peer or Peer()
        self._patience_seconds = patience_seconds
        self._inbox = _Inbox(Link(owner or new_owner()))
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._peer.connect(self._context)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send what is left and hang up; unfinished requests go on in the engine."""
        self._exchange(0)
        self._context.destroy(linger=200)

    def make(self, request: LoopRequest, priority: Priority = "interactive") -> Generator[Event, None, None]:
        """Yield everything that happens to a request, to its end.

        `KeyboardInterrupt` thrown in asks for the best take so far, which then follows; closing the generator
        drops the request.
        """
        self._inbox.submit(request, priority)
        try:
            while True:
                event = self._wait(request.request_id)
                try:
                    yield event
                except KeyboardInterrupt:  # the next event is what `throw` returns
                    self._inbox.link.cancel(request.request_id, time.monotonic())
                self._inbox.handled(event)
                if isinstance(event, Final):
                    return
        finally:
            self._inbox.leave(request.request_id)
            self._exchange(0)

    def status(self) -> Status:
        """Return what the engine is doing now; raises `EngineUnavailableError` where none answers."""
        self._inbox.link.status, self._inbox.begun = None, time.monotonic()
        while (status := self._inbox.link.status) is None:
            self._exchange(POLL_MILLISECONDS)
            self._inbox.check(self._peer.address, self._patience_seconds)
        return status

    def _wait(self, request_id: str) -> Event:
        while (event := self._inbox.next(request_id)) is None:
            self._exchange(POLL_MILLISECONDS)
            self._inbox.check(self._peer.address, self._patience_seconds)
        return event

    def _exchange(self, milliseconds: int) -> None:
        """Send what is due and take in what arrives within the time."""
        self._inbox.link.tick(time.monotonic())
        for frames in self._inbox.link.take_out():
            with contextlib.suppress(zmq.Again):  # nobody is there to take it; the link says it again
                self._socket.send_multipart(frames, zmq.DONTWAIT)
        if self._socket.poll(milliseconds):
            batch = [self._socket.recv_multipart()]
            while self._socket.poll(0) and len(batch) < 100:
                batch.append(self._socket.recv_multipart())
            self._inbox.take_in(batch)


class AsyncClient:
    """The engine, for asyncio; used with `async with`."""

    def __init__(self, peer: Peer | None = None, *, owner: str = "", patience_seconds: float = 10.0) -> None:
        self._peer = peer or Peer()
        self._patience_seconds = patience_seconds
        self._inbox = _Inbox(Link(owner or new_owner()))
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._news = asyncio.Event()

    async def __aenter__(self) -> "AsyncClient":
        self._channel = Channel(self._peer.connect(self._context), self._heard)
        self._clock = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock.cancel()
        self._flush()
        await asyncio.sleep(0.02)  # the last frames leave the socket
        self._channel.close()
        self._context.destroy(linger=0)

    async def make(self, request: LoopRequest, priority: Priority = "interactive") -> AsyncIterator[Event]:
        """Yield everything that happens to a request, to its end."""
        self._inbox.submit(request, priority)
        self._flush()
        try:
            while True:
                event = await self._wait(request.request_id)
                yield event
                self._inbox.handled(event)
                if isinstance(event, Final):
                    return
        finally:
            self._inbox.leave(request.request_id)
            self._flush()

    @property
    def is_alive(self) -> bool:
        """Whether the engine has been heard of lately."""
        return self._inbox.link.is_alive(time.monotonic())

    def reconnect(self, peer: Peer) -> None:
        """Talk to the engine at another address from now on; what is open is said again there."""
        self._channel.close()
        self._peer = peer
        self._channel = Channel(peer.connect(self._context), self._heard)
        self._flush()

    def cancel(self, request: LoopRequest) -> None:
        """Ask for the best take so far; it comes out of `make`, then `Cancelled`."""
        self._inbox.link.cancel(request.request_id, time.monotonic())
        self._flush()

    async def status(self) -> Status:
        """Return what the engine is doing now; raises `EngineUnavailableError` where none answers."""
        self._inbox.link.status, self._inbox.begun = None, time.monotonic()
        while (status := self._inbox.link.status) is None:
            await self._hear()
        return status

    async def _wait(self, request_id: str) -> Event:
        while (event := self._inbox.next(request_id)) is None:
            await self._hear()
        return event

    async def _hear(self) -> None:
        self._inbox.check(self._peer.address, self._patience_seconds)
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), 1.0)
        except TimeoutError:
            return

    def _heard(self, batch: list[Frames]) -> None:
        self._inbox.take_in(batch)
        self._flush()
        self._news.set()

    def _flush(self) -> None:
        for frames in self._inbox.link.take_out():
            self._channel.send(frames)

    async def _tick(self) -> None:
        while True:
            self._inbox.link.tick(time.monotonic())
            self._flush()
            await asyncio.sleep(0.25)

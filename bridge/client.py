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
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

import zmq

from engine.events import Event, Final, Run, Stems, Take
from engine.request import LoopRequest
from engine.service.messages import AckEnd, AckTake, Job, LeaveTake, Priority, Status, Submission, bounded
from engine.service.transport import Channel, Frames

from .upstream.connection import Connection, why_silent
from .upstream.connection import Peer as Peer
from .upstream.link import Link, new_owner

POLL_MILLISECONDS = 50


@dataclass(slots=True)
class _Inbox:
    """Events that have arrived and that the caller has not asked for yet, by request."""

    link: Link
    events: dict[str, deque[Event]] = field(default_factory=dict)
    without_stems: dict[str, int | None] = field(default_factory=dict)  # takes whose stems are to follow, by request
    in_hand: dict[str, Take] = field(default_factory=dict)  # that the caller deals with, by request
    begun: float = field(default_factory=time.monotonic)
    adopts: bool = False  # unknown requests are of an earlier process of this owner, and are taken over
    adopted: list[Job] = field(default_factory=list)

    def take_in(self, batch: Sequence[Frames]) -> None:
        """Sort messages of the engine into the events of their requests."""
        for said in self.link.receive(batch, time.monotonic()):
            if isinstance(said, Job):
                if self.adopts and said.request.request_id not in self.events:
                    self._expect(said.request)
                    self.adopted.append(said)
            elif not isinstance(said, Status) and said.request_id in self.events:
                self.events[said.request_id].append(said)

    def submit(self, request: LoopRequest, priority: Priority, remarks: Iterable[str] = ()) -> None:
        """Queue a request for the engine, and expect its events."""
        owner = self.link.owner
        submission = Submission(request=request, owner=owner, priority=priority, remarks=bounded(remarks))
        self.link.submit(submission, time.monotonic())
        self._expect(request)

    def _expect(self, request: LoopRequest) -> None:
        self.events[request.request_id] = deque()
        if request.stems:
            self.without_stems[request.request_id] = None

    def next(self, request_id: str) -> Event | None:
        """Return the next event of a request, None where none has arrived."""
        waiting = self.events[request_id]
        event = waiting.popleft() if waiting else None
        if isinstance(event, Take):
            self.in_hand[request_id] = event
        return event

    def handled(self, event: Event) -> None:
        """Acknowledge an event that the caller has dealt with; a take together with its stems."""
        self.in_hand.pop(event.request_id, None)
        match event:
            case Take() if event.request_id in self.without_stems:
                before = self.without_stems[event.request_id]
                self.without_stems[event.request_id] = event.take
                if before is not None:  # another one, or the same once more: no stems will come
                    self.link.notify(AckTake, event.request_id, before)
            case Take() | Stems():
                self.link.notify(AckTake, event.request_id, event.take)
                if isinstance(event, Stems):
                    self.without_stems[event.request_id] = None
            case _ if isinstance(event, Final):
                if (last := self.without_stems.pop(event.request_id, None)) is not None:
                    self.link.notify(AckTake, event.request_id, last)
                self.link.notify(AckEnd, event.request_id)
                self.events.pop(event.request_id, None)

    def leave(self, request_id: str, *, stop: bool = True) -> None:
        """Forget a request whose caller has let it go; `stop` it, or leave it to the owner's next process."""
        self.without_stems.pop(request_id, None)
        for event in (self.in_hand.pop(request_id, None), *self.events.get(request_id, ())):
            if isinstance(event, Take):
                self.link.notify(LeaveTake, request_id, event.take)
        if self.events.pop(request_id, None) is not None and stop:
            self.link.cancel(request_id, time.monotonic())

    def is_timed_out(self, patience_seconds: float) -> bool:
        """Return whether no engine has answered for `patience_seconds`."""
        now = time.monotonic()
        return now - self.begun > patience_seconds and not self.link.is_alive(now)


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
        try:
            self._connection = Connection(self._context, self._peer)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send the remaining frames and hang up; unfinished requests go on in the engine."""
        self._exchange(0)
        self._connection.close(linger=200)
        self._context.destroy(linger=200)

    def make(self, request: LoopRequest, priority: Priority = Priority.INTERACTIVE) -> Run[Event]:
        """Return a run that yields every event of a request, to its end.

        `stop()` asks for the best take so far, which then follows; `close()` drops the request.
        """
        return Run(partial(self._events, request, priority))

    def _events(
        self, request: LoopRequest, priority: Priority, stopped: Callable[[], bool]
    ) -> Generator[Event, None, None]:
        self._inbox.submit(request, priority)
        cancel_sent = False
        try:
            while True:
                event = self._wait(request.request_id)
                yield event
                if stopped() and not cancel_sent:
                    cancel_sent = True
                    self._inbox.link.cancel(request.request_id, time.monotonic())
                self._inbox.handled(event)
                if isinstance(event, Final):
                    return
        finally:
            self._inbox.leave(request.request_id)
            if not self._context.closed:  # a run may be let go after its client
                self._exchange(0)

    def status(self) -> Status:
        """Return what the engine is doing now; raises `EngineUnavailableError` where none answers."""
        self._inbox.link.status, self._inbox.begun = None, time.monotonic()
        while (status := self._inbox.link.status) is None:
            self._exchange(POLL_MILLISECONDS)
            if self._inbox.is_timed_out(self._patience_seconds):
                raise why_silent(self._peer, self._connection.reach, self._inbox.link.version_error)
        return status

    def _wait(self, request_id: str) -> Event:
        while (event := self._inbox.next(request_id)) is None:
            self._exchange(POLL_MILLISECONDS)
            if self._inbox.is_timed_out(self._patience_seconds):
                raise why_silent(self._peer, self._connection.reach, self._inbox.link.version_error)
        return event

    def _exchange(self, milliseconds: int) -> None:
        """Send the frames that are due, and take in those that arrive within so many milliseconds."""
        if self._connection.is_refused(time.monotonic()):
            self._connection.close()
            self._connection = Connection(self._context, self._peer)
        socket = self._connection.socket
        self._inbox.link.tick(time.monotonic())
        for frames in self._inbox.link.take_out():
            with contextlib.suppress(zmq.Again):  # nobody is there to take it; the link says it again
                socket.send_multipart(frames, zmq.DONTWAIT)
        if socket.poll(milliseconds):
            batch = [socket.recv_multipart()]
            while socket.poll(0) and len(batch) < 100:
                batch.append(socket.recv_multipart())
            self._inbox.take_in(batch)


class AsyncClient:
    """The engine, for asyncio; used with `async with`.

    With `lasts` the requests of an `owner` go on when its process ends; its next process gets them from `adopted`, and
    their events from `follow`. `patience_seconds` is as in `Client`.
    """

    def __init__(
        self, peer: Peer | None = None, *, owner: str = "", patience_seconds: float = 10.0, lasts: bool = False
    ) -> None:
        self._peer = peer or Peer()
        self._patience_seconds = patience_seconds
        self._inbox = _Inbox(Link(owner or new_owner()), adopts=lasts)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._news = asyncio.Event()

    async def __aenter__(self) -> "AsyncClient":
        try:
            self._connect()
        except BaseException:
            self._context.destroy(linger=0)
            raise
        self._clock = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock.cancel()
        self._flush()
        await asyncio.sleep(0.02)  # the last frames leave the socket
        self._channel.close()
        self._connection.close()
        self._context.destroy(linger=0)

    async def make(
        self, request: LoopRequest, priority: Priority = Priority.INTERACTIVE, *, remarks: Iterable[str] = ()
    ) -> AsyncIterator[Event]:
        """Yield everything that happens to a request, to its end; `remarks` are what was said of it by now."""
        self._inbox.submit(request, priority, remarks)
        self._flush()
        async for event in self.follow(request):
            yield event

    async def follow(self, request: LoopRequest) -> AsyncIterator[Event]:
        """Yield what happens to a request that was adopted, to its end."""
        try:
            while True:
                event = await self._wait(request.request_id)
                yield event
                self._inbox.handled(event)
                if isinstance(event, Final):
                    return
        finally:
            self._inbox.leave(request.request_id, stop=not self._inbox.adopts)
            self._flush()

    def adopted(self) -> list[Job]:
        """Return requests of this owner's earlier processes that the engine has named since the last call."""
        found, self._inbox.adopted = self._inbox.adopted, []
        return found

    @property
    def is_alive(self) -> bool:
        """Whether the engine has answered lately."""
        return self._inbox.link.is_alive(time.monotonic())

    def reconnect(self, peer: Peer) -> None:
        """Talk to the engine at another address from now on; open requests are sent again there."""
        self._channel.close()
        self._connection.close()
        self._peer = peer
        self._connect()
        self._flush()

    def cancel(self, request: LoopRequest) -> None:
        """Ask for the best take so far; it comes out of `make`, then `Cancelled`."""
        self._inbox.link.cancel(request.request_id, time.monotonic())
        self._flush()

    async def status(self) -> Status:
        """Return what the engine is doing now; raises `EngineUnavailableError` where none answers."""
        self._inbox.link.status, self._inbox.begun = None, time.monotonic()
        while (status := self._inbox.link.status) is None:
            await self._wait_for_news()
        return status

    async def _wait(self, request_id: str) -> Event:
        while (event := self._inbox.next(request_id)) is None:
            await self._wait_for_news()
        return event

    async def _wait_for_news(self) -> None:
        if self._inbox.is_timed_out(self._patience_seconds):
            version_error = self._inbox.link.version_error
            raise await asyncio.to_thread(why_silent, self._peer, self._connection.reach, version_error)
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), 1.0)
        except TimeoutError:
            return

    def _connect(self) -> None:
        self._connection = Connection(self._context, self._peer)
        self._channel = Channel(self._connection.socket, self._receive_batch)

    def _receive_batch(self, batch: list[Frames]) -> None:
        self._inbox.take_in(batch)
        self._flush()
        self._news.set()

    def _flush(self) -> None:
        for frames in self._inbox.link.take_out():
            self._channel.send(frames)

    async def _tick(self) -> None:
        while True:
            if self._connection.is_refused(time.monotonic()):
                self.reconnect(self._peer)
            self._inbox.link.tick(time.monotonic())
            self._flush()
            await asyncio.sleep(0.25)

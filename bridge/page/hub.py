"""The page's own client of the engine: requests of all tabs go out, events come back as JSON for every tab.

A tab may be reloaded in the middle of a search: the hub keeps what is running and tells a tab that comes back.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import DittoError, InternalError
from engine.events import Accepted, Cancelled, Done, Event, Failed, Phase, Progress, Superseded
from engine.files import refused_by_system
from engine.request import LoopRequest

from ..client import AsyncClient, Peer
from ..requests.file_threads import CLOSE_SECONDS, WRITING, FileThreads
from ..takes import delivery, library
from ..takes.parts import TakeParts, WholeTake
from .cards import Json, card

MAX_RUNNING = 16  # requests of all tabs at once; a page that asks for more is at fault
MAX_LOSSES = 400  # of a running request, kept for a tab that comes back
ALIVE_EVERY_SECONDS = 1.0
MAX_UNREAD = 2_000  # messages that a tab has not taken; a stalled one is let go
_LATER = "comes when Ditto Live is started again."


@dataclass(slots=True)
class Running:
    """A request that the engine works on, and how far it is by the last message to the tabs."""

    request: LoopRequest
    notes: tuple[str, ...]
    parts: TakeParts
    resumed: bool = False  # it was asked for before a restart: its takes may be on disk
    progress: Json = field(default_factory=dict)
    losses: list[dict[str, float]] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    def progressed(self, event: Progress) -> Json:
        """Take in a step, and return the message about it for the tabs."""
        if event.phase != Phase.DECODE:
            before = self.losses if event.take == self.progress.get("take", 0) else []  # each take has its own search
            self.losses = [*before, event.losses][-MAX_LOSSES:]
        self.progress = {
            "take": event.take,
            "step": event.step,
            "steps": event.steps,
            "seconds_left": event.seconds_left,
            "losses": event.losses,
            "phase": event.phase,
        }
        return {"type": "progress", "id": self.request.request_id, **self.progress}

    def snapshot(self) -> Json:
        """Return the message from which a tab that comes back can show it."""
        return {
            "type": "running",
            "id": self.request.request_id,
            "prompt": self.request.prompt,
            "notes": list(self.notes),
            "progress": self.progress,
            "losses": self.losses,
        }


class Tab:
    """One listener: messages wait in its queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Json | None] = asyncio.Queue(MAX_UNREAD)

    def send(self, message: Json) -> None:
        """Queue a message; a tab that does not read is closed."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """End the tab's stream."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Hub:
    """Requests and tabs. Everything runs on one event loop; files are read and written on threads."""

    def __init__(self, peer: Peer, takes_folder: Path, owner: str) -> None:
        self.takes_folder = takes_folder
        self._writers = FileThreads(1, "page-write", WRITING)
        self._peer = peer
        self._owner = owner
        self._client: AsyncClient | None = None
        self._tabs: set[Tab] = set()
        self._running: dict[str, Running] = {}
        self._alive = False

    async def serve(self) -> None:
        """Talk to the engine until cancelled."""
        async with AsyncClient(self._peer, owner=self._owner, patience_seconds=float("inf"), lasts=True) as client:
            self._client = client
            while True:
                await self._watch_engine(client)
                for job in client.adopted():
                    parts = TakeParts(asks_stems=job.request.stems)
                    self._begin(Running(job.request, job.remarks, parts, resumed=True), client.follow)
                await asyncio.sleep(ALIVE_EVERY_SECONDS)

    def connect(self, peer: Peer) -> None:
        """Talk to the engine at another address from now on, as after it was started again."""
        self._peer = peer
        if self._client is not None:
            self._client.reconnect(peer)

    def enter(self, tab: Tab) -> None:
        """Add a tab and tell it whether the engine answers and which requests are running."""
        self._tabs.add(tab)
        tab.send({"type": "engine", "alive": self._alive})
        for running in self._running.values():
            tab.send(running.snapshot())

    def leave(self, tab: Tab) -> None:
        """Forget a tab; its requests go on."""
        self._tabs.discard(tab)

    def broadcast(self, message: Json) -> None:
        """Send a message to all tabs."""
        for tab in tuple(self._tabs):
            tab.send(message)

    def submit(self, request: LoopRequest, notes: tuple[str, ...]) -> None:
        """Send a request to the engine; raises `DittoError` where there are too many."""
        if self._client is None:
            raise InternalError("The page is not ready yet.")
        if len(self._running) >= MAX_RUNNING:
            raise InternalError(f"{MAX_RUNNING} loops are being made already.", remedy="Wait for one, or cancel one.")
        make = functools.partial(self._client.make, remarks=notes)
        self._begin(Running(request, notes, TakeParts(asks_stems=request.stems)), make)

    def _begin(self, running: Running, events: Callable[[LoopRequest], AsyncIterator[Event]]) -> None:
        self._running[running.request.request_id] = running
        self.broadcast(running.snapshot())
        running.task = asyncio.create_task(self._follow(events(running.request), running))

    def cancel(self, request_id: str) -> None:
        """Stop a request; its best take so far follows."""
        running = self._running.get(request_id)
        if running is not None and self._client is not None:
            self._client.cancel(running.request)

    async def _watch_engine(self, client: AsyncClient) -> None:
        alive = client.is_alive
        if alive != self._alive:
            self._alive = alive
            self.broadcast({"type": "engine", "alive": alive})

    async def _follow(self, events: AsyncIterator[Event], running: Running) -> None:
        request_id = running.request.request_id
        end: Json = {"outcome": "failed", "sentence": "The page was stopped.", "remedy": f"The loop {_LATER}"}
        try:
            async for event in events:
                if (ended := await self._handle(running, event)) is not None:
                    end = ended
        except DittoError as error:
            remedy = f"{error.remedy} The engine keeps the take; it {_LATER}"
            end = {"outcome": "failed", "sentence": error.sentence, "remedy": remedy}
        finally:
            self._running.pop(request_id, None)
            self.broadcast({"type": "end", "id": request_id, **end})

    async def _handle(self, running: Running, event: Event) -> Json | None:
        """Tell the tabs of an event; return how the request ended where it has."""
        await self._land(running, running.parts.of(event))  # at the end those, too, whose stems never came
        match event:
            case Accepted():
                running.notes = tuple(dict.fromkeys((*running.notes, *event.notes)))
                self.broadcast({**running.snapshot(), "queue_position": event.queue_position})
            case Progress():
                self.broadcast(running.progressed(event))
            case Done() | Cancelled() | Superseded() | Failed():
                return _outcome(event)
        return None

    async def _land(self, running: Running, takes: Iterable[WholeTake]) -> None:
        """Write takes and tell the tabs of them."""
        for whole in takes:
            made = await self._writers.run(functools.partial(_keep, self.takes_folder, running, whole))
            notes = list(whole.take.notes)
            self.broadcast({"type": "take", "id": running.request.request_id, "take": made, "notes": notes})

    async def close(self) -> None:
        """Let go of all tabs and requests; unfinished requests go on in the engine."""
        for tab in tuple(self._tabs):
            tab.close()
        for running in tuple(self._running.values()):
            if running.task is not None:
                running.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running.task
        self._writers.close(seconds=CLOSE_SECONDS)


def _keep(folder: Path, running: Running, whole: WholeTake) -> Json:
    """Write a take and return its card; raises `DittoError`."""
    try:
        written = delivery.write_take(
            folder, running.request, whole.take, whole.stems, may_exist=running.resumed, remarks=running.notes
        )
        return card(library.find(folder, written.path))
    except OSError as error:
        raise refused_by_system(error) from error


def _outcome(end: Done | Cancelled | Superseded | Failed) -> Json:
    """Return the message about the end of a request for the tabs."""
    match end:
        case Done():
            return {"outcome": "done", "takes": end.takes}
        case Cancelled():
            return {"outcome": "cancelled", "takes": end.takes}
        case Superseded():
            return {"outcome": "superseded"}
        case Failed():
            return {"outcome": "failed", "sentence": end.sentence, "remedy": end.remedy}

"""What the bridge knows of devices and their requests, without I/O: something happens, effects come out.

    messages -> Assembly -> Prepare -> Submit -> Accepted -> Progress ... -> WriteTake -> take, done -> seen

Whatever a client may have missed is said again: a repeated commit is answered with all there is to say, and
an end is repeated with its takes until it is seen. Times are seconds of a steady clock.
"""

import heapq
from collections.abc import Callable, Iterator

from engine.errors import DittoError
from engine.events import Accepted, Event, Final, Preview, Progress, Take
from engine.request import LoopRequest
from engine.service.messages import Job, Priority, Status

from ..osc import outgoing
from ..osc.addresses import PROTOCOL_VERSION
from ..osc.assembly import Assembly
from ..osc.codec import OscError, OscMessage
from .effects import (
    Acknowledge,
    CancelJob,
    Delivered,
    DropPreviews,
    Effect,
    Favourite,
    FindTakes,
    Prepare,
    Send,
    Submit,
    WritePreview,
    WriteTake,
)
from .state import ClientState, RequestState

CLIENT_SECONDS = 30.0  # a client says hello every 5
ASSEMBLY_SECONDS = 120.0  # then what was never committed is dropped
ENDED_SECONDS = 600.0  # how long an end can be asked for again
MAX_CLIENTS = 256
MAX_ASSEMBLIES = 256
MAX_ENDED = 2_000
MAX_OPEN = 2_000  # requests without an end; with 4 kB for each that much memory, and nobody waits for more
TIDY_SECONDS = 1.0  # between two looks for what is old
PROGRESS_SECONDS = 0.15  # with the tick under 0.2: at least 5 a second, repeated if need be
MOST_SLOW = 16  # requests whose progress is repeated: more are not made at once, only delivered
FASTEST_PROGRESS_SECONDS = 0.03
REPEATS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)  # of an end that is not seen


class Session:
    """All devices of one bridge. Methods are called with what happened and yield effects."""

    def __init__(self, bridge_id: str, version: str) -> None:
        self._bridge_id = bridge_id
        self._version = version
        self._clients: dict[str, ClientState] = {}
        self._assemblies: dict[str, Assembly] = {}
        self._requests: dict[str, RequestState] = {}
        self._open: set[str] = set()  # requests without an end
        self._status: Status | None = None
        self._tidied = float("-inf")
        self._answers: dict[str, Callable[[OscMessage, str, float], Iterator[Effect]]] = {
            "/ditto/hello": self._hello,
            "/ditto/bye": self._bye,
            "/ditto/loop/begin": self._begin,
            "/ditto/loop/set": self._set,
            "/ditto/loop/curve": self._chunk,
            "/ditto/loop/notes": self._chunk,
            "/ditto/loop/onsets": self._chunk,
            "/ditto/loop/commit": self._commit,
            "/ditto/loop/cancel": self._cancel,
            "/ditto/seen": self._seen,
            "/ditto/take/favourite": self._favourite,
        }

    @property
    def busy(self) -> bool:
        """Whether anything needs the clock several times a second."""
        return bool(self._open) or any(state.repeat_at < float("inf") for state in self._requests.values())

    # -- from devices

    def receive(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        """Take in one checked message; raises `OscError` for what has no meaning here."""
        yield from self._answers[message.path](message, host, now)

    def _hello(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        protocol, instance, nonce, port = message.values
        if protocol != PROTOCOL_VERSION:
            sentence = f"The device speaks version {protocol} of the protocol, this bridge {PROTOCOL_VERSION}."
            remedy = "Run `ditto-live install-device`, and put the new device on the track."
            yield Send(host, int(port), outgoing.error("", "protocol", sentence, remedy))
            return
        if nonce not in self._clients and len(self._clients) >= MAX_CLIENTS:
            del self._clients[min(self._clients.values(), key=lambda client: client.seen).nonce]
        client = self._clients[str(nonce)] = ClientState(str(instance), str(nonce), host, int(port), now)
        yield Send(host, client.port, outgoing.welcome(client.nonce, self._bridge_id, self._version))
        yield Send(host, client.port, outgoing.state(self._status))
        yield from self._adopt(client, now)

    def _adopt(self, client: ClientState, now: float) -> Iterator[Effect]:
        """Give a client the requests of its instance whose own session is gone (a restart, a reload)."""
        for state in self._requests.values():
            if state.instance == client.instance and state.nonce not in self._clients:
                state.nonce = client.nonce
                if not state.seen:
                    yield from self._tell(state, *state.said())

    def _bye(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        self._clients.pop(str(message.values[0]), None)
        yield from ()

    def _assembly(self, request_id: str, now: float) -> Assembly | None:
        """Return what has arrived of a request, or None when it is committed already."""
        if request_id in self._requests:
            return None
        if request_id not in self._assemblies and len(self._assemblies) >= MAX_ASSEMBLIES:
            del self._assemblies[min(self._assemblies, key=lambda name: self._assemblies[name].born)]
        return self._assemblies.setdefault(request_id, Assembly(now))

    def _begin(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, nonce = map(str, message.values)
        if assembly := self._assembly(request_id, now):
            assembly.begin(nonce)
        yield from ()

    def _set(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, name, value = map(str, message.values)
        if assembly := self._assembly(request_id, now):
            assembly.set(name, value)
        yield from ()

    def _chunk(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        if assembly := self._assembly(str(message.values[0]), now):
            assembly.add(message)
        yield from ()

    def _commit(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, nonce = str(message.values[0]), str(message.values[1])
        client = self._clients.get(nonce)
        if client is None:
            raise OscError("This device has not said hello yet.", remedy="Send /ditto/hello first.")
        if (state := self._requests.get(request_id)) is not None:
            if state.instance != client.instance:
                raise OscError(f"The request id {request_id} belongs to another device.")
            state.nonce = nonce
            yield from self._tell(state, *state.said())
            return
        assembly = self._assembly(request_id, now) or Assembly(now)
        lost = list(assembly.missing(message))
        if lost:
            yield from (Send(client.host, client.port, outgoing.missing(request_id, one)) for one in lost)
            return
        del self._assemblies[request_id]
        if len(self._open) >= MAX_OPEN:
            sentence = f"{MAX_OPEN:,} requests are under way already."
            said = outgoing.error(request_id, "no_engine", sentence, "Wait until some are done.")
            yield Send(client.host, client.port, said)
            return
        assembly.close(message)
        self._requests[request_id] = RequestState(request_id, client.instance, nonce)
        self._open.add(request_id)
        yield Prepare(request_id, client.instance, assembly)

    def _cancel(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id = str(message.values[0])
        state = self._requests.get(request_id)
        self._assemblies.pop(request_id, None)
        if state is None:
            raise OscError(f"There is no request {request_id} to cancel.", remedy="It may have ended already.")
        if state.ended:
            yield from self._tell(state, *state.said())
        else:
            yield CancelJob(request_id)

    def _seen(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        state = self._requests.get(str(message.values[0]))
        if state is not None and state.ended:
            state.seen, state.repeat_at = True, float("inf")
        yield from ()

    def _favourite(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        yield Favourite(str(message.values[0]), bool(message.values[1]))

    # -- from whoever reads files

    def prepared(
        self, request_id: str, request: LoopRequest, priority: Priority, notes: tuple[str, ...]
    ) -> Iterator[Effect]:
        """Go on with a request that is complete and valid."""
        state = self._requests[request_id]
        state.request, state.notes = request, notes
        yield Submit(request, state.instance, priority)

    def refused(self, request_id: str, error: DittoError, now: float) -> Iterator[Effect]:
        """Say what is wrong with a request that was never submitted; the same id may be committed again."""
        state = self._requests.pop(request_id)
        self._open.discard(request_id)
        said = outgoing.error(request_id, error.code, error.sentence, error.remedy)
        yield from self._tell(state, said)

    def written(self, request_id: str, made: Delivered, now: float) -> Iterator[Effect]:
        """Go on when a take is safe on disk."""
        state = self._requests[request_id]
        state.writing.discard(made.take)
        state.takes[made.take] = made
        yield Acknowledge(request_id, made.take)
        yield from self._tell(state, outgoing.take(request_id, made))
        yield from self._close(state, now)

    def not_written(self, request_id: str, take: int, error: DittoError, now: float) -> Iterator[Effect]:
        """End a request whose take could not be written; the engine keeps it for the next bridge."""
        state = self._requests[request_id]
        state.writing.discard(take)
        state.unwritten = error
        yield from self._close(state, now)

    def previewed(self, preview: Preview, path: str) -> Iterator[Effect]:
        """Say where an early listen lies."""
        state = self._requests.get(preview.request_id)
        if state is not None and not state.ended:
            yield from self._tell(state, outgoing.preview(state.request_id, preview.take, preview.step, path))

    def found(self, request_id: str, takes: list[Delivered], now: float) -> Iterator[Effect]:
        """Go on with a request whose takes were delivered before a restart."""
        state = self._requests[request_id]
        state.writing.discard(-1)
        for made in takes:
            state.takes.setdefault(made.take, made)
            yield from self._tell(state, outgoing.take(request_id, made))
        yield from self._close(state, now)

    # -- from the engine

    def hear(self, said: Event | Job | Status, now: float) -> Iterator[Effect]:
        """Take in what the engine said."""
        match said:
            case Status():
                yield from self._hear_status(said)
            case Job():
                yield from self._take_up(said)
            case _ if (state := self._requests.get(said.request_id)) is not None:
                yield from self._hear_event(state, said, now)
            case _:
                return

    def lost_engine(self) -> Iterator[Effect]:
        """Tell all devices that no engine answers."""
        if self._status is not None:
            self._status = None
            yield from self._tell_everyone(outgoing.state(None))

    def _hear_status(self, status: Status) -> Iterator[Effect]:
        before, self._status = self._status, status
        if before is None or _shown(before) != _shown(status):
            yield from self._tell_everyone(outgoing.state(status))

    def _take_up(self, job: Job) -> Iterator[Effect]:
        """Follow a request that an earlier bridge had submitted."""
        request_id = job.request.request_id
        state = self._requests.get(request_id)
        if state is None:
            nonce = next((d.nonce for d in self._clients.values() if d.instance == job.tag), "")
            state = self._requests[request_id] = RequestState(request_id, job.tag, nonce)
            self._assemblies.pop(request_id, None)
        state.request, state.again = job.request, True
        if state.unwritten is not None:  # perhaps the disk has room now
            state.unwritten, state.final, state.ended = None, None, 0.0
        if not state.ended:
            self._open.add(request_id)
        yield from ()

    def _hear_event(self, state: RequestState, event: Event, now: float) -> Iterator[Effect]:
        match event:
            case Accepted() if not state.accepted or event.notes:  # the model may have more to say
                state.accepted = outgoing.accepted(event, state.notes)
                yield from self._tell(state, state.accepted)
            case Progress():
                state.progress, state.progress_heard = event, now
                if now - state.progress_sent >= FASTEST_PROGRESS_SECONDS:
                    yield from self._tell_progress(state, now)
            case Preview() if state.request is not None:
                state.previews = True
                yield WritePreview(state.request, event)
            case Take():
                yield from self._hear_take(state, event)
            case _ if isinstance(event, Final):
                yield from self._hear_final(state, event, now)

    def _hear_take(self, state: RequestState, take: Take) -> Iterator[Effect]:
        if take.take in state.takes:
            yield Acknowledge(state.request_id, take.take)
        elif take.take not in state.writing and state.request is not None:
            state.writing.add(take.take)
            yield WriteTake(state.request, take, state.again)

    def _hear_final(self, state: RequestState, final: Final, now: float) -> Iterator[Effect]:
        state.final = final
        promised = getattr(final, "takes", 0)
        if promised > len(state.takes) + len(state.writing):  # delivered before a restart
            state.writing.add(-1)
            yield FindTakes(state.request_id)
        yield from self._close(state, now)

    def _close(self, state: RequestState, now: float) -> Iterator[Effect]:
        """End a request once its end is known and all its takes are on disk."""
        if state.final is None or state.writing:
            return
        if state.unwritten is None:
            yield Acknowledge(state.request_id)
        if state.ended:
            return
        state.ended, state.repeat_at = now, now + REPEATS_SECONDS[0]
        self._open.discard(state.request_id)
        state.end = outgoing.end(state.final, state.takes)
        if (error := state.unwritten) is not None:
            remedy = f"{error.remedy} The engine keeps the take until the bridge is started again."
            state.end = outgoing.error(state.request_id, error.code, error.sentence, remedy)
        yield from self._tell(state, state.end)
        if state.previews or state.again:
            yield DropPreviews(state.request_id)
        state.request = None  # it may hold megabytes, and its end is known

    # -- the clock

    def tick(self, now: float) -> Iterator[Effect]:
        """Repeat what is due and forget what is old."""
        for state in self._slow(now):
            yield from self._tell_progress(state, now)
        for state in self._requests.values():
            if now >= state.repeat_at and state.nonce in self._clients:
                state.repeats += 1
                more = state.repeats < len(REPEATS_SECONDS)
                state.repeat_at = now + REPEATS_SECONDS[state.repeats] if more else float("inf")
                yield from self._tell(state, *state.said())
        if now - self._tidied >= TIDY_SECONDS:
            self._tidied = now
            self._forget(now)

    def _slow(self, now: float) -> Iterator[RequestState]:
        """Yield the requests whose progress is due to be said again, of those that were heard of last."""
        requests = (self._requests[request_id] for request_id in self._open)
        made = (state for state in requests if state.progress is not None and state.final is None)
        for state in heapq.nlargest(MOST_SLOW, made, key=lambda state: state.progress_heard):
            if now - state.progress_sent >= PROGRESS_SECONDS:
                yield state

    def _forget(self, now: float) -> None:
        for nonce in [d.nonce for d in self._clients.values() if now - d.seen > CLIENT_SECONDS]:
            del self._clients[nonce]
        for request_id in [name for name, a in self._assemblies.items() if now - a.born > ASSEMBLY_SECONDS]:
            del self._assemblies[request_id]
        ended = sorted((state for state in self._requests.values() if state.ended), key=lambda state: state.ended)
        for place, state in enumerate(ended):
            if now - state.ended > ENDED_SECONDS or place < len(ended) - MAX_ENDED:
                del self._requests[state.request_id]

    def _tell_progress(self, state: RequestState, now: float) -> Iterator[Effect]:
        """Send the last progress; between two steps its time left runs down with the clock."""
        if self._status is None or state.progress is None:
            return
        state.progress_sent = now
        left = state.progress.seconds_left
        if left > 0:
            left = max(0.0, left - (now - state.progress_heard))
        yield from self._tell(state, outgoing.progress(state.progress, left))

    def _tell(self, state: RequestState, *datagrams: bytes) -> Iterator[Effect]:
        client = self._clients.get(state.nonce)
        if client is not None:
            yield from (Send(client.host, client.port, datagram) for datagram in datagrams)

    def _tell_everyone(self, datagram: bytes) -> Iterator[Effect]:
        yield from (Send(client.host, client.port, datagram) for client in self._clients.values())


def _shown(status: Status) -> tuple[object, ...]:
    return status.state, round(status.fraction, 2), status.sentence, status.model

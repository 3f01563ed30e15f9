"""Requests on their way in, from an OSC client's first piece until the engine gets them."""

from collections.abc import Callable, Iterator

from engine.errors import DittoError
from engine.events import Cancelled
from engine.request import LoopRequest
from engine.service.messages import Priority, Resend

from ..osc import outgoing
from ..osc.codec import OscError, OscMessage
from ..takes.parts import TakeParts
from .assemblies import UNSIGNED, Assemblies, Place
from .book import MAX_OPEN, RequestBook
from .clients import Clients
from .effects import CancelJob, Effect, NotifyEngine, Prepare, Send, Submit
from .state import ClientState, RequestPhase, RequestState

Answer = Callable[[OscMessage, str, float], Iterator[Effect]]


class Commits:
    """Requests on their way in: pieces, commit, cancel, and the answers of the reader of files."""

    def __init__(self, clients: Clients, assemblies: Assemblies, book: RequestBook) -> None:
        self._clients, self._assemblies, self._book = clients, assemblies, book
        self.answers: dict[str, Answer] = {
            "/ditto/loop/begin": self._begin,
            "/ditto/loop/set": self._set,
            "/ditto/loop/curve": self._chunk,
            "/ditto/loop/notes": self._chunk,
            "/ditto/loop/onsets": self._chunk,
            "/ditto/loop/commit": self._commit,
            "/ditto/loop/cancel": self._cancel,
            "/ditto/seen": self._seen,
        }

    def _begin(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, nonce = map(str, message.values)
        if request_id not in self._book:
            client = self._clients.get(nonce)
            place = Place(request_id, UNSIGNED) if client is None else self._assemblies.place_of(request_id, client)
            self._assemblies.begin(place, nonce, now)
        yield from ()

    def _set(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, name, value = map(str, message.values)
        if request_id not in self._book:
            self._assemblies.set(Place(request_id, str(message.last)), name, value, now)
        yield from ()

    def _chunk(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        if str(message.values[0]) not in self._book:
            self._assemblies.add(message, now)
        yield from ()

    def _commit(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, nonce = str(message.values[0]), str(message.values[1])
        client = self._clients.require(nonce)
        if (state := self._book.get(request_id)) is not None:
            self._own(state, client)
            state.nonce = nonce
            if state.is_ended and state.unwritten is not None:
                self._book.open(state).reopen()
                yield NotifyEngine(Resend, request_id)  # perhaps the disk has room now: its end comes anew
            yield from self._clients.send(state, *state.said())
            return
        assembly = self._assemblies.at(self._assemblies.place_of(request_id, client), now)
        assembly.require(request_id, nonce)
        lost = list(assembly.missing(message))
        if lost:
            yield from (Send(client.host, client.port, outgoing.missing(request_id, one)) for one in lost)
            return
        self._assemblies.drop(request_id)
        if self._book.is_full:
            sentence = f"{MAX_OPEN:,} requests are under way already."
            said = outgoing.error(request_id, "no_engine", sentence, "Wait until some are done.")
            yield Send(client.host, client.port, said)
            return
        assembly.close(message)
        self._book.open(RequestState(request_id, client.instance, nonce))
        yield Prepare(request_id, client.instance, assembly)

    def _cancel(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, client = str(message.values[0]), self._clients.require(str(message.values[1]))
        state = self._book.get(request_id)
        if state is None:
            self._assemblies.drop(request_id, client.nonce)
            raise OscError(f"There is no request {request_id} to cancel.", remedy="It may have ended already.")
        self._own(state, client)
        match state.phase:
            case RequestPhase.PREPARING:
                state.phase = RequestPhase.CANCELLED
            case RequestPhase.SUBMITTED:
                yield CancelJob(request_id)
            case RequestPhase.ENDED:
                yield from self._clients.send(state, *state.said())

    def _seen(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        state = self._book.get(str(message.values[0]))
        client = self._clients.get(str(message.values[1]))
        if state is not None and client is not None and state.is_ended and state.instance == client.instance:
            state.seen, state.repeat_at = True, float("inf")
        yield from ()

    def _own(self, state: RequestState, client: ClientState) -> None:
        if state.instance != client.instance:
            raise OscError(f"The request id {state.request_id} belongs to another device.")

    # -- from the reader of files

    def prepared(
        self, request_id: str, request: LoopRequest, priority: Priority, notes: tuple[str, ...], now: float
    ) -> Iterator[Effect]:
        """Go on with a request that is complete and valid, unless it was cancelled meanwhile."""
        if (state := self._book.get(request_id)) is None:
            return
        if state.phase is RequestPhase.CANCELLED:
            self._book.end(state, outgoing.end(Cancelled(request_id=request_id), {}), now)
            yield from self._clients.send(state, state.end)
            return
        state.request, state.notes, state.phase = request, notes, RequestPhase.SUBMITTED
        state.parts = TakeParts(asks_stems=request.stems)
        yield Submit(request, state.instance, priority, notes)

    def refused(self, request_id: str, error: DittoError, now: float) -> Iterator[Effect]:
        """Say what is wrong with a request that was never submitted; the same id may be committed again."""
        if (state := self._book.drop(request_id)) is None:
            return
        said = outgoing.error(request_id, error.code, error.sentence, error.remedy)
        yield from self._clients.send(state, said)

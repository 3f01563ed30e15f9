"""The OSC clients of a bridge and their requests, without I/O: something happens, effects come out.

    messages -> Assembly -> Prepare -> Submit -> Accepted -> Progress ... -> WriteTake -> take, done -> seen

Messages that a client may have missed are sent again: a repeated commit is answered with everything so far, and
an end is repeated with its takes until it is seen. Times are seconds of a steady clock.
"""

from collections.abc import Iterator

from engine.events import Event
from engine.service.messages import Job, Status

from ..osc import outgoing
from ..osc.addresses import PROTOCOL_VERSION, UNSIGNED_VERSION
from ..osc.codec import OscMessage
from .assemblies import Assemblies
from .book import RequestBook
from .clients import Clients, ReplyTo
from .commits import Answer, Commits
from .delivery import Delivery
from .effects import Effect, Favourite, Send
from .state import ClientState
from .watches import Watches

_SIGNED = tuple(f"/ditto/loop/{part}" for part in ("set", "curve", "notes", "onsets"))  # which end in the nonce
TIDY_SECONDS = 1.0  # between two removals of old clients and requests


class Session:
    """All clients of one bridge. Each method takes in one happening and yields effects."""

    def __init__(self, bridge_id: str, version: str) -> None:
        self._bridge_id = bridge_id
        self._version = version
        self._clients = Clients()
        self._assemblies = Assemblies()
        self._book = RequestBook()
        self._delivery = Delivery(self._book, self._clients)
        self._status: Status | None = None
        self._failure = ""
        self._tidied = float("-inf")
        self._commits = Commits(self._clients, self._assemblies, self._book)
        self._watches = Watches(self._clients)
        self.reply_to_refused = self._clients.reply_to_refused
        self.not_marked = self._clients.tell
        self.lane_seen = self._watches.seen
        self.written = self._delivery.written
        self.not_written = self._delivery.not_written
        self.previewed = self._delivery.previewed
        self.found = self._delivery.found
        self.prepared = self._commits.prepared
        self.refused = self._commits.refused
        self._answers: dict[str, Answer] = {
            "/ditto/hello": self._hello,
            "/ditto/bye": self._bye,
            "/ditto/take/favourite": self._favourite,
            "/ditto/lane/watch": self._watches.watch,
            **self._commits.answers,
        }

    @property
    def busy(self) -> bool:
        """Whether anything needs the clock several times a second."""
        return self._book.busy

    def receive(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        """Take in one checked message; raises `OscError` for one that has no meaning now."""
        yield from self._answers[message.path](message, host, now)

    def reply_to(self, message: OscMessage, host: str) -> ReplyTo | None:
        """Return where an error about a message is sent; None where its sender is unknown."""
        if not message.path.startswith("/ditto/loop/"):
            return None
        nonce = message.last if message.path in _SIGNED else message.values[1]
        client = self._clients.get(str(nonce))
        return ReplyTo(str(message.values[0]), client.port) if client is not None and client.host == host else None

    def _hello(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        protocol, instance, nonce, port = message.values
        if not UNSIGNED_VERSION <= int(protocol) <= PROTOCOL_VERSION:
            sentence = f"The device speaks version {protocol} of the protocol, this bridge {PROTOCOL_VERSION}."
            remedy = "Run `ditto-live install-device`, and put the new device on the track."
            yield Send(host, int(port), outgoing.error("", "protocol", sentence, remedy))
            return
        client = ClientState(str(instance), str(nonce), host, int(port), now, signs=int(protocol) > UNSIGNED_VERSION)
        self._clients.add(client)
        yield Send(host, client.port, outgoing.welcome(int(protocol), client.nonce, self._bridge_id, self._version))
        yield Send(host, client.port, outgoing.state(self._status, self._failure))
        yield from self._adopt(client)

    def _adopt(self, client: ClientState) -> Iterator[Effect]:
        """Give a client the requests of its instance whose own session is gone (a restart, a reload)."""
        for state in self._book:
            if state.instance == client.instance and state.nonce not in self._clients:
                state.nonce = client.nonce
                if not state.seen:
                    yield from self._clients.send(state, *state.said())

    def _bye(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        self._clients.remove(str(message.values[0]))
        yield from ()

    def _favourite(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        if message.last:  # devices of earlier versions send no nonce here
            self._clients.require(str(message.last))
        yield Favourite(str(message.values[0]), bool(message.values[1]), str(message.last))

    # -- from the engine

    def handle(self, said: Event | Job | Status, now: float) -> Iterator[Effect]:
        """Take in an event, a job or a status of the engine."""
        match said:
            case Status():
                before, self._status, self._failure = self._status, said, ""
                if before is None or _shown(before) != _shown(said):
                    yield from self._clients.broadcast(outgoing.state(said))
            case Job():
                self._assemblies.drop(said.request.request_id)
                yield from self._delivery.take_up(said)
            case _:
                yield from self._delivery.handle(said, now)

    def lost_engine(self, failure: str = "") -> Iterator[Effect]:
        """Tell all clients that no engine answers, and why, as far as that is known."""
        if self._status is not None or failure != self._failure:
            self._status, self._failure = None, failure
            yield from self._clients.broadcast(outgoing.state(None, failure))

    # -- the clock

    def tick(self, now: float) -> Iterator[Effect]:
        """Repeat messages that are due, and forget old clients and requests."""
        if self._status is not None:
            for state in self._book.progress_due(now):
                yield from self._delivery.progress.send(state, now)
        for state in self._book.ends_due(now):
            yield from self._clients.send(state, *state.said())
        yield from self._watches.tick(now)
        if now - self._tidied >= TIDY_SECONDS:
            self._tidied = now
            self._clients.forget_silent(now)
            self._assemblies.forget_old(now)
            self._book.forget_old(now)


def _shown(status: Status) -> tuple[object, ...]:
    return status.state, round(status.fraction, 2), status.sentence, status.model

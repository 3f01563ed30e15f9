"""A device in Python: asks a bridge for loops over OSC, and says everything again until it is answered.

It is what the Max for Live device does, for scripts, tests and `ditto-live send --osc`.
"""

import json
import secrets
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import EngineUnavailableError
from engine.request import LoopRequest
from engine.service.messages import EngineState, Priority

from .addresses import PROTOCOL_VERSION
from .codec import OscError, OscMessage, decode, encode
from .request import EncodedRequest, encode_request

HELLO_SECONDS = 5.0
RETRY_SECONDS = 0.3  # of hello, and of a commit until it is accepted
CHECK_SECONDS = 3.0  # of a commit when no answer comes any more
BRIDGE_SECONDS = 25.0  # of silence, in which it should have answered five hellos
ENGINE_SECONDS = 30.0  # without an engine, while it may be starting; a request is not accepted before
ENGINE_BACK_SECONDS = 120.0  # without an engine that had accepted a request: it is started again, and goes on
MAX_COUNTED_SECONDS = 1.0  # of waiting at once; what is more, this process did not run
AGAIN_SECONDS = 0.05  # between the missing pieces and the commit
ACCEPTED_REMEDY = (
    "Start it with `ditto-live serve`; the request goes on then, and `ditto-live takes` lists what it made."
)
ENDS = ("/ditto/done", "/ditto/cancelled", "/ditto/superseded", "/ditto/error")


def discovered_port(discovery_file: Path) -> int:
    """Return the port of the running bridge; raises `EngineUnavailableError` where there is none."""
    try:
        return int(json.loads(discovery_file.read_bytes())["osc_port"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineUnavailableError("No running bridge was found: there is no discovery file.") from error


@dataclass(slots=True)
class _Pending:
    """A request under way: its answers so far, and when its commit is sent again. Times are monotonic seconds."""

    encoded: EncodedRequest
    retry_at: float
    answered: bool = False
    answers: deque[OscMessage] = field(default_factory=deque)
    takes: set[int] = field(default_factory=set)
    take_ids: set[str] = field(default_factory=set)
    stems: set[tuple[str, str]] = field(default_factory=set)

    def due(self, now: float) -> bool:
        """Whether the commit is to be sent now; if so, the next time is set."""
        if now < self.retry_at:
            return False
        self.retry_at = now + (CHECK_SECONDS if self.answered else RETRY_SECONDS)
        return True

    def missing(self, message: OscMessage, now: float) -> Iterator[bytes]:
        """Return the datagrams that were lost; the commit follows when nothing more is asked for."""
        _, part, control = map(str, message.values)
        self.retry_at = now + AGAIN_SECONDS
        return self.encoded.of(part, control, [int(group[0]) for group in message.groups])

    def note(self, message: OscMessage, now: float) -> bool:
        """Take in an answer, each take once; return whether it is the end."""
        self.answered, self.retry_at = True, now + CHECK_SECONDS
        if message.path == "/ditto/take":
            if message.values[1] in self.takes:
                return False
            self.takes.add(int(message.values[1]))
            self.take_ids.add(str(message.values[2]))
        if message.path == "/ditto/done" and len(self.takes) < int(message.values[1]):
            self.retry_at = now + RETRY_SECONDS  # a take was lost on the way: ask again
            return False
        self.answers.append(message)
        if message.path in ENDS:
            self.retry_at = float("inf")
        return message.path in ENDS

    def note_stem(self, message: OscMessage) -> None:
        """Take in where a stem of one of its takes lies, each once."""
        stem = (str(message.values[0]), str(message.values[1]))
        if stem[0] in self.take_ids and stem not in self.stems:
            self.stems.add(stem)
            self.answers.append(message)


@dataclass(slots=True)
class _Silence:
    """How long the bridge has been silent, and how long it has said that no engine answers, in seconds of waiting.

    Time in which this process itself stood still, as in a computer that slept, does not count.
    """

    port: int
    bridge_seconds: float = 0.0
    engine_seconds: float = 0.0
    is_engine_gone: bool = False
    sentence: str = ""
    _counted: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Count from now on; that the engine is gone stays known."""
        self.bridge_seconds = self.engine_seconds = 0.0
        self._counted = time.monotonic()

    def note(self, message: OscMessage) -> None:
        """Take in whatever the bridge said."""
        self.bridge_seconds = 0.0
        if message.path == "/ditto/state":
            self.is_engine_gone, self.sentence = message.values[0] == EngineState.NO_ENGINE, str(message.values[2])
            self.engine_seconds *= self.is_engine_gone

    def check(self, *, accepted: bool) -> None:
        """Raise `EngineUnavailableError` where nobody is there any more who could answer a request."""
        now = time.monotonic()
        passed, self._counted = min(now - self._counted, MAX_COUNTED_SECONDS), now
        self.bridge_seconds += passed
        self.engine_seconds += passed * self.is_engine_gone
        remedy = ACCEPTED_REMEDY if accepted else EngineUnavailableError.remedy
        if self.bridge_seconds > BRIDGE_SECONDS:
            raise EngineUnavailableError(f"The bridge on UDP port {self.port} does not answer any more.", remedy=remedy)
        if self.engine_seconds > (ENGINE_BACK_SECONDS if accepted else ENGINE_SECONDS):
            raise EngineUnavailableError(self.sentence, remedy=ACCEPTED_REMEDY if accepted else "")


class OscClient:
    """One session with a bridge. One thread; `make` for one request, `ask` and `poll` for several at once."""

    def __init__(self, port: int, *, instance: str = "", patience_seconds: float = 10.0) -> None:
        self.instance = instance or f"py-{secrets.token_hex(4)}"
        self.nonce = secrets.token_hex(8)
        self.state: OscMessage | None = None
        self.welcomed = False
        self._bridge_id: object = None
        self._patience_seconds = patience_seconds
        self._to = ("127.0.0.1", port)
        self._socket = _bound()
        self._hello_at = 0.0
        self._pending: dict[str, _Pending] = {}
        self._silence = _Silence(port)

    def __enter__(self) -> "OscClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._send(encode("/ditto/bye", (self.nonce,)))
        self._socket.close()

    def meet(self) -> None:
        """Say hello until welcomed; raises `EngineUnavailableError`."""
        deadline = time.monotonic() + self._patience_seconds
        while not self.welcomed:
            if time.monotonic() > deadline:
                raise EngineUnavailableError(f"No bridge answers on UDP port {self._to[1]}.")
            self.poll(0.05)

    def ask(self, request: LoopRequest, *, priority: Priority = Priority.INTERACTIVE) -> float:
        """Send a request and return its commit's `time.perf_counter`; raises as `encode_request`."""
        encoded = encode_request(request, self.nonce, priority=priority)
        self._pending[request.request_id] = _Pending(encoded, time.monotonic() + RETRY_SECONDS)
        for datagram in encoded.parts.values():
            self._send(datagram)
        committed = time.perf_counter()
        self._send(encoded.commit)
        return committed

    def cancel(self, request_id: str) -> None:
        """Stop a request; its best take so far still comes."""
        self._send(encode("/ditto/loop/cancel", (request_id, self.nonce)))

    def answers(self, request_id: str) -> Iterator[OscMessage]:
        """Yield the answers to a request that have arrived since the last call."""
        answers = self._pending[request_id].answers
        while answers:
            yield answers.popleft()

    def make(
        self, request: LoopRequest, *, priority: Priority = Priority.INTERACTIVE, seconds: float = 3_600.0
    ) -> Iterator[OscMessage]:
        """Ask for a loop and yield all answers, each take once, to its end; raises as `follow`."""
        self.meet()
        self.ask(request, priority=priority)
        yield from self.follow(request.request_id, seconds=seconds)

    def follow(self, request_id: str, *, seconds: float = 3_600.0) -> Iterator[OscMessage]:
        """Yield the answers to a request that was asked for, to its end.

        Raises `EngineUnavailableError` where bridge or engine have gone, and `TimeoutError` after `seconds`.
        """
        deadline = time.monotonic() + seconds
        self._silence.begin()
        while time.monotonic() < deadline:
            self.poll(0.05)
            self._silence.check(accepted=self._pending[request_id].answered)
            for message in self.answers(request_id):
                yield message
                if message.path in ENDS:
                    return
        raise TimeoutError(f"Request {request_id} has no end after {seconds:g} s.")

    def poll(self, seconds: float) -> None:
        """Send the messages that are due again, and take in the answers that come within `seconds`."""
        now = time.monotonic()
        self._repeat(now)
        for datagram in _arriving(self._socket, seconds):
            self._receive(datagram)

    def _repeat(self, now: float) -> None:
        if now >= self._hello_at:
            self._hello_at = now + (HELLO_SECONDS if self.welcomed else RETRY_SECONDS)
            port = self._socket.getsockname()[1]
            self._send(encode("/ditto/hello", (PROTOCOL_VERSION, self.instance, self.nonce, port)))
        for pending in self._pending.values():
            if pending.due(now):
                self._send(pending.encoded.commit)

    def _receive(self, datagram: bytes) -> None:
        for message in _decoded(datagram):
            self._silence.note(message)
            if message.path == "/ditto/welcome" and message.values[1] == self.nonce:
                self._welcome(message)
            elif message.path == "/ditto/state":
                self.state = message
            elif message.path == "/ditto/stem":
                for one in self._pending.values():
                    one.note_stem(message)
            elif (pending := self._pending.get(str(message.values[0]))) is not None:
                self._answer(message, pending)

    def _welcome(self, message: OscMessage) -> None:
        if self.welcomed and message.values[2] != self._bridge_id:  # another bridge: it knows nothing of ours
            for pending in self._pending.values():
                pending.retry_at = 0.0
        self.welcomed, self._bridge_id = True, message.values[2]

    def _answer(self, message: OscMessage, pending: _Pending) -> None:
        now = time.monotonic()
        if message.path == "/ditto/missing":
            for datagram in pending.missing(message, now):
                self._send(datagram)
        elif pending.note(message, now):
            self._send(encode("/ditto/seen", (str(message.values[0]), self.nonce)))

    def _send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._to)


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
    made.bind(("127.0.0.1", 0))
    return made


def _arriving(bound: socket.socket, seconds: float) -> Iterator[bytes]:
    """Yield the first datagram within `seconds`, and those that are there with it."""
    bound.settimeout(max(seconds, 0.000_1))
    try:
        yield bound.recv(65_535)
        bound.settimeout(0.000_1)
        for _ in range(1_000):
            yield bound.recv(65_535)
    except (TimeoutError, BlockingIOError, ConnectionResetError):
        return


def _decoded(datagram: bytes) -> list[OscMessage]:
    """Return the messages of a bridge; nothing where they are not a bridge's."""
    try:
        return decode(datagram, "bridge")
    except OscError:
        return []

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

from .addresses import PROTOCOL_VERSION
from .codec import OscError, OscMessage, decode, encode
from .request import Spoken, speak

HELLO_SECONDS = 5.0
RETRY_SECONDS = 0.3  # of hello, and of a commit until it is accepted
CHECK_SECONDS = 3.0  # of a commit when nothing is heard any more
AGAIN_SECONDS = 0.05  # between what was missing and the commit
ENDS = ("/ditto/done", "/ditto/cancelled", "/ditto/superseded", "/ditto/error")


def discovered_port(discovery_file: Path) -> int:
    """Return the port of the running bridge; raises `EngineUnavailableError` where there is none."""
    try:
        return int(json.loads(discovery_file.read_bytes())["osc_port"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineUnavailableError("No bridge has left word where it is.") from error


@dataclass(slots=True)
class _Asked:
    """A request under way: what was heard of it, and when its commit is sent again. Times are monotonic seconds."""

    spoken: Spoken
    retry_at: float
    answered: bool = False
    heard: deque[OscMessage] = field(default_factory=deque)
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
        return self.spoken.of(part, control, [int(group[0]) for group in message.groups])

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
        self.heard.append(message)
        if message.path in ENDS:
            self.retry_at = float("inf")
        return message.path in ENDS

    def note_stem(self, message: OscMessage) -> None:
        """Take in where a stem of one of its takes lies, each once."""
        stem = (str(message.values[0]), str(message.values[1]))
        if stem[0] in self.take_ids and stem not in self.stems:
            self.stems.add(stem)
            self.heard.append(message)


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
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        self._socket.bind(("127.0.0.1", 0))
        self._hello_at = 0.0
        self._asked: dict[str, _Asked] = {}

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

    def ask(self, request: LoopRequest, *, priority: str = "interactive") -> float:
        """Send a request; its answers come out of `poll` and `answers`. Return when the commit was sent."""
        spoken = speak(request, self.nonce, priority=priority)
        self._asked[request.request_id] = _Asked(spoken, time.monotonic() + RETRY_SECONDS)
        for datagram in spoken.parts.values():
            self._send(datagram)
        committed = time.perf_counter()
        self._send(spoken.commit)
        return committed

    def cancel(self, request_id: str) -> None:
        """Ask for the best take so far."""
        self._send(encode("/ditto/loop/cancel", (request_id, self.nonce)))

    def answers(self, request_id: str) -> Iterator[OscMessage]:
        """Yield what has been heard of a request and was not yet asked for."""
        heard = self._asked[request_id].heard
        while heard:
            yield heard.popleft()

    def make(
        self, request: LoopRequest, *, priority: str = "interactive", seconds: float = 3_600.0
    ) -> Iterator[OscMessage]:
        """Yield all answers to a request, each take once, to its end; raises `TimeoutError` after `seconds`."""
        self.meet()
        self.ask(request, priority=priority)
        yield from self.follow(request.request_id, seconds=seconds)

    def follow(self, request_id: str, *, seconds: float = 3_600.0) -> Iterator[OscMessage]:
        """Yield the answers to a request that was asked for, to its end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.poll(0.05)
            for message in self.answers(request_id):
                yield message
                if message.path in ENDS:
                    return
        raise TimeoutError(f"Request {request_id} has no end after {seconds:g} s.")

    def poll(self, seconds: float) -> None:
        """Repeat what is due, and hear what comes within the time."""
        now = time.monotonic()
        self._repeat(now)
        self._socket.settimeout(max(seconds, 0.000_1))
        try:
            self._hear(self._socket.recv(65_535))
            self._socket.settimeout(0.000_1)
            for _ in range(1_000):
                self._hear(self._socket.recv(65_535))
        except (TimeoutError, BlockingIOError, ConnectionResetError):
            return

    def _repeat(self, now: float) -> None:
        if now >= self._hello_at:
            self._hello_at = now + (HELLO_SECONDS if self.welcomed else RETRY_SECONDS)
            port = self._socket.getsockname()[1]
            self._send(encode("/ditto/hello", (PROTOCOL_VERSION, self.instance, self.nonce, port)))
        for asked in self._asked.values():
            if asked.due(now):
                self._send(asked.spoken.commit)

    def _hear(self, datagram: bytes) -> None:
        for message in _understood(datagram):
            if message.path == "/ditto/welcome" and message.values[1] == self.nonce:
                self._welcome(message)
            elif message.path == "/ditto/state":
                self.state = message
            elif message.path == "/ditto/stem":
                for one in self._asked.values():
                    one.note_stem(message)
            elif (asked := self._asked.get(str(message.values[0]))) is not None:
                self._answer(message, asked)

    def _welcome(self, message: OscMessage) -> None:
        if self.welcomed and message.values[2] != self._bridge_id:  # another bridge: it knows nothing of ours
            for asked in self._asked.values():
                asked.retry_at = 0.0
        self.welcomed, self._bridge_id = True, message.values[2]

    def _answer(self, message: OscMessage, asked: _Asked) -> None:
        now = time.monotonic()
        if message.path == "/ditto/missing":
            for datagram in asked.missing(message, now):
                self._send(datagram)
        elif asked.note(message, now):
            self._send(encode("/ditto/seen", (str(message.values[0]), self.nonce)))

    def _send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._to)


def _understood(datagram: bytes) -> list[OscMessage]:
    """Return the messages of a bridge; nothing where they are not a bridge's."""
    try:
        return decode(datagram, "bridge")
    except OscError:
        return []

"""Eight devices at once: in a closed loop as devices are, or as a flood that nobody should send.

All in one process and with their datagrams ready, so that what is measured is the service: eight interpreters that
put requests together would take half of two cores from it.
"""

import secrets
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from bridge.osc.addresses import PROTOCOL_VERSION
from bridge.osc.client import ENDS
from bridge.osc.codec import OscMessage, decode, encode
from bridge.osc.request import EncodedRequest, encode_request
from engine.request import LoopRequest, Method

ROUND_SECONDS = 1_800.0  # whether, not how soon: both cores may be busy with other things
RETRY_SECONDS = 0.3  # of what is not accepted yet
SILENT_SECONDS = 4.0  # after which a device asks again for the end of what was accepted
HELLO_SECONDS = 5.0
SETTLE_SECONDS = 1.0


@dataclass
class Heard:
    """What all clients have seen: seconds from commit to accepted, and the ends."""

    waits: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    asked_seconds: float = 0.0  # until the last one was accepted


class Device:
    """One session, and all that it will ask for, ready to be sent."""

    def __init__(self, port: int, number: int, heard: Heard) -> None:
        self.nonce, self._to, self.heard = secrets.token_hex(8), ("127.0.0.1", port), heard
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.welcomed = False
        own_port = self.socket.getsockname()[1]
        self._hello = encode("/ditto/hello", (PROTOCOL_VERSION, f"client{number}", self.nonce, own_port))
        self._hello_at = self._heard_at = self._asked_at = 0.0
        self.waiting: deque[tuple[str, EncodedRequest]] = deque()
        self.committed: dict[str, tuple[float, EncodedRequest]] = {}  # asked, and not accepted yet
        self.open: dict[str, EncodedRequest] = {}  # asked, and without an end yet
        self.next_at = 0.0

    def prepare(self, count: int) -> None:
        """Put `count` requests together."""
        requests = [_request(f"s{index}") for index in range(count)]
        self.waiting.extend((request.request_id, encode_request(request, self.nonce)) for request in requests)

    def ask(self) -> None:
        """Send the next request."""
        name, encoded = self.waiting.popleft()
        for datagram in encoded.parts.values():
            self._send(datagram)
        self._asked_at = time.perf_counter()
        self.open[name] = encoded
        self.committed[name] = (self._asked_at, encoded)
        self._send(encoded.commit)

    def hear(self, pause: float) -> None:
        """Take in all that has come; the first answer to a commit is what its device waits for."""
        while True:
            try:
                datagram = self.socket.recv(65_535)
            except BlockingIOError:
                return
            now = time.perf_counter()
            for message in decode(datagram, "bridge"):
                self._note(message, now, pause)

    def repeat(self, now: float) -> None:
        """Say hello, and again what has had no answer for long."""
        if now >= self._hello_at:
            self._hello_at = now + (HELLO_SECONDS if self.welcomed else RETRY_SECONDS)
            self._send(self._hello)
        if self.committed and now - self._asked_at > RETRY_SECONDS:
            self._asked_at = now
            for _, encoded in self.committed.values():
                self._again(encoded)
        if self.open and now - self._heard_at > SILENT_SECONDS:
            self._heard_at = now
            for encoded in self.open.values():
                self._send(encoded.commit)

    def close(self) -> None:
        """End the session."""
        self._send(encode("/ditto/bye", (self.nonce,)))
        self.socket.close()

    def _note(self, message: OscMessage, now: float, pause: float) -> None:
        if message.path == "/ditto/welcome":
            self.welcomed = True
        self._heard_at = now
        name = str(message.values[0]) if message.values else ""
        if message.path == "/ditto/missing" and name in self.open:
            self._again(self.open[name])
        elif name in self.committed:
            self.heard.waits.append(now - self.committed.pop(name)[0])
            self.next_at = now + pause
        if message.path in ENDS:
            self._send(encode("/ditto/seen", (name, self.nonce)))
            if name in self.open:
                del self.open[name]
                self.heard.ends[message.path] += 1

    def _again(self, encoded: EncodedRequest) -> None:
        """Repeat a request; its wait goes on from the first commit."""
        for datagram in (*encoded.parts.values(), encoded.commit):
            self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self._to)


def run_clients(port: int, clients: int, each: int, *, flood: bool, pause: float) -> Heard:
    """Have all clients ask at the same time, each for one loop to warm up and then for all of its own."""
    warm, heard = Heard(), Heard()
    devices = [Device(port, number, warm) for number in range(clients)]
    for device in devices:
        device.prepare(1)
    with selectors.DefaultSelector() as selector:
        for device in devices:
            selector.register(device.socket, selectors.EVENT_READ, device)
        _until(lambda: all(device.welcomed for device in devices), selector, 0.0)
        _round(devices, selector, flood=False, pause=0.0)
        _until(lambda: not any(device.open for device in devices), selector, 0.0)
        for device in devices:
            device.heard = heard
            device.prepare(each)
        time.sleep(SETTLE_SECONDS)
        started = time.perf_counter()
        _round(devices, selector, flood=flood, pause=pause)
        heard.asked_seconds = time.perf_counter() - started
        _until(lambda: not any(device.open for device in devices), selector, pause)
    for device in devices:
        device.close()
    heard.waits.sort()
    return heard


def _round(devices: list[Device], selector: selectors.BaseSelector, *, flood: bool, pause: float) -> None:
    """Ask for everything that waits, and return when all of it has been accepted."""

    def accepted() -> bool:
        now = time.perf_counter()
        for device in devices:
            while device.waiting and (flood or (not device.committed and now >= device.next_at)):
                device.ask()
        return not any(device.waiting or device.committed for device in devices)

    _until(accepted, selector, pause)


def _until(done: Callable[[], bool], selector: selectors.BaseSelector, pause: float) -> None:
    deadline = time.perf_counter() + ROUND_SECONDS
    while not done() and time.perf_counter() < deadline:
        for key, _ in selector.select(0.001 if pause else 0.05):
            key.data.hear(pause)
        now = time.perf_counter()
        for key in selector.get_map().values():
            key.data.repeat(now)


def _request(slot: str) -> LoopRequest:
    """Return one bar at 999 BPM, so that the queue and the wire are measured and not the copying of sound."""
    return LoopRequest(prompt="x", bars=1, tempo_bpm=Fraction(999), method=Method.NONE, slot=slot)

"""A client over OSC whose bridge or engine goes away: it says so, and waits no hour."""

import socket
import threading
from collections.abc import Iterator

import pytest

from bridge.osc import client as osc
from bridge.osc.client import OscClient
from bridge.osc.codec import decode, encode
from engine.errors import EngineUnavailableError
from engine.request import LoopRequest


class Answering:
    """A bridge that answers each hello as it is told to, until it is silent."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.is_silent = False
        self.accepts = True
        self.state = "ready"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self.socket.close()

    def _run(self) -> None:
        while True:
            data, sender = self.socket.recvfrom(65_535)
            if not data:
                return
            for message in decode(data, "device"):
                if not self.is_silent:
                    for answer in self._answers(message.path, message.values):
                        self.socket.sendto(answer, sender)

    def _answers(self, path: str, values: tuple[object, ...]) -> Iterator[bytes]:
        if path == "/ditto/hello":
            yield encode("/ditto/welcome", (1, str(values[2]), "bridge", "0"))
            yield encode("/ditto/state", (self.state, -1.0, "The engine does not answer.", "", 0))
        elif path == "/ditto/loop/commit" and self.accepts:
            yield encode("/ditto/accepted", (str(values[0]), 0))


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """Return a bridge whose client is patient for fractions of a second only."""
    monkeypatch.setattr(osc, "HELLO_SECONDS", 0.1)
    monkeypatch.setattr(osc, "BRIDGE_SECONDS", 0.6)
    monkeypatch.setattr(osc, "ENGINE_SECONDS", 0.6)
    monkeypatch.setattr(osc, "ENGINE_BACK_SECONDS", 1.2)
    made = Answering()
    yield made
    made.close()


def ended(bridge: Answering, *, then: dict[str, object]) -> EngineUnavailableError:
    """Return how a request ends whose client was welcomed before the bridge became what `then` says."""
    with OscClient(bridge.port) as client:
        client.meet()
        for name, value in then.items():
            setattr(bridge, name, value)
        with pytest.raises(EngineUnavailableError) as raised:
            list(client.make(LoopRequest(seed=1), seconds=20))
        return raised.value


def test_a_bridge_that_went_away_is_said(bridge: Answering) -> None:
    """With what to do about it."""
    error = ended(bridge, then={"is_silent": True})
    assert error.sentence == f"The bridge on UDP port {bridge.port} does not answer any more."
    assert error.remedy


@pytest.mark.parametrize("accepts", [False, True])
def test_an_engine_that_went_away_is_said(bridge: Answering, accepts: bool) -> None:
    """In the bridge's words; an accepted request goes on when the engine is back."""
    error = ended(bridge, then={"state": "no_engine", "accepts": accepts})
    assert error.sentence == "The engine does not answer."
    assert (error.remedy == osc.ACCEPTED_REMEDY) is accepts


def test_a_bridge_that_answers_is_waited_for(bridge: Answering) -> None:
    """A long search has no answer for a while; hellos do."""
    with OscClient(bridge.port) as client:
        client.meet()
        with pytest.raises(TimeoutError):
            list(client.make(LoopRequest(seed=1), seconds=2))

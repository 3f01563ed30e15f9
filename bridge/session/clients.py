"""The OSC clients of a bridge: who said hello lately, and messages to them."""

from collections.abc import Iterator
from typing import NamedTuple

from engine.errors import DittoError

from ..osc import outgoing
from ..osc.codec import OscError, OscMessage, is_id, number_text
from .effects import Effect, Send
from .state import ClientState, RequestState

CLIENT_SECONDS = 30.0  # a device says hello every 5
MAX_CLIENTS = 256


class ReplyTo(NamedTuple):
    """Where an error about a message is sent: the client's port, and the request id, empty for an error about none."""

    request_id: str
    port: int


class Clients:
    """The clients that are there, by their nonce."""

    def __init__(self) -> None:
        self._clients: dict[str, ClientState] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def __contains__(self, nonce: str) -> bool:
        return nonce in self._clients

    def get(self, nonce: str) -> ClientState | None:
        """Return the client that says this nonce, if it said hello."""
        return self._clients.get(nonce)

    def require(self, nonce: str) -> ClientState:
        """Return the client that says this nonce; raises `OscError` for one that never said hello."""
        client = self._clients.get(nonce)
        if client is None:
            raise OscError("This device has not said hello yet.", remedy="Send /ditto/hello first.")
        return client

    def add(self, client: ClientState) -> None:
        """Keep a client that says hello; too many push out the one that was silent longest."""
        if client.nonce not in self._clients and len(self._clients) >= MAX_CLIENTS:
            del self._clients[min(self._clients.values(), key=lambda known: known.seen).nonce]
        self._clients[client.nonce] = client

    def remove(self, nonce: str) -> None:
        """Forget a client."""
        self._clients.pop(nonce, None)

    def forget_silent(self, now: float) -> None:
        """Forget those that have not said hello for `CLIENT_SECONDS`."""
        for nonce in [known.nonce for known in self._clients.values() if now - known.seen > CLIENT_SECONDS]:
            del self._clients[nonce]

    def nonce_of(self, instance: str) -> str:
        """Return the nonce of a client of this instance, or an empty text."""
        return next((known.nonce for known in self._clients.values() if known.instance == instance), "")

    def reply_to_refused(self, refused: OscMessage, host: str) -> ReplyTo | None:
        """Return where an error about a message is sent whose arguments are not all right.

        It is of the client whose nonce is among them; a hello names its port itself. None where neither is there.
        """
        if refused.path == "/ditto/hello" and (port := _port(refused)):
            return ReplyTo("", port)
        texts = [value if isinstance(value, str) else number_text(value) for value in refused.values]
        known = (self._clients.get(text) for text in texts)
        client = next((one for one in known if one is not None and one.host == host), None)
        if client is None:
            return None
        request_id = texts[0] if refused.path.startswith("/ditto/loop/") else ""
        return ReplyTo(request_id if is_id(request_id) else "", client.port)

    def send(self, state: RequestState, *datagrams: bytes) -> Iterator[Effect]:
        """Send to the client of a request, if it is there."""
        client = self._clients.get(state.nonce)
        if client is not None:
            yield from (Send(client.host, client.port, datagram) for datagram in datagrams)

    def tell(self, nonce: str, error: DittoError) -> Iterator[Effect]:
        """Say what went wrong that concerns no request, if the client is there."""
        client = self._clients.get(nonce)
        if client is not None:
            said = outgoing.error("", error.code, error.sentence, error.remedy)
            yield Send(client.host, client.port, said)

    def broadcast(self, datagram: bytes) -> Iterator[Effect]:
        """Send to all clients."""
        yield from (Send(client.host, client.port, datagram) for client in self._clients.values())


def _port(hello: OscMessage) -> int:
    """Return the reply port of a hello that is not all right, 0 where it has none: its fourth value, else its last."""
    for value in (*hello.values[3:4], *hello.values[-1:]):
        if not isinstance(value, str) and 1 <= value <= 65_535 and value == int(value):
            return int(value)
    return 0

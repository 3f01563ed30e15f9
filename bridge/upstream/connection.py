"""A socket to the engine, and why it does not answer: as far as the wire lets the reasons be distinguished."""

import contextlib
import errno
import socket as sockets
from dataclasses import dataclass, field
from enum import StrEnum

import zmq
from zmq.utils.monitor import recv_monitor_message

from engine.errors import EngineUnavailableError
from engine.service.access import Keys, address_of, host_of, introduce, is_loopback
from engine.service.transport import tune
from engine.service.wire import MAX_MESSAGE_BYTES
from engine.settings import DEFAULT_ENGINE_PORT, Settings

LOCAL = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}"
PROBE_SECONDS = 3.0
RETRY_SECONDS = 2.0  # ZeroMQ does not try again where it was refused; the key may be allowed meanwhile

_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)


class Reach(StrEnum):
    """How far a connection has come."""

    NOWHERE = "nowhere"  # nothing answers at the address
    CONNECTED = "connected"  # something does
    WRONG_ENGINE_KEY = "wrong_engine_key"  # it hung up on our greeting
    KEY_REFUSED = "key_refused"  # it is the engine, and does not let our key in
    NO_KEYS = "no_keys"  # it speaks ZeroMQ without keys
    ACCEPTED = "accepted"  # it is the engine, and we are let in


_REACHED = {
    zmq.Event.CONNECTED: Reach.CONNECTED,
    zmq.Event.HANDSHAKE_SUCCEEDED: Reach.ACCEPTED,
    zmq.Event.HANDSHAKE_FAILED_AUTH: Reach.KEY_REFUSED,
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: Reach.WRONG_ENGINE_KEY,
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: Reach.NO_KEYS,
}


def _own_keys() -> Keys:
    return Keys(Settings().home / "keys")


@dataclass(frozen=True, slots=True)
class Peer:
    """Where the engine is, and who we are. For an engine of this data folder the address says it all.

    The address may be given as `gpu-box`, too; raises `BadInputError` for one that names no engine.
    `engine_key` is the public key of an engine elsewhere; without it the one that was paired with counts. `keys`
    is the folder with our own pair, by default the one in the data folder.
    """

    address: str = LOCAL
    engine_key: bytes | None = None
    keys: Keys = field(default_factory=_own_keys)

    def __post_init__(self) -> None:
        """Write out the address."""
        object.__setattr__(self, "address", address_of(self.address))

    def key(self) -> bytes:
        """Return the engine's public key; raises `EngineUnavailableError` where it is not known."""
        found = self.engine_key or self.keys.engine_key(self.address)
        if found is None:
            raise EngineUnavailableError(
                f"The engine at {self.address} is on another computer, and its key is not known here.",
                remedy="Start it with `ditto-live engine --listen 0.0.0.0 --pair`, and type here what it shows.",
            )
        return found


class Monitor:
    """Watches how far a socket's connection comes. It belongs to the socket's thread."""

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self._reach = Reach.NOWHERE
        self._socket = socket
        self._events = socket.get_monitor_socket(_EVENTS)

    def news(self) -> Reach:
        """Return how far it has come by now."""
        with contextlib.suppress(zmq.ZMQError):  # Again: no more news
            while True:
                event = zmq.Event(recv_monitor_message(self._events, zmq.DONTWAIT)["event"])
                if event is not zmq.Event.CONNECTED or self._reach is Reach.NOWHERE:
                    self._reach = _REACHED[event]
        return self._reach

    def close(self) -> None:
        """Stop to watch."""
        if not self._socket.closed:
            self._socket.disable_monitor()
        self._events.close(linger=0)


class Connection:
    """One socket to an engine after another. Threads: one, the loop's or the caller's."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", peer: Peer) -> None:
        self._refused_at: float | None = None
        self._peer = peer
        self.socket = tune(context.socket(zmq.DEALER))
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        # The engine bounds what is on its way. Where a queue is full while the other side goes and comes back, libzmq
        # 4.3.5 can end the process by an assertion (`_input_stopped`).
        self.socket.setsockopt(zmq.RCVHWM, 0)
        self._monitor = Monitor(self.socket)
        try:
            introduce(self.socket, peer.keys, peer.key())
            self.socket.connect(peer.address)
        except zmq.ZMQError as error:
            self.close()
            raise EngineUnavailableError(
                f"{peer.address!r} is not an address of an engine: {error}.", remedy="Write it as tcp://gpu-box:47110."
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def reach(self) -> Reach:
        """How far it has come."""
        return self._monitor.news()

    def is_refused(self, now: float) -> bool:
        """Return whether it was refused and should be opened anew by now."""
        if self.reach not in (Reach.KEY_REFUSED, Reach.NO_KEYS):
            self._refused_at = None
            return False
        if self._refused_at is None:
            self._refused_at = now
        return now - self._refused_at > RETRY_SECONDS

    def renew(self) -> None:
        """Hang up and connect again, without reading a file: the disk of the keys may be what is silent."""
        self.socket.disconnect(self._peer.address)
        self.socket.connect(self._peer.address)

    def close(self, *, linger: int = 0) -> None:
        """Hang up."""
        self._monitor.close()
        self.socket.close(linger=linger)


def why_silent(peer: Peer, reach: Reach, version_error: str = "") -> EngineUnavailableError:
    """Return why no engine answers, with what to do; where nothing was reached a plain connection is tried.

    Takes up to 3 s. `version_error` is what an engine said that was not understood.
    """
    address, key_file = peer.address, peer.keys.folder / "client.key"
    if version_error:
        return EngineUnavailableError(
            f"The engine at {address} answers in another version: {version_error}",
            remedy="Install the same version of Ditto Live on both sides.",
        )
    match reach:
        case Reach.KEY_REFUSED:
            return EngineUnavailableError(
                f"The engine at {address} does not let this computer's key in.",
                remedy=f"Pair again (`ditto-live engine --pair` there), or let a copy of {key_file} in with --allow.",
            )
        case Reach.WRONG_ENGINE_KEY:
            return EngineUnavailableError(
                f"The engine at {address} has another key than the one that is known here.", remedy=_key_remedy(peer)
            )
        case Reach.NO_KEYS:
            return EngineUnavailableError(
                f"The program at {address} does not use keys, as every engine of this version does.",
                remedy="Install the same version of Ditto Live on both sides, and see that the port is the engine's.",
            )
        case Reach.CONNECTED | Reach.ACCEPTED:
            return EngineUnavailableError(
                f"Something at {address} takes the connection and does not answer as an engine does.",
                remedy="See that the port is the one that the engine showed, and that no other program has it.",
            )
    return unreachable(address)


def _key_remedy(peer: Peer) -> str:
    if is_loopback(peer.address):
        return f"It has another data folder than {peer.keys.folder.parent}: name its folder with --home or DITTO_HOME."
    return "Pair again (`ditto-live engine --pair` there), or copy its engine.key anew."


def unreachable(address: str) -> EngineUnavailableError:
    """Try a plain connection, and say what came of it."""
    host, port = host_of(address), address.rpartition(":")[2]
    if not port.isdigit():
        return EngineUnavailableError(f"No engine answers at {address}.")
    try:
        sockets.create_connection((host, int(port)), timeout=PROBE_SECONDS).close()
    except OSError as error:
        return _refusal(error, address, host, port)
    return EngineUnavailableError(f"No engine answers at {address} yet.", remedy="Wait a moment and try again.")


def _refusal(error: OSError, address: str, host: str, port: str) -> EngineUnavailableError:
    if isinstance(error, sockets.gaierror):
        return EngineUnavailableError(
            f"There is no computer named {host}.", remedy="See how its name is written, or use its number (192.168...)."
        )
    if isinstance(error, ConnectionRefusedError):
        if is_loopback(address):
            return EngineUnavailableError(f"No engine answers at {address}.")
        return EngineUnavailableError(
            f"{host} is there, but no engine listens on its port {port}.",
            remedy="Start it there with `ditto-live engine --listen 0.0.0.0`; use the port that it shows.",
        )
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPERM, errno.EACCES):
        return EngineUnavailableError(
            f"This computer may not or cannot reach {host}: {error.strerror}.",
            remedy="On macOS allow your terminal under Privacy & Security > Local Network; else check the network.",
        )
    return EngineUnavailableError(
        f"{host} does not answer on port {port}; what is sent there gets lost.",
        remedy=f"See that it is on and its address right, and that its firewall lets TCP port {port} in.",
    )

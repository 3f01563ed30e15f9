"""Two computers learn each other's keys by a code of 16 letters, shown on one and typed on the other.

From the code both derive the same two CURVE pairs (X25519, with BLAKE2b over 80 random bits), and over a connection
with these, on the engine's own port, each tells the other its lasting public key. Who does not know the code neither
reads nor answers it; it is good once, and for ten minutes.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils import z85

from ..errors import BadInputError, EngineUnavailableError
from .access import CLIENT, ENGINE, Keys
from .messages import VERSION
from .transport import tune

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32, without those that look like others
CODE_LETTERS = 16
VALID_SECONDS = 600.0
LINGER_SECONDS = 10.0  # for a partner that has not got the answer
MAX_MESSAGE_BYTES = 1_000

ASK, TELL, THANKS = b"pair", b"paired", b"thanks"


def new_code() -> str:
    """Return a fresh code, in groups of four."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(CODE_LETTERS))
    return "-".join(letters[start : start + 4] for start in range(0, CODE_LETTERS, 4))


def derived(code: str, name: str) -> tuple[bytes, bytes]:
    """Return the public and secret key of `engine` or `client` for a code; raises `BadInputError` for no code."""
    letters = code.upper().replace("-", "").replace(" ", "")
    if len(letters) != CODE_LETTERS or not set(letters) <= set(LETTERS):
        raise BadInputError(
            f"{code[:40]!r} is not a pairing code.", remedy="Type the 16 letters that `ditto-live engine --pair` shows."
        )
    digest = hashlib.blake2b(letters.encode(), digest_size=32, person=b"ditto pair " + name.encode()[:5])
    secret = z85.encode(digest.digest())
    return zmq.curve_public(secret), secret


@dataclass(frozen=True, slots=True)
class _Partner:
    """Lets in only the client that knows the code."""

    public: bytes

    def callback(self, domain: str, key: bytes) -> bool:
        """Return whether this is the client; see pyzmq's `configure_curve_callback`."""
        return key == self.public


def wait_for_partner(keys: Keys, code: str, *, host: str, port: int, valid_seconds: float = VALID_SECONDS) -> bytes:
    """Wait on the engine's port until a client with the code has come; let its key in and return it.

    Raises `EngineUnavailableError` where the port is taken, or nobody comes in time.
    """
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    doorkeeper = ThreadAuthenticator(context)
    doorkeeper.start()
    doorkeeper.configure_curve_callback("*", _Partner(derived(code, CLIENT)[0]))
    try:
        socket = tune(context.socket(zmq.ROUTER))
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = derived(code, ENGINE)
        try:
            socket.bind(f"tcp://{host}:{port}")
        except zmq.ZMQError as error:
            raise EngineUnavailableError(
                f"Port {port} cannot be listened on: {error.strerror}.",
                remedy="End the engine that has it, or choose another with --port.",
            ) from error
        return _exchange(socket, keys, valid_seconds)
    finally:
        doorkeeper.stop()
        context.destroy(linger=500)


def _exchange(socket: "zmq.Socket[bytes]", keys: Keys, valid_seconds: float) -> bytes:
    deadline, found = time.monotonic() + valid_seconds, b""
    while time.monotonic() < deadline:
        if not socket.poll(200):
            continue
        identity, *frames = socket.recv_multipart()
        if frames == [VERSION, THANKS] and found:
            break
        if len(frames) != 3 or frames[:2] != [VERSION, ASK] or not _is_key(frames[2]):
            socket.send_multipart([identity, VERSION, b"refused"])
            continue
        if not found:
            keys.allow_key(frames[2])
            found, deadline = frames[2], time.monotonic() + LINGER_SECONDS
        socket.send_multipart([identity, VERSION, TELL, keys.pair(ENGINE)[0]])
    if not found:
        minutes = valid_seconds / 60
        raise EngineUnavailableError(f"Nobody came to pair within {minutes:g} minutes.", remedy="Start it again.")
    return found


def _is_key(data: bytes) -> bool:
    try:
        return len(data) == 40 and len(z85.decode(data)) == 32
    except (ValueError, KeyError):
        return False

"""Who may reach the engine: only those whose key is known (CURVE), on this computer too.

Keys lie in `keys/` of the data folder, made when first needed: `engine.key` and `client.key` are public,
`*.key_secret` never leave their computer and are readable for their user only. Whoever can read them is let in: so a
bridge with the same data folder as the engine needs nothing more, and a web page or another user gets nowhere.
`keys/allowed/` holds the public keys of clients elsewhere, `keys/engines/` the keys of engines elsewhere.
"""

import ipaddress
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
import zmq
import zmq.auth
from filelock import FileLock
from zmq.auth.thread import ThreadAuthenticator

from midi.errors import MidiError
from midi.files.opening import state_of_file

from ..errors import BadInputError
from ..files import make_folder, publish
from ..settings import DEFAULT_ENGINE_PORT, MAX_PORT

log = structlog.get_logger("ditto.access")

ENGINE, CLIENT = "engine", "client"
_TCP = "tcp://"
_ON_THIS_COMPUTER = ("ipc://", "inproc://")
_HOST = re.compile(r"[^\s/@\[\]\x00-\x1f\x7f]+")
_PORT_DIGITS = 5


def is_loopback(address: str) -> bool:
    """Return whether a ZeroMQ address such as `tcp://127.0.0.1:47110` stays on this computer."""
    if not address.startswith(_TCP):
        return address.startswith(_ON_THIS_COMPUTER)
    host = host_of(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(text: str) -> str:
    """Return the ZeroMQ address of an engine that is named as `gpu-box`, `gpu-box:47110` or `tcp://gpu-box:47110`.

    Raises `BadInputError` for a text that names none, and for a port that does not exist.
    """
    if text.startswith(_ON_THIS_COMPUTER):
        return text
    named = text.strip().removeprefix(_TCP)
    host, colon, port = named.rpartition(":")
    if not colon or named.endswith("]") or (":" in host and not host.startswith("[")):  # no port; the last one is IPv6
        host, port = named, str(DEFAULT_ENGINE_PORT)
    host = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdecimal() and len(port) <= _PORT_DIGITS and 1 <= int(port) <= MAX_PORT
    if not is_port or not _HOST.fullmatch(host):
        raise BadInputError(
            f"{text[:80]!r} is no address of an engine.",
            remedy=f"Name it as gpu-box, gpu-box:{DEFAULT_ENGINE_PORT} or 192.168.1.20:{DEFAULT_ENGINE_PORT}.",
        )
    return f"{_TCP}{f'[{host}]' if ':' in host else host}:{port}"


def host_of(address: str) -> str:
    """Return the host of an address such as `tcp://gpu-box:47110`."""
    return address.removeprefix(_TCP).rpartition(":")[0].strip("[]")


@dataclass(frozen=True, slots=True)
class Keys:
    """The folder of keys."""

    folder: Path

    @property
    def allowed(self) -> Path:
        """Where the engine looks for the clients elsewhere that it lets in."""
        return self.folder / "allowed"

    def pair(self, name: str) -> tuple[bytes, bytes]:
        """Return the public and secret key of `engine` or `client`; they are made when there are none."""
        secret_file = self.folder / f"{name}.key_secret"
        if not secret_file.exists():
            self._make(name, secret_file)
        remedy = "Delete it: a new one is made. Computers that were paired with this one are then paired again."
        try:
            public, secret = load_key(secret_file)
        except BadInputError as error:
            raise BadInputError(error.sentence, remedy=remedy) from error
        if secret is None:
            raise BadInputError(f"{secret_file} holds no secret key.", remedy=remedy)
        return public, secret

    def _make(self, name: str, secret_file: Path) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.folder / "making.lock", timeout=10):  # bridge and engine begin at the same time
                if secret_file.exists():
                    return
                before = os.umask(0o077)  # the secret is born unreadable for others
                try:
                    zmq.auth.create_certificates(self.folder, name)
                finally:
                    os.umask(before)
        except OSError as error:
            raise BadInputError(
                f"The keys in {self.folder} cannot be made: {error.strerror or error}.",
                remedy="Set DITTO_HOME to a folder that can be written.",
            ) from error

    def allow(self, public_key_file: Path) -> Path:
        """Let in the client whose public key is in this file; return where it was copied."""
        load_key(public_key_file)
        make_folder(self.allowed, "DITTO_HOME")
        name = public_key_file.stem
        number = 1
        while (target := self.allowed / f"{name}-{number}.key").exists():
            if target.read_bytes() == public_key_file.read_bytes():
                return target
            number += 1
        shutil.copyfile(public_key_file, target)
        return target

    def allow_key(self, public: bytes) -> Path:
        """Let in the client with this public key; return the file that says so and can be deleted."""
        target = self.allowed / f"paired-{public.hex()[:16]}.key"
        write_key(target, public)
        return target

    def allowed_keys(self) -> frozenset[bytes]:
        """Return the public keys that are let in: our own client's and those in `allowed`, as they lie there now."""
        found = {self.pair(CLIENT)[0]}
        for file in self.allowed.glob("*.key"):
            try:
                found.add(load_key(file)[0])
            except BadInputError as error:
                log.warning("key.unreadable", error=error.sentence)
        return frozenset(found)

    def engine_file(self, address: str) -> Path:
        """Return where the public key of the engine at this address is kept."""
        return self.folder / "engines" / f"{re.sub('[^A-Za-z0-9.-]', '_', host_of(address)) or 'engine'}.key"

    def engine_key(self, address: str) -> bytes | None:
        """Return the public key of the engine at this address: the one that was paired with, our own, or None."""
        file = self.engine_file(address)
        if file.exists():
            return load_key(file)[0]
        return self.pair(ENGINE)[0] if is_loopback(address) else None


def load_key(path: Path) -> tuple[bytes, bytes | None]:
    """Return the public and, if it is there, the secret key of a file; raise `BadInputError` for another."""
    if not path.exists():
        raise BadInputError(f"{path} is not there.", remedy="Copy engine.key or client.key, or name where it lies.")
    try:
        state_of_file(path)  # a pipe may never end
        return zmq.auth.load_certificate(path)
    except (MidiError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sentence = f"{path} is not a key file: {reason.rstrip('.')}."
        raise BadInputError(sentence, remedy="Copy engine.key or client.key.") from error


def write_key(path: Path, public: bytes) -> None:
    """Write a public key (40 characters of Z85) as a key file."""
    make_folder(path.parent, "DITTO_HOME")
    publish(path, b'metadata\ncurve\n    public-key = "%s"\n' % public, overwrite=True)


class Access:
    """The engine's side: its own keys, and which clients it lets in. Threads: the loop's, but for `callback`."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._known = keys.allowed_keys()

    def open(self, context: "zmq.Context[zmq.Socket[bytes]]") -> Callable[[], None]:
        """Start to check the keys of whoever connects in this context; return what ends that."""
        doorkeeper = ThreadAuthenticator(context)
        doorkeeper.start()
        doorkeeper.configure_curve_callback("*", self)
        return doorkeeper.stop

    def guard(self, socket: "zmq.Socket[bytes]") -> None:
        """Make `socket` a CURVE server before it is bound."""
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = self._keys.pair(ENGINE)

    def callback(self, domain: str, key: bytes) -> bool:
        """Return whether a client with this public key is let in; the folder is read anew each time."""
        known = key in self._keys.allowed_keys()
        if known:
            self._known |= {key}
        return known

    def was_narrowed(self) -> bool:
        """Return whether a key was taken away since the last call: its connections must end."""
        before, self._known = self._known, self._keys.allowed_keys()
        return not before <= self._known


def introduce(socket: "zmq.Socket[bytes]", keys: Keys, engine_key: bytes) -> None:
    """Make `socket` a CURVE client of the engine with this public key."""
    socket.curve_publickey, socket.curve_secretkey = keys.pair(CLIENT)
    socket.curve_serverkey = engine_key

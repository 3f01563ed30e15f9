"""Who may reach the engine: anyone on this computer, and elsewhere only those whose key is known (CURVE).

Keys lie in `keys/` of the data folder, made when first needed: `engine.key` and `client.key` are public and
meant to be copied, `*.key_secret` never leave their computer. `keys/allowed/` holds the clients' public keys.
"""

import ipaddress
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from ..errors import BadInputError


def is_loopback(address: str) -> bool:
    """Return whether a ZeroMQ address such as `tcp://127.0.0.1:47110` stays on this computer."""
    if not address.startswith("tcp://"):
        return address.startswith(("ipc://", "inproc://"))
    host = address.removeprefix("tcp://").rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Keys:
    """The folder of keys."""

    folder: Path

    @property
    def allowed(self) -> Path:
        """Where the engine looks for the clients that it lets in."""
        return self.folder / "allowed"

    def pair(self, name: str) -> tuple[bytes, bytes]:
        """Return the public and secret key of `engine` or `client`; they are made when there are none."""
        secret_file = self.folder / f"{name}.key_secret"
        if not secret_file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            before = os.umask(0o077)  # the secret is born unreadable for others
            try:
                zmq.auth.create_certificates(self.folder, name)
            finally:
                os.umask(before)
        public, secret = load_key(secret_file)
        if secret is None:
            raise BadInputError(f"{secret_file} holds no secret key.", remedy="Delete it; a new one will be made.")
        return public, secret

    def allow(self, public_key_file: Path) -> Path:
        """Let in the client whose public key is in this file; return where it was copied."""
        load_key(public_key_file)
        self.allowed.mkdir(parents=True, exist_ok=True)
        name = public_key_file.stem
        number = 1
        while (target := self.allowed / f"{name}-{number}.key").exists():
            if target.read_bytes() == public_key_file.read_bytes():
                return target
            number += 1
        shutil.copyfile(public_key_file, target)
        return target


def load_key(path: Path) -> tuple[bytes, bytes | None]:
    """Return the public and, if it is there, the secret key of a file; raise `BadInputError` for another."""
    if not path.exists():
        raise BadInputError(f"{path} is not there.", remedy="Copy engine.key or client.key, or name where it lies.")
    try:
        return zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} is not a key file: {error}.", remedy="Copy engine.key or client.key.") from error


@dataclass(frozen=True, slots=True)
class Access:
    """The engine's side: its own keys, and the folder of keys that are let in."""

    keys: Keys

    def guard(self, context: "zmq.Context[zmq.Socket[bytes]]", socket: "zmq.Socket[bytes]") -> Callable[[], None]:
        """Make `socket` a CURVE server before it is bound; return what ends its doorkeeper."""
        public, secret = self.keys.pair("engine")
        self.keys.allowed.mkdir(parents=True, exist_ok=True)
        doorkeeper = ThreadAuthenticator(context)
        doorkeeper.start()
        doorkeeper.configure_curve(domain="*", location=str(self.keys.allowed))
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = public, secret
        return doorkeeper.stop


def introduce(socket: "zmq.Socket[bytes]", keys: Keys, engine_key: bytes) -> None:
    """Make `socket` a CURVE client of the engine with this public key."""
    socket.curve_publickey, socket.curve_secretkey = keys.pair("client")
    socket.curve_serverkey = engine_key

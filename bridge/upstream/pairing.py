"""The client's half of a pairing: `engine.service.pairing` is the other."""

import time

import zmq

from engine.errors import EngineUnavailableError
from engine.service.access import CLIENT, ENGINE, Keys, write_key
from engine.service.messages import VERSION
from engine.service.pairing import ASK, MAX_MESSAGE_BYTES, TELL, THANKS, derived
from engine.service.transport import tune

from .connection import Monitor, Reach, unreachable

REPEAT_MILLISECONDS = 500
PATIENCE_SECONDS = 15.0


def pair(keys: Keys, address: str, code: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Tell the engine at `address` our key and keep its own; raises `EngineUnavailableError`, saying why."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = tune(context.socket(zmq.DEALER))
    monitor = Monitor(socket)
    try:
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        socket.curve_publickey, socket.curve_secretkey = derived(code, CLIENT)
        socket.curve_serverkey = derived(code, ENGINE)[0]
        try:
            socket.connect(address)
        except zmq.ZMQError as error:
            raise EngineUnavailableError(
                f"{address!r} is not an address of an engine: {error}.", remedy="Write it as gpu-box:47110."
            ) from error
        engine_key = _asked(socket, monitor, keys.pair(CLIENT)[0], address, patience_seconds)
        write_key(keys.engine_file(address), engine_key)
        socket.send_multipart([VERSION, THANKS])
    finally:
        monitor.close()
        context.destroy(linger=1_000)


def _asked(socket: "zmq.Socket[bytes]", monitor: Monitor, own: bytes, address: str, patience_seconds: float) -> bytes:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline and monitor.news() not in (Reach.KEY_REFUSED, Reach.NO_KEYS):
        socket.send_multipart([VERSION, ASK, own])
        if not socket.poll(REPEAT_MILLISECONDS):
            continue
        frames = socket.recv_multipart()
        if frames[0] != VERSION:
            raise EngineUnavailableError(
                f"The engine at {address} speaks {frames[0][:16]!r}, and not {VERSION.decode()}.",
                remedy="Install the same version of Ditto Live on both sides.",
            )
        if len(frames) == 3 and frames[1] == TELL:
            return frames[2]
    if monitor.news() is Reach.NOWHERE:
        raise unreachable(address)
    raise EngineUnavailableError(
        f"What listens at {address} does not pair by this code.",
        remedy="See that `ditto-live engine --pair` waits there, and type its code again; each is good once.",
    )

"""The warm worker of a service that runs on this computer: it has a model loaded, so `render` asks it first.

The request, the code, the weights, the device and the precision are the same, so the take is, too. In doubt (another
version or model, a service that is busy or does not answer) there is none, and the loop is made in this process.
"""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import EngineUnavailableError
from engine.request import LoopRequest
from engine.settings import Settings

if TYPE_CHECKING:
    from bridge.client import Client

ANSWER_SECONDS = 1.0  # in which a service on this computer says how it is
CONNECT_SECONDS = 0.2


def warm_client(
    request: LoopRequest, settings: Settings, say: Callable[[str], object] = lambda sentence: None
) -> "Client | None":
    """Return a client of this data folder's engine if that is idle and would make the same loop; else None.

    The same loop needs the same version, model, device and precision. `say` is called with a sentence if only device
    or precision differ.
    """
    if not (settings.home / "keys" / "engine.key").is_file() or (port := _port(settings)) is None:
        return None
    from bridge.client import Client, Peer
    from engine.service.access import Keys

    keys = Keys(settings.home / "keys")
    try:
        client = Client(Peer(f"tcp://127.0.0.1:{port}", keys=keys), patience_seconds=ANSWER_SECONDS)
    except EngineUnavailableError:
        return None
    if _is_warm(client, request, settings, say):
        return client
    client.close()
    return None


def _port(settings: Settings) -> int | None:
    """Return the port on this computer at which an engine listens: the running bridge's, else the usual one."""
    return next(
        (port for port in (*_left_ports(settings.discovery_file), settings.engine_port) if _listens(port)), None
    )


def _left_ports(discovery_file: Path) -> Iterator[int]:
    """Yield the port of the engine that the discovery file names, if it runs on this computer."""
    try:
        address = urlsplit(json.loads(discovery_file.read_bytes())["engine"])
        if address.hostname in ("127.0.0.1", "localhost") and address.port is not None:
            yield address.port
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _is_warm(client: "Client", request: LoopRequest, settings: Settings, say: Callable[[str], object]) -> bool:
    from engine.service.messages import EngineState
    from engine.service.version import own_version
    from engine.service.workers.worker_options import Manner

    try:
        status = client.status()
    except EngineUnavailableError:
        return False
    idle = status.state is EngineState.READY and not status.queued
    if not idle or status.version != own_version() or status.model != request.model:
        return False
    ours = Manner.of(settings)
    if status.manner == ours:
        return True
    say(f"The service on this computer runs with {status.manner}, this loop with {ours}: this command makes it itself.")
    return False

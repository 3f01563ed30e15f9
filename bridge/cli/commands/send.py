"""`ditto-live send`: ask a running engine for a loop, over ZeroMQ, or over OSC as the device does."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import DittoError
from engine.settings import DEFAULT_ENGINE_PORT, Settings

from ...requests.asked import Asked, build_request
from ..follow import Outcome, follow
from ..guard import INTERRUPTED, say
from ..options import LoopOptions, takes_loop_options
from ..output import Shelf, shelf
from ..progress import display
from ..running import placed
from ..starts import read_start
from ..told import as_json, in_words

if TYPE_CHECKING:
    from bridge.osc.client import OscClient
    from bridge.osc.codec import OscMessage


def _place(sentence: str, *names: str) -> Any:
    return typer.Option(*names, help=sentence, rich_help_panel="Where it is made, and where it goes")


@takes_loop_options
def send(
    options: LoopOptions,
    engine: Annotated[str, _place("Where the engine is.")] = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}",
    engine_key: Annotated[Path | None, _place("Copy of its engine.key, if it is on another computer.")] = None,
    osc: Annotated[bool, _place("Ask the bridge over OSC, as the device does; it keeps the take.", "--osc")] = False,
    port: Annotated[int, _place("The bridge's UDP port; else the one it has left word of.")] = 0,
    batch: Annotated[bool, _place("Let others pass.", "--batch")] = False,
    out: Annotated[Path | None, _place("WAV to write; else a new take in the takes folder.")] = None,
    json: Annotated[bool, _place("Print one JSON object.", "--json")] = False,
    home: Annotated[Path | None, _place("Where keys and the discovery file lie.")] = None,
) -> int:
    """Ask a running engine for a loop; it is made there, and the take is written here."""
    started = time.monotonic()
    settings = placed(Settings(), home)
    asked = build_request(options, read_start(options, settings))
    if osc:
        return _over_osc(asked, settings, port, batch=batch)
    takes = shelf(out, asked.request, settings)
    outcome = _over_zeromq(asked, takes, settings, engine, engine_key, batch=batch)
    seconds = time.monotonic() - started
    if json:
        sys.stdout.write(as_json(takes, outcome, seconds, None))
    else:
        sys.stdout.write(in_words(takes, seconds, None))
    return INTERRUPTED if outcome.interrupted else 0


def _over_zeromq(
    asked: Asked, takes: Shelf, settings: Settings, engine: str, key: Path | None, *, batch: bool
) -> Outcome:
    from bridge.client import Client, Peer
    from engine.service.access import Keys, load_key

    peer = Peer(engine, load_key(key)[0] if key else None, Keys(settings.home / "keys") if key else None)
    with Client(peer) as client, display(asked.request.count) as shown:
        for remark in asked.remarks:
            shown.say(remark)
        return follow(client.make(asked.request, "batch" if batch else "interactive"), shown, takes.keep)


def _over_osc(asked: Asked, settings: Settings, port: int, *, batch: bool) -> int:
    from bridge.osc.client import OscClient, discovered_port

    say(*asked.remarks)
    with OscClient(port or discovered_port(settings.discovery_file)) as client:
        for message in _until_interrupted(client, asked, batch=batch):
            if message.path == "/ditto/take":
                sys.stdout.write(f"{message.values[3]}\n")
            elif message.path == "/ditto/error":
                raise _RefusedError(message)
            elif message.path == "/ditto/accepted":
                say(*(str(group[0]) for group in message.groups))
    return 0


def _until_interrupted(client: "OscClient", asked: Asked, *, batch: bool) -> "Iterator[OscMessage]":
    """Yield the answers; Ctrl-C asks for the best take so far."""
    making = client.make(asked.request, priority="batch" if batch else "interactive")
    while True:
        try:
            message = next(making, None)
        except KeyboardInterrupt:
            client.cancel(asked.request.request_id)
            making = client.follow(asked.request.request_id)
            continue
        if message is None:
            return
        yield message


class _RefusedError(DittoError):
    """What the bridge said."""

    def __init__(self, message: "OscMessage") -> None:
        _request_id, code, sentence, remedy = map(str, message.values)
        super().__init__(sentence, remedy=remedy)
        self.code = code

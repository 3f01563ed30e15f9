"""`ditto-live send`: ask a running engine for a loop, over ZeroMQ, or over OSC as the device does."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from engine.errors import BadRequestError, DittoError
from engine.settings import DEFAULT_ENGINE_PORT, MAX_PORT, Settings

from ..follow import Outcome, follow_reading
from ..guard import INTERRUPTED, say
from ..options import loop_command, typed_settings
from ..output import TakeWriter, named_files, take_writer
from ..progress import display
from ..running import placed
from ..summary import as_json, in_words
from .render import rows_of

if TYPE_CHECKING:
    from bridge.osc.client import OscClient
    from bridge.osc.codec import OscMessage


def _place(sentence: str, *names: str, **limits: Any) -> Any:
    return typer.Option(*names, help=sentence, **limits, rich_help_panel="Where it is made, and where it goes")


@loop_command
@dataclass(kw_only=True)
class Send:
    """Ask a running engine for a loop; it is made there, and the take is written here."""

    engine: Annotated[str, _place("Where the engine is.")] = f"tcp://127.0.0.1:{DEFAULT_ENGINE_PORT}"
    engine_key: Annotated[Path | None, _place("Copy of its engine.key, if it is on another computer.")] = None
    osc: Annotated[bool, _place("Ask the bridge over OSC, as the device does; it keeps the take.", "--osc")] = False
    port: Annotated[int, _place("The bridge's UDP port; else that of the running bridge.", min=0, max=MAX_PORT)] = 0
    batch: Annotated[bool, _place("Let interactive requests go first.", "--batch")] = False
    out: Annotated[Path | None, _place("WAV to write; else a new take in the takes folder.")] = None
    overwrite: Annotated[bool, _place("Replace a take there; else it becomes loop-2.wav.", "--overwrite")] = False
    midi: Annotated[bool, _place("MIDI of what is heard: melody, chords, drums.", "--midi")] = False
    json: Annotated[bool, _place("Print one JSON object.", "--json")] = False
    home: Annotated[Path | None, _place("Folder of the keys and the discovery file.")] = None

    def run(self) -> int:
        """Read the request, send it, and keep what comes."""
        started = time.monotonic()
        settings = placed(Settings(), self.home)
        rows = rows_of(getattr(self, "controls", ()))
        typed = typed_settings(self)
        reading = read_request(typed, frontend=Frontend.COMMAND_LINE, takes=settings.takes, rows=rows)
        if self.osc:
            self._refuse_what_the_bridge_decides()
            return _over_osc(reading, settings, self.port, batch=self.batch)
        takes = take_writer(
            self.out, reading.request, settings, inputs=named_files(typed), overwrite=self.overwrite, midi=self.midi
        )
        outcome = _over_zeromq(reading, takes, settings, self.engine, self.engine_key, batch=self.batch)
        written = as_json if self.json else in_words
        sys.stdout.write(written(takes, outcome, time.monotonic() - started, None))
        sys.stdout.flush()
        say(takes.remark)
        return INTERRUPTED if outcome.interrupted else 0

    def _refuse_what_the_bridge_decides(self) -> None:
        """Refuse options that have no meaning where the bridge keeps the take."""
        own = [f"--{name}" for name in ("out", "overwrite", "midi", "json") if getattr(self, name)]
        if own:
            raise BadRequestError(
                f"{own[0]} does not go with --osc: the bridge keeps the take in its own folder.",
                remedy=f"Leave out {' and '.join(own)}, or --osc.",
            )


command = Send


def _over_zeromq(
    reading: Reading, takes: TakeWriter, settings: Settings, engine: str, key: Path | None, *, batch: bool
) -> Outcome:
    from bridge.client import Client, Peer
    from engine.service.access import Keys, load_key
    from engine.service.messages import Priority

    peer = Peer(engine, load_key(key)[0] if key else None, Keys(settings.home / "keys"))
    with Client(peer) as client, display(reading.request.count) as shown:
        for remark in reading.remarks:
            shown.say(remark)
        events = client.make(reading.request, Priority.BATCH if batch else Priority.INTERACTIVE)
        return follow_reading(reading, events, shown, takes.keep)


def _over_osc(reading: Reading, settings: Settings, port: int, *, batch: bool) -> int:
    from bridge.osc.client import OscClient, discovered_port

    say(*reading.remarks)
    with OscClient(port or discovered_port(settings.discovery_file)) as client:
        for message in _until_interrupted(client, reading, batch=batch):
            if message.path == "/ditto/take":
                sys.stdout.write(_in_words(message))
                say(str(message.values[9]))
            elif message.path == "/ditto/stem":
                sys.stdout.write(f"{message.values[2]}\n")
            elif message.path == "/ditto/error":
                raise _RefusedError(message)
            elif message.path == "/ditto/accepted":
                notes = (str(group[0]) for group in message.groups)
                say(*(note for note in notes if note not in reading.remarks))
    return 0


def _in_words(take: "OscMessage") -> str:
    """Return a line as `render` has it: where the take lies, and its scores."""
    scores = ", ".join(f"{name} {value:.3g}" for name, value in take.groups)
    return f"{take.values[3]}" + (f"  ({scores})" if scores else "") + "\n"


def _until_interrupted(client: "OscClient", reading: Reading, *, batch: bool) -> "Iterator[OscMessage]":
    """Yield the answers; Ctrl-C asks for the best take so far."""
    from engine.service.messages import Priority

    making = client.make(reading.request, priority=Priority.BATCH if batch else Priority.INTERACTIVE, seconds=inf)
    while True:
        try:
            message = next(making, None)
        except KeyboardInterrupt:
            client.cancel(reading.request.request_id)
            making = client.follow(reading.request.request_id, seconds=inf)
            continue
        if message is None:
            return
        yield message


class _RefusedError(DittoError):
    """An error that the bridge has sent."""

    def __init__(self, message: "OscMessage") -> None:
        _request_id, code, sentence, remedy = map(str, message.values)
        super().__init__(sentence, remedy=remedy)
        self.code = code

"""The tools that `ditto-live mcp` offers to an assistant: make, redraw, takes, take. Paths come back, never sound.

`docs/osc.md` lists the settings; the same function reads them as for every other way in.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from mcp.server import MCPServer

from bridge.client import AsyncClient, Peer
from bridge.requests.reader import read_request
from bridge.takes import library
from bridge.takes.delivery import stems_of, write_take
from bridge.takes.parts import TakeParts
from engine.errors import DittoError, EngineUnavailableError
from engine.events import Accepted, Cancelled, Failed, Superseded, Take
from engine.request import LoopRequest

MAX_LISTED = 50
_AS_THEY_ARE = ("prompt", "bars", "tempo_bpm", "key", "seed", "favourite", "chords")  # fields of a take
INSTRUCTIONS = (
    "Ditto Live makes seamless, bar-exact loops for Ableton Live that follow an intensity curve, a melody or a rhythm. "
    "`make` answers with the path of a WAV; drag it into Live or name it to the user. Curves are text such as "
    "'0:-30 8:-12 16:-30' (beat:dB). Files are paths on this computer."
)


def make_server(peer: Peer, takes_folder: Path) -> MCPServer:
    """Return a server whose tools ask the engine at `peer` and keep takes in `takes_folder`."""
    server = MCPServer("ditto-live", instructions=INSTRUCTIONS)

    @server.tool()
    async def make(prompt: str, settings: dict[str, str] | None = None) -> dict[str, Any]:
        """Make a loop from words.

        `settings` may hold tempo_bpm, bars, time_signature, key, seed, count, intensity, brightness, melody, rhythm,
        structure, timbre, layers, chords, stems and all else that docs/osc.md lists, each as text.
        """
        return await _made(peer, takes_folder, {"prompt": prompt} | (settings or {}))

    @server.tool()
    async def redraw(take: str, settings: dict[str, str] | None = None) -> dict[str, Any]:
        """Make a take again from its own noise with something changed, such as another intensity curve.

        `take` is the id of a take, its file, or `latest`; `settings` holds what is to change, and
        variation (0 to 1) how far to leave it.
        """
        return await _made(peer, takes_folder, {"from_take": take} | (settings or {}))

    @server.tool()
    def takes(words: str = "") -> list[dict[str, Any]]:
        """List the newest takes whose prompt, key, model or id holds all these words."""
        found = library.search(library.stored_takes(takes_folder), words)
        return [_card(one) for one, _ in zip(found, range(MAX_LISTED), strict=False)]

    @server.tool()
    def take(take: str) -> dict[str, Any]:
        """Show one take by its id, or the `latest`: its path, settings and scores."""
        return _card(library.find(takes_folder, take))

    return server


async def _made(peer: Peer, takes_folder: Path, settings: dict[str, str]) -> dict[str, Any]:
    try:
        reading = read_request(settings, takes=takes_folder)
        said = dict.fromkeys(reading.remarks)
        made = [_card(one) async for one in _takes(peer, takes_folder, reading.request, said)]
    except DittoError as error:
        return {"error": error.sentence, "remedy": error.remedy}
    return {"takes": made, "remarks": list(said)}


async def _takes(
    peer: Peer, folder: Path, request: LoopRequest, said: dict[str, None]
) -> AsyncIterator[library.StoredTake]:
    """Yield the takes of a request as they are written; raises `DittoError` where none can be made.

    What the engine says of the request joins what was `said`, and all of it stands in the takes' own files.
    """
    parts = TakeParts(asks_stems=request.stems)
    async with AsyncClient(peer) as client:
        async for event in client.make(request):
            match event:
                case Accepted():
                    said |= dict.fromkeys(event.notes)
                case Take():
                    event = msgspec.structs.replace(event, notes=(*said, *event.notes))
                case Failed():
                    raise DittoError(event.sentence, remedy=event.remedy)
                case Cancelled() | Superseded():
                    raise EngineUnavailableError("The loop was stopped before it was finished.", remedy="Ask again.")
            for one in parts.of(event):
                yield library.find(folder, write_take(folder, request, one.take, one.stems).path)


def _card(take: library.StoredTake) -> dict[str, Any]:
    return {
        "id": take.take_id,
        "path": str(take.wav.absolute()),
        **{name: getattr(take, name) for name in _AS_THEY_ARE},
        "layers": list(take.layers),
        "stems": [str(file.absolute()) for file in stems_of(take.wav)],
        "verdicts": [one["sentence"] for one in take.verdicts if "sentence" in one],
        "scores": {name: value for name, value in take.scores.items() if value is not None},
    }

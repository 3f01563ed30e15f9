"""One tab's WebSocket: the first message says the token, then requests come in and events go out, all JSON."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.errors import BadInputError, DittoError
from engine.request import BUILTIN_CONTROLS, new_id

from ..requests.fields import Frontend, names_file
from ..requests.file_threads import FileThreads
from ..requests.reader import Reading, read_request
from ..requests.sent import Rows
from .guard import is_token
from .hub import Hub, Tab
from .readings import reading_of_chords, reading_of_prompt
from .uploads import HANDLE, Uploads

HELLO_SECONDS = 5.0
MAX_MESSAGE_BYTES = 2 * 2**20  # 20,000 notes as JSON
MAX_TABS = 64
INSTANCE = "page"
# Texts that a page may write where a program may name a file; any other there must be an upload's handle.
_PLAIN = {
    "intensity": re.compile(r"[\d\s:.,/+-]*"),
    "brightness": re.compile(r"[\d\s:.,/+-]*"),
    "chords": re.compile(r"(?:N\.C\.?(?![A-Za-z])|[\w#♯♭°øΔ+/|()\s,:%-]|(?<!\S)\.(?!\S))*"),
    "structure": re.compile(r"[A-Za-z]{0,32}"),
    "from_take": re.compile(r"[A-Za-z0-9_-]{0,80}"),
}
_HOW = {  # how a text is written that is no file
    "intensity": "Draw it in its lane, or write points like 0:-30 8:-9.",
    "brightness": "Draw it in its lane, or write points like 0:400 8:4000.",
    "chords": "Write bars like Am F | C G/B.",
    "structure": "Write 2 to 32 letters like AABA.",
    "from_take": "Choose a take of the list.",
}
_TARGET = re.compile(r"[\d\s:.,+-]*|[A-Za-z ,'-]*")  # of a control of one's own: a curve, a number or words

Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The first message."""

    token: Text


class Part(msgspec.Struct, frozen=True):
    """A curve (beat, value), a clip (pitch, start, duration, velocity) or a rhythm (beat, strength, group)."""

    part: Annotated[str, msgspec.Meta(pattern="^(curve|notes|onsets)$")]
    control: Annotated[str, msgspec.Meta(pattern="^[a-z-]{1,40}$")]
    groups: Annotated[tuple[tuple[Number | Text, ...], ...], msgspec.Meta(max_length=20_000)]
    unit: Annotated[str, msgspec.Meta(pattern="^(db|hz|unit|)$")] = ""


class Make(msgspec.Struct, frozen=True, tag="make"):
    """A request: settings as `docs/osc.md` lists them, and its parts."""

    settings: dict[Text, Text]
    parts: Annotated[tuple[Part, ...], msgspec.Meta(max_length=20)] = ()
    tag: Text = ""  # comes back with every answer to this request


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop a request."""

    id: Text


class Understand(msgspec.Struct, frozen=True, tag="understand"):
    """Say which words of a prompt the model knows."""

    prompt: Text


class Chords(msgspec.Struct, frozen=True, tag="chords"):
    """Say how chords are understood in a loop of so many bars."""

    text: Text
    key: Text = ""
    bars: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    time_signature: Text = "4/4"


TabMessage = Make | Cancel | Understand | Chords


class Talk:
    """The conversations of all tabs."""

    def __init__(self, hub: Hub, uploads: Uploads, token: str, models: Sequence[str], files: FileThreads) -> None:
        self._hub = hub
        self._files = files
        self._uploads = uploads
        self._token = token
        self._models = tuple(models)
        self._open = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one tab until it leaves."""
        if self._open >= MAX_TABS:
            await socket.close(1013, "Too many tabs are open.")
            return
        self._open += 1
        try:
            await socket.accept()
            if await self._greeted(socket):
                await self._serve(socket)
        except WebSocketDisconnect:
            return
        finally:
            self._open -= 1

    async def _greeted(self, socket: WebSocket) -> bool:
        try:
            text = await asyncio.wait_for(socket.receive_text(), HELLO_SECONDS)
            message = msgspec.json.decode(text, type=Hello)
        except (TimeoutError, KeyError, msgspec.DecodeError):
            await socket.close(1008, "A page says its token first.")
            return False
        if not is_token(message.token, self._token):
            await socket.close(1008, "The token is not this server's.")
            return False
        await socket.send_text(_json({"type": "hello", "models": self._models}))
        return True

    async def _serve(self, socket: WebSocket) -> None:
        tab = Tab()
        self._hub.enter(tab)
        sending = asyncio.create_task(_send(socket, tab))
        try:
            while True:
                text = await socket.receive_text()
                tab.send(await self._answer(text)) if len(text) <= MAX_MESSAGE_BYTES else tab.close()
        except (KeyError, RuntimeError):  # bytes where text belongs, or a socket that is closing
            return
        finally:
            self._hub.leave(tab)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sending

    async def _answer(self, text: str) -> dict[str, object]:
        try:
            message = msgspec.json.decode(text, type=TabMessage)
        except (msgspec.DecodeError, RecursionError) as error:
            return {"type": "refused", "sentence": f"The page said what nobody understands: {error}."[:300]}
        match message:
            case Make():
                return await self._make(message)
            case Cancel():
                self._hub.cancel(message.id)
                return {"type": "cancelling", "id": message.id}
            case Chords():
                return {"type": "chords", "text": message.text, **self._chords(message)}
            case _:
                return {"type": "understood", "prompt": message.prompt, **reading_of_prompt(message.prompt)}

    def _chords(self, message: Chords) -> dict[str, object]:
        try:
            self._checked("chords", message.text)
            return reading_of_chords(message.text, message.key, message.bars, message.time_signature)
        except DittoError as error:
            return {"sentence": error.sentence, "remedy": error.remedy}

    async def _make(self, message: Make) -> dict[str, object]:
        try:
            made = await self._files.run(partial(self._read, message))
            self._hub.submit(made.request, made.remarks)
        except DittoError as error:
            sentence = self._uploads.as_named(error.sentence)
            return {"type": "refused", "tag": message.tag, "sentence": sentence, "remedy": error.remedy}
        return {"type": "submitted", "tag": message.tag, "id": made.request.request_id, "seed": str(made.request.seed)}

    def _read(self, message: Make) -> Reading:
        settings = {name: self._checked(name, value) for name, value in message.settings.items() if value}
        if settings.get("model", "pocket") not in self._models:
            raise BadInputError("This model is not offered here.", remedy="Choose one from the list.")
        rows = {(part.part, part.control): Rows(part.groups, part.unit) for part in message.parts}
        return read_request(
            settings, rows, frontend=Frontend.OSC, takes=self._hub.takes_folder, request_id=new_id(), instance=INSTANCE
        )

    def _checked(self, name: str, value: str) -> str:
        """Return a setting, an upload's handle as its path; raises `BadInputError` where a page names a file itself."""
        if not names_file(name):
            return value
        kind, _, part = name.partition(".")
        plain = _TARGET if part and kind not in BUILTIN_CONTROLS else _PLAIN.get(kind)
        if plain is not None and plain.fullmatch(value):
            return value
        if not value.startswith(HANDLE):
            raise BadInputError(
                f"{value[:60]!r} cannot be read as {kind}.", remedy=_HOW.get(kind, "Drop the file here.")
            )
        return self._uploads.path(value)


async def _send(socket: WebSocket, tab: Tab) -> None:
    while (message := await tab.queue.get()) is not None:
        await socket.send_text(_json(message))
    await socket.close(1013, "The page does not listen.")


def _json(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()

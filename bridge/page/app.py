"""The page's routes: its own files, takes, uploads, and the socket; any other path is not found."""

import functools
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from engine.errors import DittoError
from midi.bars import read_position
from midi.notes import Note
from midi.tempo import Meter, exact

from ..requests.file_threads import FileThreads
from ..takes import library
from . import songs
from .cards import card, form_of
from .downloads import packed, stems_by_layer
from .files import index, serve_static
from .hub import Hub
from .spelled import command_line
from .take_worker import TakeWorker
from .talk import Talk
from .uploads import Uploads

MAX_LISTED = 200
PIECE_BYTES = 2**18
NOT_FOUND, REFUSED = 404, 400


class TakeRoutes:
    """The routes of takes. Files are read on threads; a `TakeWorker` does the work that costs memory.

    Reports are written to `reports_folder`.
    """

    def __init__(self, takes_folder: Path, reports_folder: Path, take_worker: TakeWorker) -> None:
        self._folder = takes_folder
        self._reports_folder = reports_folder
        self._take_worker = take_worker

    def routes(self) -> list[Route]:
        """Return the table of routes."""
        take = "/takes/{take_id:str}"
        return [
            Route("/takes", _answering(self._list)),
            Route(take, _answering(self._describe)),
            Route(take, _answering(self._change), methods=["POST"]),
            Route(f"{take}/audio", _answering(self._audio)),
            Route(f"{take}/melody", _answering(self._melody)),
            Route(f"{take}/midi", _answering(self._midi)),
            Route(f"{take}/stems.zip", _answering(self._stems)),
            Route(f"{take}/stems/{{layer:str}}", _answering(self._stem)),
            Route(f"{take}/page", _answering(self._page)),
        ]

    def _take(self, request: Request) -> library.StoredTake:
        return library.find(self._folder, request.path_params["take_id"])

    def _list(self, request: Request) -> Response:
        words, start = request.query_params.get("words", ""), int(request.query_params.get("from", "0") or 0)
        found = list(library.search(library.stored_takes(self._folder), words))
        if request.query_params.get("favourites"):
            found = [take for take in found if take.favourite]
        shown = found[max(start, 0) : max(start, 0) + MAX_LISTED]
        return JSONResponse({"takes": [card(take) for take in shown], "all": len(found)})

    def _describe(self, request: Request) -> Response:
        take = self._take(request)
        asked = library.sidecar(take).request
        command = command_line(asked, self._reports_folder, take.take_id)
        return JSONResponse({**self._take_worker.describe(take), "settings": form_of(asked), "command": command})

    def _change(self, request: Request) -> Response:
        take = self._take(request)
        wish = request.query_params.get("do", "")
        if wish in ("favourite", "unfavourite"):
            library.set_favourite(take.wav, wish == "favourite")
            return JSONResponse(card(library.find(self._folder, str(take.wav))))
        if wish == "name":
            library.set_title(take.wav, request.query_params.get("title", ""))
            return JSONResponse(card(library.find(self._folder, str(take.wav))))
        if wish == "bin":
            library.to_trash([take])
        elif wish == "show":
            _show(take.wav)
        else:
            return JSONResponse({"sentence": "There is no such thing to do with a take."}, REFUSED)
        return JSONResponse({"id": take.take_id})

    def _audio(self, request: Request) -> Response:
        take = self._take(request)
        return FileResponse(take.wav, media_type="audio/wav", filename=take.wav.name)

    def _melody(self, request: Request) -> Response:
        """The notes that the take was asked to follow, as a MIDI file."""
        from midi.smf.score import score_of_notes
        from midi.smf.write import write_midi  # here, because few ask for it, and it loads a library

        take = self._take(request)
        asked = library.sidecar(take).request
        notes: list[Note] = []
        for control in asked.controls:
            notes += getattr(control.target, "notes", ())
        if not notes:
            return JSONResponse({"sentence": "This take was asked to follow no notes."}, NOT_FOUND)
        data = write_midi(score_of_notes(notes, tempo_bpm=asked.tempo_bpm, meter=asked.meter, name="Melody"))
        return Response(data, media_type="audio/midi")

    def _midi(self, request: Request) -> Response:
        """The transcription of the take as a MIDI file: the one beside it, or one made now."""
        take = self._take(request)
        beside = take.wav.with_suffix(".mid")
        if not beside.exists():
            return Response(self._take_worker.transcribe(take), media_type="audio/midi")
        return FileResponse(beside, media_type="audio/midi")

    def _stem(self, request: Request) -> Response:
        path = stems_by_layer(self._take(request).wav).get(request.path_params["layer"])
        if path is None:
            return JSONResponse({"sentence": "The take has no such stem."}, NOT_FOUND)
        return FileResponse(path, media_type="audio/wav")

    def _stems(self, request: Request) -> Response:
        """All stems in one file."""
        stems = stems_by_layer(self._take(request).wav)
        if not stems:
            return JSONResponse({"sentence": "The take has no stems."}, NOT_FOUND)
        file, size = packed(stems.values())
        pieces = iter(functools.partial(file.read, PIECE_BYTES), b"")
        headers = {"content-length": str(size)}
        closing = BackgroundTask(file.close)
        return StreamingResponse(pieces, media_type="application/zip", headers=headers, background=closing)

    def _page(self, request: Request) -> Response:
        """The report about the take, as a picture."""
        take = self._take(request)
        path = self._reports_folder / f"{take.take_id}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._take_worker.draw(take, path)
        return FileResponse(path, media_type="image/png")


class UploadRoutes:
    """The routes of files that were dropped on the page."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads

    def routes(self) -> list[Route]:
        """Return the table of routes."""
        return [
            Route("/uploads", self._upload, methods=["POST"]),
            Route("/lane", _answering(self._lane)),
            Route("/clip", _answering(self._clip)),
            Route("/tune", _answering(self._tune)),
            Route("/song", _answering(self._song)),
        ]

    def _lane(self, request: Request) -> Response:
        wanted = request.query_params
        start, beats = read_position(wanted.get("start", "")), exact(wanted.get("beats", "16"))
        return JSONResponse(songs.lane(self._path("set", wanted), wanted.get("lane", ""), start, beats))

    def _clip(self, request: Request) -> Response:
        wanted = request.query_params
        number, beats = int(wanted.get("number", "0") or 0), exact(wanted.get("beats", "16"))
        start = read_position(wanted.get("start", ""))
        return JSONResponse(songs.clip(self._path("set", wanted), number, beats, start))

    def _tune(self, request: Request) -> Response:
        wanted = request.query_params
        beats, meter = exact(wanted.get("beats", "16")), Meter.parse(wanted.get("metre", "4/4"))
        start, track = read_position(wanted.get("start", "")), wanted.get("track", "")
        place = int(track) if track else None
        return JSONResponse(songs.tune(self._path("file", wanted), beats, meter, start, place))

    def _song(self, request: Request) -> Response:
        wanted = request.query_params
        start = read_position(wanted.get("start", ""))
        return JSONResponse({} if start is None else songs.song(self._path("file", wanted), start))

    def _path(self, name: str, wanted: Mapping[str, str]) -> Path:
        return Path(self._uploads.path(wanted.get(name, "")))

    async def _upload(self, request: Request) -> Response:
        data = await request.body()
        name = request.query_params.get("name", "")
        return await _answered(request, functools.partial(self._uploads.keep, name, data))


def _answering(answer: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def route(request: Request) -> Response:
        return await _answered(request, functools.partial(answer, request))

    return route


async def _answered(request: Request, call: Callable[[], Any]) -> Response:
    """Run `call` on a thread of the app; an error is answered with its sentence."""
    files: FileThreads = request.app.state.files
    try:
        found = await files.run(call)
    except DittoError as error:
        return JSONResponse({"sentence": error.sentence, "remedy": error.remedy}, REFUSED)
    except (OSError, ValueError) as error:
        return JSONResponse({"sentence": f"This cannot be read: {error}."[:300]}, REFUSED)
    return found if isinstance(found, Response) else JSONResponse(found)


def _show(path: Path) -> None:
    """Open the folder of `path` in the system's file manager."""
    if sys.platform == "darwin":
        command = ["open", "-R", str(path)]
    elif sys.platform == "win32":
        command = ["explorer", f"/select,{path}"]
    else:
        command = ["xdg-open", str(path.parent)]
    subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _index(_request: Request) -> Response:
    return HTMLResponse(index().html)


def make_app(hub: Hub, uploads: Uploads, talk: Talk, take_worker: TakeWorker, files: FileThreads) -> Starlette:
    """Return the page's application, without its guard; `files` are the threads that read for it."""
    app = Starlette(
        routes=[
            Route("/", _index),
            *TakeRoutes(hub.takes_folder, uploads.folder, take_worker).routes(),
            *UploadRoutes(uploads).routes(),
            WebSocketRoute("/talk", talk.serve),
            Mount("/static", serve_static),
        ]
    )
    app.state.files = files
    return app


def address(port: int, token: str) -> str:
    """Return the page's address with its token, which the page takes out of the address bar at once."""
    return f"http://127.0.0.1:{port}/#token={token}"

"""The page's server: uvicorn on loopback, beside the bridge on the same event loop."""

import asyncio
import contextlib
import functools
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import structlog
import uvicorn

from engine.errors import DittoError, EngineUnavailableError
from engine.files import make_folder, publish
from engine.models.places import here_now
from engine.settings import Settings, ports_from

from ..client import Peer
from ..requests.file_threads import READING, FileThreads
from ..session.identity import lasting_owner
from .app import address, make_app
from .guard import Guard
from .hub import Hub
from .take_worker import LIMIT_SECONDS, TakeWorker
from .talk import MAX_MESSAGE_BYTES, MAX_TABS, Talk
from .uploads import Uploads

log = structlog.get_logger("ditto.page")

MAX_CONNECTIONS = 4 * MAX_TABS
PORTS_TRIED = 16
QUIET_SECONDS = 20.0  # between a tab's signs of life
_READING = replace(
    READING, seconds=LIMIT_SECONDS + READING.seconds, sentence="The files of this take could not be read"
)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the bridge has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the loop."""
        yield


class Page:
    """The studio page of one computer; `serve` runs it until cancelled."""

    def __init__(self, settings: Settings, peer: Peer, *, token: str = "") -> None:
        self.token = token or secrets.token_urlsafe(24)
        self.port = 0
        self.ready = asyncio.Event()
        self._settings = settings
        self._hub = Hub(peer, settings.takes, lasting_owner(settings.home / "page.id"))
        self._files = FileThreads(4, "page-read", _READING)
        self._uploads = Uploads(settings.home / "page-uploads")
        self._talk = Talk(self._hub, self._uploads, self.token, here_now(settings), self._files)
        self._take_worker = TakeWorker()
        app = make_app(self._hub, self._uploads, self._talk, self._take_worker, self._files)
        self._app = Guard(app, self.token, lambda: self.port)

    @property
    def address(self) -> str:
        """The address with its token."""
        return address(self.port, self.token)

    def connect(self, peer: Peer) -> None:
        """Talk to an engine at another address from now on."""
        self._hub.connect(peer)

    async def serve(self) -> None:
        """Serve; raises `EngineUnavailableError` where no port is free."""
        listening = _bind(self._settings.page_port)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_interval=QUIET_SECONDS,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        tidying = asyncio.create_task(self._tidy())
        talking = asyncio.create_task(self._hub.serve())
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        self._write_discovery()
        log.info("page.ready", port=self.port)
        self.ready.set()
        try:
            await asyncio.wait((serving, talking), return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.should_exit = True
            self._take_worker.close()
            self._files.close()
            await self._hub.close()
            talking.cancel()
            tidying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(serving, talking, tidying, return_exceptions=True)
            page_file(self._settings).unlink(missing_ok=True)

    async def _tidy(self) -> None:
        """Remove files that were dropped on the page long ago."""
        with contextlib.suppress(DittoError, OSError):  # a disk that does not answer: at the next start
            await self._files.run(functools.partial(self._uploads.remove_old, time.time()))

    async def started(self, serving: "asyncio.Task[None]") -> None:
        """Wait until the page listens; raises the error that keeps it from that."""
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait((ready, serving), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if serving.done():
            serving.result()

    def _write_discovery(self) -> None:
        path = page_file(self._settings)
        make_folder(path.parent, "DITTO_HOME")
        found = {"port": self.port, "token": self.token, "pid": os.getpid()}  # `ditto-live open` reads it
        publish(path, json.dumps(found).encode(), overwrite=True, private=True)


def page_file(settings: Settings) -> Path:
    """Where the running page writes its port and token, for `ditto-live open`."""
    return settings.home / "page.json"


def _bind(port: int) -> socket.socket:
    """Return a listening socket on loopback at `port` or one of the next; 0 takes any."""
    ports = ports_from(port, PORTS_TRIED)
    for number in ports:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", number))
    raise EngineUnavailableError(
        f"No TCP port from {port} to {ports[-1]} is free for the page.", remedy="Use another --page-port."
    )

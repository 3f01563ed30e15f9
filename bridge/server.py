"""The bridge as a loop: a UDP socket, a ZeroMQ socket and a clock around the session.

Threads: one loop, and a few threads that read and write files; what they return goes back to the loop.
Only 127.0.0.1 is listened on, so no firewall asks and no other computer reaches it.
"""

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from engine.errors import DittoError
from engine.files import make_folder, publish
from engine.service.access import Keys
from engine.service.messages import Submission, bounded
from engine.service.transport import Frames
from engine.settings import Settings

from .osc import codec as osc
from .osc import outgoing
from .osc.addresses import PROTOCOL_VERSION
from .osc.allowance import Allowance
from .osc.datagrams import Datagrams, bind
from .session.clients import ReplyTo
from .session.effects import CancelJob, Effect, NotifyEngine, Send, Submit
from .session.session import Session
from .takes.file_side import FileSide
from .takes.file_work import FileWork
from .upstream.connection import Peer
from .upstream.engine_side import EngineSide
from .upstream.link import Link

log = structlog.get_logger("ditto.bridge")

BUSY_TICK_SECONDS = 0.04
IDLE_TICK_SECONDS = 0.5
PARTS = "/ditto/loop/"  # the addresses of which a request consists
ERRORS_PER_SECOND = 50  # answers to what is not OSC at all; more would only feed a flood


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOptions:
    """How a bridge is run. `engine_key` is the engine's public key, for one that was not paired with."""

    settings: Settings
    owner: str
    version: str = ""
    engine_address: str = ""
    engine_key: bytes | None = None


class Bridge:
    """One bridge; `serve` runs it until `stop`."""

    def __init__(self, options: BridgeOptions) -> None:
        self.bridge_id = secrets.token_hex(8)
        self.port = 0
        self.ready = asyncio.Event()
        self._options = options
        self._session = Session(self.bridge_id, options.version)
        self._engine = EngineSide(Link(options.owner), self._receive_batch)
        self._udp: Datagrams | None = None
        self._files = FileSide(FileWork(options.settings, self._session), self._do)
        self._stopping = asyncio.Event()
        self._engine_address = ""
        self._no_engine = ""  # what a child that does not start said last
        self._errors = Allowance(ERRORS_PER_SECOND)

    async def serve(self) -> None:
        """Listen, and work until `stop`; raises `EngineUnavailableError` where no port is free."""
        with contextlib.ExitStack() as cleanup:
            for part in (self._files, self._engine):
                cleanup.callback(part.close)
            self._udp = Datagrams(bind(self._options.settings.osc_port), self.receive)
            cleanup.callback(self._udp.close)
            self.port = self._udp.port
            if self._options.engine_address:
                self.connect(self._options.engine_address)
            _write_discovery(self._options.settings, self.port, self.bridge_id, self._engine_address)
            log.info("bridge.ready", port=self.port)
            self.ready.set()
            await self._tick()

    @property
    def is_engine_alive(self) -> bool:
        """Whether the engine has answered lately."""
        return self._engine.is_alive

    def stop(self) -> None:
        """Stop; what is under way goes on in the engine and is fetched by the next bridge."""
        self._stopping.set()

    def connect(self, address: str) -> None:
        """Talk to the engine at this address from now on."""
        self._no_engine = ""
        self._engine_address = address
        self._engine.connect(self.peer(address))
        if self.ready.is_set():
            _write_discovery(self._options.settings, self.port, self.bridge_id, address)

    def peer(self, address: str) -> Peer:
        """Return who the engine at this address is, and who we are."""
        return Peer(address, self._options.engine_key, Keys(self._options.settings.home / "keys"))

    def engine_failed(self, sentence: str) -> None:
        """Note why the engine of this computer does not start, for devices to see."""
        self._no_engine = sentence

    async def _tick(self) -> None:
        while not self._stopping.is_set():
            now = time.monotonic()
            self._engine.tick(now)
            if not self._engine.is_alive:
                self._do(self._session.lost_engine(self._no_engine or self._engine.failure))
            self._do(self._session.tick(now))
            busy = self._session.busy or self._engine.link.open_requests
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), BUSY_TICK_SECONDS if busy else IDLE_TICK_SECONDS)

    def receive(self, datagram: bytes, host: str, port: int) -> None:
        """Take in a datagram; what is wrong with it is answered to the port that it came from."""
        reply_to = ReplyTo("", port)  # a known client gets the answer at its own port, with its request's id
        try:
            for message in osc.decode(datagram):
                if message.path.startswith(PARTS):
                    self._files.disturb()
                reply_to = self._session.reply_to(message, host) or ReplyTo("", port)
                self._do(self._session.receive(message, host, time.monotonic()))
        except osc.OscError as error:
            reply_to = (error.message and self._session.reply_to_refused(error.message, host)) or reply_to
            if reply_to.port and self._errors.take(time.monotonic()):
                answer = outgoing.error(reply_to.request_id, error.code, error.sentence, error.remedy)
                self._send(Send(host, reply_to.port, answer))

    def _receive_batch(self, batch: list[Frames]) -> None:
        now = time.monotonic()
        for said in self._engine.link.receive(batch, now):
            self._do(self._session.handle(said, now))
        self._engine.flush()

    def _do(self, effects: Iterable[Effect]) -> None:
        """Do what the session wants done; what reads or writes files goes to a thread."""
        link, now = self._engine.link, time.monotonic()
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect)
                case Submit():
                    self._submit(effect, now)
                case CancelJob():
                    link.cancel(effect.request_id, now)
                case NotifyEngine():
                    link.notify(effect.kind, effect.request_id, effect.take)
                case _:
                    self._files.do(effect)
        self._engine.flush()

    def _submit(self, effect: Submit, now: float) -> None:
        link, request = self._engine.link, effect.request
        try:
            link.submit(_submission(effect, link.owner), now)
        except DittoError as error:
            self._do(self._session.refused(request.request_id, error, now))

    def _send(self, effect: Send) -> None:
        if self._udp is not None:
            self._udp.send(effect.datagram, effect.host, effect.port)


def _submission(effect: Submit, owner: str) -> Submission:
    remarks = bounded(effect.remarks)
    return Submission(request=effect.request, owner=owner, tag=effect.tag, priority=effect.priority, remarks=remarks)


def _write_discovery(settings: Settings, port: int, bridge_id: str, engine_address: str) -> None:
    """Leave word for clients where the bridge is, and its engine; the address is empty until there is one."""
    found = {
        "osc_port": port,
        "engine": engine_address,
        "protocol": PROTOCOL_VERSION,
        "bridge_id": bridge_id,
        "pid": os.getpid(),
        "takes": str(settings.takes.absolute()),
    }
    make_folder(settings.home, "DITTO_HOME")
    publish(settings.discovery_file, json.dumps(found).encode(), overwrite=True)

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog
import zmq

from engine.errors import DittoError, InternalError
from engine.files import publish
from engine.service.access import Keys, introduce
from engine.service.messages import Submission
from engine.service.transport import Channel, Frames, tune
from engine.settings import Settings

from .link import Link
from .osc import codec as osc
from .osc import outgoing
from .osc.addresses import PROTOCOL_VERSION
from .osc.datagrams import Datagrams, bind
from .requests.fields import Way
from .requests.reader import read_request
from .session.effects import (
    Acknowledge,
    CancelJob,
    DropPreviews,
    Effect,
    Favourite,
    FindTakes,
    Prepare,
    Send,
    Submit,
    WritePreview,
    WriteTake,
)
from .session.session import Session
from .takes import delivery
from .takes import library as takes
from .takes.backlog import Backlog

log = structlog.get_logger("ditto.bridge")

BUSY_TICK_SECONDS = 0.04
IDLE_TICK_SECONDS = 0.5
PARTS = "/ditto/loop/"  # the addresses of which a request consists
ERRORS_PER_SECOND = 50  # answers to what is not OSC at all; more would only feed a flood


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOptions:
    """How a bridge is run. `engine_key` is the engine's public key, for one on another computer."""

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
        self._settings = options.settings
        self._session = Session(self.bridge_id, options.version)
        self._link = Link(options.owner)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._channel: Channel | None = None
        self._udp: Datagrams | None = None
        self._backlog = Backlog(self._write)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="read")  # a request is not to wait for takes
        self._writers = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._stopping = asyncio.Event()
        self._errors_left = float(ERRORS_PER_SECOND)
        self._errors_at = 0.0

    @property
    def previews(self) -> Path:
        """Where early listens lie while a request is made."""
        return self._settings.home / "previews"

    async def serve(self) -> None:
        """Listen, and work until `stop`; raises `EngineUnavailableError` where no port is free."""
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self._context.destroy, linger=0)
            for pool in (self._readers, self._writers):
                cleanup.callback(pool.shutdown, cancel_futures=True)
            cleanup.callback(self._backlog.close)
            self._udp = Datagrams(bind(self._settings.osc_port), self.receive)
            cleanup.callback(self._udp.close)
            self.port = self._udp.port
            if self._options.engine_address:
                self.connect(self._options.engine_address)
            cleanup.callback(self._disconnect)
            self._write_discovery()
            log.info("bridge.ready", port=self.port)
            self.ready.set()
            await self._tick()

    def stop(self) -> None:
        """Stop; what is under way goes on in the engine and is fetched by the next bridge."""
        self._stopping.set()

    def connect(self, address: str) -> None:
        """Talk to the engine at this address from now on."""
        self._disconnect()
        dealer = tune(self._context.socket(zmq.DEALER))
        if self._options.engine_key is not None:
            introduce(dealer, Keys(self._settings.home / "keys"), self._options.engine_key)
        dealer.connect(address)
        self._channel = Channel(dealer, self._heard)
        self._flush()

    def _disconnect(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def _tick(self) -> None:
        alive = False
        while not self._stopping.is_set():
            now = time.monotonic()
            self._link.tick(now)
            if alive and not self._link.is_alive(now):
                self._do(self._session.lost_engine())
            alive = self._link.is_alive(now)
            self._do(self._session.tick(now))
            pause = BUSY_TICK_SECONDS if self._session.busy or self._link.open_requests else IDLE_TICK_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    def receive(self, datagram: bytes, host: str, port: int) -> None:
        """Take in a datagram; what is wrong with it is answered to the port that it came from."""
        try:
            for message in osc.decode(datagram):
                if message.path.startswith(PARTS):
                    self._backlog.disturb()
                self._do(self._session.receive(message, host, time.monotonic()))
        except osc.OscError as error:
            self._answer_error(error, host, port)

    def _answer_error(self, error: osc.OscError, host: str, port: int) -> None:
        now = time.monotonic()
        self._errors_left = min(ERRORS_PER_SECOND, self._errors_left + (now - self._errors_at) * ERRORS_PER_SECOND)
        self._errors_at = now
        if self._errors_left >= 1 and port:
            self._errors_left -= 1
            self._send(Send(host, port, outgoing.error("", error.code, error.sentence, error.remedy)))

    def _heard(self, batch: list[Frames]) -> None:
        now = time.monotonic()
        for said in self._link.receive(batch, now):
            self._do(self._session.hear(said, now))
        self._flush()

    def _do(self, effects: Iterable[Effect]) -> None:
        """Do what the session wants done; what reads or writes files goes to a thread."""
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect)
                case Submit():
                    submission = Submission(
                        request=effect.request, owner=self._link.owner, tag=effect.tag, priority=effect.priority
                    )
                    self._link.submit(submission, time.monotonic())
                case CancelJob():
                    self._link.cancel(effect.request_id, time.monotonic())
                case Acknowledge():
                    self._link.acknowledge(effect.request_id, effect.take)
                case Prepare() if effect.assembly.is_quick:
                    self._do(self._prepare(effect))
                case Prepare() | FindTakes():
                    self._on_thread(self._readers, effect)
                case _:
                    self._backlog.add(effect)
        self._flush()

    def _send(self, effect: Send) -> None:
        if self._udp is not None:
            self._udp.send(effect.datagram, effect.host, effect.port)

    def _flush(self) -> None:
        if self._channel is not None:
            for frames in self._link.take_out():
                self._channel.send(frames)

    def _write(self, effect: Effect) -> None:
        self._on_thread(self._writers, effect).add_done_callback(lambda _: self._backlog.done())

    def _on_thread(self, pool: ThreadPoolExecutor, effect: Effect) -> "asyncio.Future[Iterable[Effect]]":
        future = asyncio.get_running_loop().run_in_executor(pool, self._work, effect)
        future.add_done_callback(lambda done: self._finish(done, effect))
        return future

    def _finish(self, future: "asyncio.Future[Iterable[Effect]]", effect: Effect) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._do(future.result())
            return
        # A fault of ours must not leave a device without an answer.
        log.error("bridge.fault", effect=type(effect).__name__, exc_info=error)
        fault = InternalError(f"Something went wrong inside Ditto Live ({type(error).__name__}).")
        if isinstance(effect, Prepare):
            self._do(self._session.refused(effect.request_id, fault, time.monotonic()))
        elif isinstance(effect, WriteTake):
            take = effect.take
            self._do(self._session.not_written(take.request_id, take.take, fault, time.monotonic()))

    # -- on a thread: each returns an iterator of the session's, which runs when the loop goes through it

    def _work(self, effect: Effect) -> Iterable[Effect]:
        match effect:
            case Prepare():
                return self._prepare(effect)
            case FindTakes():
                return self._find_takes(effect)
            case WriteTake():
                return self._write_take(effect)
            case WritePreview():
                return self._write_preview(effect)
            case DropPreviews():
                delivery.drop_previews(self.previews, effect.request_id)
            case Favourite():
                self._mark(effect)
        return ()

    def _prepare(self, effect: Prepare) -> Iterable[Effect]:
        try:
            made = read_request(
                effect.assembly.settings,
                effect.assembly.rows,
                way=Way.OSC,
                takes=self._settings.takes,
                request_id=effect.request_id,
                instance=effect.instance,
            )
        except DittoError as error:
            return self._session.refused(effect.request_id, error, time.monotonic())
        return self._session.prepared(effect.request_id, made.request, made.priority, made.remarks)

    def _write_take(self, effect: WriteTake) -> Iterable[Effect]:
        request_id = effect.request.request_id
        try:
            made = delivery.write_take(self._settings.takes, effect.request, effect.take, again=effect.again)
        except DittoError as error:
            return self._session.not_written(request_id, effect.take.take, error, time.monotonic())
        return self._session.written(request_id, made, time.monotonic())

    def _write_preview(self, effect: WritePreview) -> Iterable[Effect]:
        try:
            path = delivery.write_preview(self.previews, effect.request, effect.preview)
        except DittoError as error:  # a preview less; the take will say what is wrong with the disk
            log.warning("bridge.no_preview", error=error.sentence)
            return ()
        return self._session.previewed(effect.preview, str(path))

    def _find_takes(self, effect: FindTakes) -> Iterable[Effect]:
        found = delivery.find_delivered(self._settings.takes, effect.request_id)
        return self._session.found(effect.request_id, found, time.monotonic())

    def _mark(self, effect: Favourite) -> None:
        wav = delivery.find_wav(self._settings.takes, effect.take_id)
        if wav is not None:
            takes.set_favourite(wav, effect.on)

    def _write_discovery(self) -> None:
        found = {
            "osc_port": self.port,
            "protocol": PROTOCOL_VERSION,
            "bridge_id": self.bridge_id,
            "pid": os.getpid(),
            "takes": str(self._settings.takes.absolute()),
        }
        self._settings.home.mkdir(parents=True, exist_ok=True)
        publish(self._settings.discovery_file, json.dumps(found).encode(), overwrite=True)

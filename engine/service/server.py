"""The engine: a ZeroMQ ROUTER in front of the foreman, who has the journal, the queue and the workers.

Threads: one loop, and one that folds the journal's log now and then. Nothing here waits for a worker or a client;
the journal's commits are the only pauses.
"""

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass

import structlog
import zmq

from ..errors import BadRequestError, EngineUnavailableError
from ..events import Event, Failed
from . import messages
from .access import Access, is_loopback
from .messages import Ack, Cancel, Hello, Job, Message, Resend, Said, Status, Submission
from .queue.foreman import Foreman
from .queue.journal import Journal
from .transport import Channel, Frames, tune
from .workers.executor import Executor
from .workers.memory import memory_bytes
from .workers.pipe import Standing

log = structlog.get_logger("ditto.engine")

TICK_SECONDS = 0.25
SWEEP_SECONDS = 3_600.0
GRACE_SECONDS = 2.0  # for running requests to save themselves when the engine is told to stop
QUIET_SECONDS = 1.0  # without a new request the journal's log is folded, which keeps the disk busy
TIDY_SECONDS = 20.0  # and at the latest then
PORT_TRIES = 16  # a taken port is passed over for the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where an engine listens: one address, guarded by keys unless it stays on this computer."""

    host: str = "127.0.0.1"
    port: int = 0
    access: Access | None = None


class Engine:
    """The service of one journal; `serve` runs it until `stop`."""

    def __init__(self, journal: Journal, executor: Executor, *, version: str = "", stop_seconds: float = 30.0) -> None:
        self.engine_id = secrets.token_hex(8)
        self.address = ""
        self.ready = asyncio.Event()
        self._version = version
        self._journal = journal
        self._executor = executor
        self._foreman = Foreman(journal, executor, self._tell, stop_seconds=stop_seconds)
        self._identities: dict[str, bytes] = {}  # owner -> the ZeroMQ identity that it has now
        self._resumed: dict[str, bytes] = {}  # owner -> the identity that was told all from the beginning
        self._stopping = asyncio.Event()
        self._asked = 0.0  # when somebody last asked for a loop
        self._channel: Channel | None = None

    async def serve(self, listening: Listening) -> None:
        """Bind and work until `stop`; raises `EngineUnavailableError` where no port is free."""
        with contextlib.ExitStack() as cleanup:
            context = zmq.Context()
            cleanup.callback(context.term)
            socket = tune(context.socket(zmq.ROUTER))
            cleanup.callback(socket.close, linger=0)
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else what is sent to a client that has gone just vanishes
            if listening.access is not None:
                cleanup.callback(listening.access.guard(context, socket))
            self.address = bind(socket, listening)
            self._channel = Channel(socket, self._receive)
            cleanup.callback(self._channel.close)
            cleanup.callback(self._executor.close)
            self._foreman.start()
            log.info("engine.ready", address=self.address, queued=self._foreman.queued)
            self.ready.set()
            await self._tick()
            await self._wind_down()

    def stop(self) -> None:
        """Stop in order: what runs goes back to the queue with its last state."""
        self._stopping.set()

    async def _tick(self) -> None:
        swept = tidied = float("-inf")
        while not self._stopping.is_set():
            self._foreman.check()
            self._foreman.schedule()
            now = time.monotonic()
            if now - self._asked > QUIET_SECONDS or now - tidied > TIDY_SECONDS:
                tidied = now
                await asyncio.get_running_loop().run_in_executor(None, self._journal.tidy)
            if now - swept > SWEEP_SECONDS:
                swept = now
                self._journal.sweep(time.time())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def _wind_down(self) -> None:
        self._foreman.pause_all()
        for owner in self._identities:
            self._tell(owner, self.status(owner))
        deadline = time.monotonic() + GRACE_SECONDS
        while self._foreman.running and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)  # the last frames leave the socket

    def _receive(self, batch: list[Frames]) -> None:
        """Answer a batch of messages; all its submissions share one commit, and come first."""
        submissions: list[Submission] = []
        others: list[Message] = []
        for identity, *frames in batch:
            try:
                message = messages.unpack(frames)
            except BadRequestError as error:
                self._refuse(identity, error)
                continue
            if not isinstance(message, messages.FROM_CLIENT):
                self._refuse(identity, BadRequestError("Only an engine sends such messages."))
                continue
            self._identities[message.owner] = identity
            if isinstance(message, Submission):
                submissions.append(message)
            else:
                others.append(message)
        if submissions:
            self._asked = time.monotonic()
            self._accept(submissions)
        for message in others:
            self._answer(message)
        self._foreman.schedule()

    def _accept(self, submissions: list[Submission]) -> None:
        for submission, answer in zip(submissions, self._foreman.accept(submissions), strict=True):
            self._tell(submission.owner, answer)
            entry = self._foreman.entry_of(submission.owner, submission.request.request_id)
            if entry is not None and entry.state in ("finished", "answered"):
                self._foreman.tell_all(entry)

    def _answer(self, message: Message) -> None:
        match message:
            case Hello():
                identity = self._identities[message.owner]
                if message.resume and self._resumed.get(message.owner) != identity:  # else all is on its way
                    self._resumed[message.owner] = identity
                    self._foreman.tell_unanswered(message.owner)
                self._tell(message.owner, self.status(message.owner))
            case Cancel():
                self._foreman.cancel(message)
            case Ack():
                self._foreman.acknowledge(message)
            case Resend():
                entry = self._foreman.entry_of(message.owner, message.request_id)
                if entry is not None:
                    self._foreman.tell_all(entry)

    def _tell(self, owner: str, message: Event | Status | Job) -> bool:
        """Send to a client; False when it is not there, and then it will ask again."""
        identity = self._identities.get(owner)
        if identity is None or self._channel is None:
            return False
        whole = message if isinstance(message, Status | Job) else Said(event=message)
        return self._channel.send([identity, *messages.pack(whole)])

    def _refuse(self, identity: bytes, error: BadRequestError) -> None:
        failed = Failed(request_id="", code=error.code, sentence=error.sentence, remedy=error.remedy)
        if self._channel is not None:
            self._channel.send([identity, *messages.pack(Said(event=failed))])

    def status(self, owner: str = "") -> Status:
        """Return what the engine is doing, with the open requests of `owner`."""
        standings = self._executor.standings()
        shown = _most_telling(standings)
        trouble = self._executor.trouble()
        state = "stopping" if self._stopping.is_set() else "no_engine" if trouble else shown.state
        return Status(
            engine_id=self.engine_id,
            version=self._version,
            state=state,
            fraction=shown.fraction,
            sentence=trouble or shown.sentence,
            model=shown.model,
            queued=self._foreman.queued,
            running=self._foreman.running,
            finished=self._foreman.finished,
            typical_seconds=self._foreman.typical_seconds,
            memory_bytes=memory_bytes(),
            worker_memory_bytes=sum(one.memory_bytes for one in standings),
            workers=self._executor.capacity,
            yours=self._foreman.states(owner) if owner else {},
        )


def _most_telling(standings: tuple[Standing, ...]) -> Standing:
    """Return the worker that works, else one that is ready, else one that loads."""
    for state in ("working", "ready", "loading"):
        for standing in standings:
            if standing.state == state:
                return standing
    return Standing(state="loading", sentence="The worker is starting.")


def bind(socket: "zmq.Socket[bytes]", listening: Listening) -> str:
    """Bind to the port, or the next free one; return the address that it is."""
    host = f"[{listening.host}]" if ":" in listening.host else listening.host
    if listening.access is None and not is_loopback(f"tcp://{host}:0"):
        raise EngineUnavailableError(f"{listening.host} can be reached from outside, so keys are needed.")
    ports = range(listening.port, listening.port + PORT_TRIES) if listening.port else (0,)
    for port in ports:
        try:
            socket.bind(f"tcp://{host}:{port or '*'}")
            return str(socket.getsockopt_string(zmq.LAST_ENDPOINT))
        except zmq.ZMQError as error:
            reason = error.strerror
    raise EngineUnavailableError(
        f"The engine cannot listen on {listening.host}, ports {ports[0]} to {ports[-1]}: {reason}.",
        remedy="End the program that holds these ports, or choose another with --port.",
    )

"""The engine's socket: clients are answered, strangers refused, nothing that is accepted is lost."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import zmq

from engine.errors import BadInputError
from engine.events import Accepted, Done, Event, Failed, Preview, Take
from engine.request import LoopRequest
from engine.service import messages
from engine.service.access import Access, Keys, introduce, is_loopback, load_key
from engine.service.listener import Listening
from engine.service.messages import (
    AckEnd,
    AckTake,
    EventMessage,
    Hello,
    Job,
    Message,
    RequestStatus,
    Status,
    Submission,
)
from engine.service.queue.journal import Journal
from engine.service.server import Engine
from engine.service.transport import run
from engine.service.workers.local import LocalExecutor
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings


class Caller:
    """A bare client of the engine."""

    def __init__(self, engine: Engine | str, keys: Keys | None = None, engine_key: bytes = b"") -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        if isinstance(engine, Engine):  # as a bridge of the same data folder
            keys = Keys(Path(engine._journal.path).parent / "keys")
            engine_key = keys.pair("engine")[0]
        if keys is not None:
            introduce(self.socket, keys, engine_key)
        self.socket.connect(engine.address if isinstance(engine, Engine) else engine)

    def send(self, message: Message) -> None:
        with contextlib.suppress(zmq.Again):  # to an engine that lets nobody in nothing can be sent
            self.socket.send_multipart(messages.pack(message), zmq.DONTWAIT)

    async def receive(self, seconds: float = 20.0) -> Message | None:
        for _ in range(int(seconds / 0.005)):
            if self.socket.poll(0):
                return messages.unpack(self.socket.recv_multipart())
            await asyncio.sleep(0.005)
        return None

    async def events(self) -> list[Event | Job]:
        """Return all events until an end."""
        found: list[Event | Job] = []
        while not found or not isinstance(found[-1], Done | Failed):
            message = await self.receive()
            assert message is not None, found
            if isinstance(message, EventMessage):
                found.append(message.event)
            elif isinstance(message, Job):
                found.append(message)
        return found

    async def until(self, kind: type) -> Event:
        """Return the next event of a kind."""
        while True:
            message = await self.receive()
            assert message is not None, f"no {kind.__name__} came"
            if isinstance(message, EventMessage) and isinstance(message.event, kind):
                return message.event

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.context.destroy(linger=0)


def _serve(
    folder: Path, story: Callable[[Engine], Awaitable[None]], access: Access | None = None, host: str = "127.0.0.1"
) -> None:
    async def main() -> None:
        settings = Settings(home=folder, takes=folder, models=folder)
        journal = Journal(settings.journal_file)
        options = WorkerOptions.of(settings, jobs="engine.service.workers.toy:ToyJobs", model="toy")
        engine = Engine(journal, LocalExecutor(options))
        guarded = access or Access(Keys(folder / "keys"))
        serving = asyncio.create_task(engine.serve(Listening(host=host, access=guarded)))
        try:
            await asyncio.wait((serving, asyncio.create_task(engine.ready.wait())), return_when="FIRST_COMPLETED")
            if engine.ready.is_set():
                await story(engine)
        finally:
            engine.stop()
            try:
                await serving
            finally:
                journal.close()

    run(main())


def _submission(request_id: str = "r1", orders: str = "steps=2", owner: str = "me") -> Submission:
    return Submission(request=LoopRequest(prompt=f"toy: {orders}", request_id=request_id, bars=1), owner=owner)


def test_a_request_from_start_to_end(tmp_path: Path) -> None:
    """Accepted, then a take with its sound, then done; a status in between says what is going on."""

    async def story(engine: Engine) -> None:
        caller = Caller(engine)
        caller.send(_submission())
        events = await caller.events()
        assert isinstance(events[0], Accepted)
        (take,) = [event for event in events if isinstance(event, Take)]
        assert len(take.sound.samples) == 8 * LoopRequest(bars=1).samples
        caller.send(Hello(owner="me"))
        status = await caller.receive()
        assert isinstance(status, Status)
        assert status.yours == {"r1": RequestStatus.FINISHED}
        assert status.typical_seconds is not None
        assert status.memory_bytes > 0
        caller.close()

    _serve(tmp_path, story)


def test_results_wait_for_a_client_that_went_away(tmp_path: Path) -> None:
    """A client that vanished and comes back gets job, takes and end; once acknowledged they are gone."""

    async def story(engine: Engine) -> None:
        with Caller(engine) as caller:
            caller.send(_submission())
            await caller.until(Accepted)
        while "finished" not in engine.status("me").yours.values():
            await asyncio.sleep(0.05)
        with Caller(engine) as again:
            again.send(Hello(owner="me", resume=True))
            assert [type(event) for event in await again.events()] == [Job, Take, Done]
            again.send(AckTake(request_id="r1", owner="me", take=0))
            again.send(AckEnd(request_id="r1", owner="me"))
            while engine.status("me").yours:
                await asyncio.sleep(0.05)

    _serve(tmp_path, story)


def test_a_client_that_was_only_slow_is_not_sent_everything_twice(tmp_path: Path) -> None:
    """A second resumption over the same connection is answered with a status: the rest is on its way."""

    async def story(engine: Engine) -> None:
        with Caller(engine) as caller:
            caller.send(_submission())
            await caller.events()
            for expected in (True, False):
                caller.send(Hello(owner="me", resume=True))
                heard = []
                while not isinstance(message := await caller.receive(), Status):
                    heard.append(message)
                assert bool(heard) is expected

    _serve(tmp_path, story)


def test_an_engine_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    """Accepted by one engine, made by the next: nothing is lost in between."""

    async def first(engine: Engine) -> None:
        with Caller(engine) as caller:
            caller.send(_submission(orders="steps=200 pause=0.05"))
            await caller.until(Preview)

    async def second(engine: Engine) -> None:
        while not engine.status().running:
            await asyncio.sleep(0.02)
        with Caller(engine) as caller:
            caller.send(Hello(owner="me", resume=True))
            caller.send(messages.Cancel(request_id="r1", owner="me"))
            take = await caller.until(Take)
            assert int(str(take.record["resumed_at"])) >= 1  # type: ignore[attr-defined]  # not from the beginning

    _serve(tmp_path, first)
    _serve(tmp_path, second)


def test_hostile_frames_are_answered_and_survived(tmp_path: Path) -> None:
    """Noise, wrong versions, other owners' requests: refused one by one, and the next request is made."""

    async def story(engine: Engine) -> None:
        caller, chance = Caller(engine), random.Random(1)
        valid = messages.pack(_submission("x", "steps=0"))
        for number in range(1_000):
            await asyncio.sleep(0.001 if number % 50 == 0 else 0)
            frames = [bytearray(part) for part in valid]
            victim = chance.choice(frames)
            for _change in range(chance.randint(1, 5)):
                victim[chance.randrange(len(victim))] = chance.randrange(256)
            caller.socket.send_multipart(chance.choice(([bytes(f) for f in frames], [chance.randbytes(50)], [b""] * 6)))
            while caller.socket.poll(0):
                caller.socket.recv_multipart()
        with Caller(engine) as other:
            other.send(_submission("good", owner="other"))
            assert isinstance((await other.events())[-1], Done)
            caller.send(AckEnd(request_id="good", owner="thief"))
            caller.send(Hello(owner="thief"))
            while not isinstance(await caller.receive(), Status):  # answered after what came before
                pass
            assert engine.status("other").yours == {"good": "finished"}
        caller.close()

    _serve(tmp_path, story)


def test_only_known_keys_are_let_in(tmp_path: Path) -> None:
    """Over CURVE a client whose key is allowed is served; another, and one without keys, hears nothing."""
    engine_keys, friend, stranger = Keys(tmp_path / "e"), Keys(tmp_path / "f"), Keys(tmp_path / "s")
    engine_public = engine_keys.pair("engine")[0]
    friend.pair("client")
    engine_keys.allow(friend.folder / "client.key")
    engine_keys.allow(friend.folder / "client.key")  # twice is once
    assert len(list(engine_keys.allowed.iterdir())) == 1

    async def story(engine: Engine) -> None:
        port = engine.address.rpartition(":")[2]
        known = Caller(f"tcp://127.0.0.1:{port}", friend, engine_public)
        known.send(_submission())
        assert isinstance((await known.events())[-1], Done)
        for unknown in (
            Caller(f"tcp://127.0.0.1:{port}", stranger, engine_public),
            Caller(f"tcp://127.0.0.1:{port}"),
            Caller(f"tcp://127.0.0.1:{port}", friend, stranger.pair("engine")[0]),
        ):
            for _ in range(5):
                unknown.send(Hello(owner="me", resume=True))
                assert await unknown.receive(0.1) is None
            unknown.close()
        known.close()

    _serve(tmp_path, story, Access(engine_keys), host="0.0.0.0")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tcp://127.0.0.1:1", True), ("tcp://[::1]:1", True), ("tcp://localhost:1", True), ("ipc:///tmp/x", True),
        ("tcp://0.0.0.0:1", False), ("tcp://192.168.0.2:1", False), ("tcp://example.org:1", False),
    ],
)  # fmt: skip
def test_what_stays_on_this_computer_is_known(address: str, expected: bool) -> None:
    """Loopback in all its forms, and nothing else."""
    assert is_loopback(address) is expected


def test_secrets_are_unreadable_for_others(tmp_path: Path) -> None:
    """The secret key's file has no rights for group and others, and is made once."""
    keys = Keys(tmp_path)
    assert keys.pair("client") == keys.pair("client")
    if (tmp_path / "client.key_secret").stat().st_uid is not None:
        assert (tmp_path / "client.key_secret").stat().st_mode & 0o077 in (0, 0o066)
    with pytest.raises(BadInputError, match="is not there"):
        load_key(tmp_path / "nothing")

"""Nobody without a key gives an engine work, on this computer neither; and nobody fills its memory."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInputError, EngineUnavailableError
from engine.events import Accepted, Failed
from engine.request import LoopRequest
from engine.service import messages
from engine.service.access import CLIENT, ENGINE, Access, Keys, address_of, introduce, write_key
from engine.service.listener import Listening, bind
from engine.service.messages import EventMessage, Hello, Status, Submission
from engine.service.options import EngineOptions
from engine.service.pairing import CODE_LETTERS, LETTERS, derived, new_code
from engine.service.queue.journal import Journal
from engine.service.server import Engine
from engine.service.transport import run
from engine.service.wire import MAX_REQUEST_BYTES
from engine.service.workers.local import LocalExecutor
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings


def _serve(folder: Path, story: Callable[[Engine, Keys], Awaitable[None]], **options: int) -> None:
    async def main() -> None:
        settings = Settings(home=folder, takes=folder, models=folder)
        journal, keys = Journal(settings.journal_file), Keys(folder / "keys")
        worker = WorkerOptions.of(settings, jobs="engine.service.workers.toy:ToyJobs", model="toy")
        engine = Engine(journal, LocalExecutor(worker), **options)
        serving = asyncio.create_task(engine.serve(Listening(access=Access(keys))))
        try:
            await asyncio.wait((serving, asyncio.create_task(engine.ready.wait())), return_when="FIRST_COMPLETED")
            await story(engine, keys)
        finally:
            engine.stop()
            await serving
            journal.close()

    run(main())


class Guest:
    """A socket with the client's key of a folder, or without any."""

    def __init__(self, engine: Engine, keys: Keys | None, own: Keys | None = None) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        if keys is not None:
            introduce(self.socket, own or keys, keys.pair(ENGINE)[0])
        self.socket.connect(engine.address)

    async def ask(self, frames: list[bytes], seconds: float = 20.0) -> messages.Message | None:
        with contextlib.suppress(zmq.Again):  # it was refused, and has nowhere to send to
            self.socket.send_multipart(frames, zmq.DONTWAIT)
        for _ in range(int(seconds / 0.01)):
            if self.socket.poll(0):
                return messages.unpack(self.socket.recv_multipart())
            await asyncio.sleep(0.01)
        return None

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.destroy(linger=0)


def _submission(request_id: str) -> list[bytes]:
    return messages.pack(Submission(request=LoopRequest(request_id=request_id, bars=1), owner="attackerowner"))


def _zmtp_1(frames: list[bytes]) -> bytes:
    """Return frames as ZMTP 1.0 has them, after an empty identity: length, flags, body."""
    parts = [b"\x01\x00"]
    for number, frame in enumerate(frames):
        flags = bytes([number < len(frames) - 1])
        size = len(frame) + 1
        parts.append((bytes([size]) if size < 255 else b"\xff" + size.to_bytes(8, "big")) + flags + frame)
    return b"".join(parts)


def test_a_web_page_cannot_give_the_engine_work(tmp_path: Path) -> None:
    """What a browser's `fetch` can send, ZMTP 1.0 in its body or alone, is hung up on, and the journal stays empty."""

    async def story(engine: Engine, keys: Keys) -> None:
        port = int(engine.address.rpartition(":")[2])
        wire = _zmtp_1(_submission("webpage1"))
        head = b"POST /aa HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 84
        for data in (head + wire, wire, b"\xff" + bytes(7) + b"\x01\x7f" + wire):
            with socket.create_connection(("127.0.0.1", port)) as page:
                page.sendall(data)
                page.setblocking(False)
                async with asyncio.timeout(20):
                    while await _some(page) != b"":
                        pass
        with Guest(engine, None) as guest:
            assert await guest.ask(_submission("nokey"), 0.5) is None
        with Guest(engine, keys) as owner:
            status = await owner.ask(messages.pack(Hello(owner="attackerowner")))
            assert isinstance(status, Status)
            assert status.yours == {}

    _serve(tmp_path, story)


async def _some(page: socket.socket) -> bytes:
    try:
        return await asyncio.get_running_loop().sock_recv(page, 1_000)
    except ConnectionError:
        return b""


def test_a_key_that_is_taken_away_is_let_in_no_more(tmp_path: Path) -> None:
    """Allowed while the engine runs, then deleted: the open connection ends, too, and others go on."""

    async def story(engine: Engine, keys: Keys) -> None:
        friend = Keys(tmp_path / "friend")
        allowed = keys.allow_key(friend.pair(CLIENT)[0])
        with Guest(engine, keys, friend) as guest, Guest(engine, keys) as own:
            assert isinstance(await guest.ask(messages.pack(Hello(owner="friend"))), Status)
            allowed.unlink()
            for _ in range(100):
                if await guest.ask(messages.pack(Hello(owner="friend")), 0.2) is None:
                    break
            else:
                raise AssertionError("it is still let in")
            assert isinstance(await own.ask(messages.pack(Hello(owner="me"))), Status)
            assert await guest.ask(messages.pack(Hello(owner="friend")), 0.5) is None

    _serve(tmp_path, story)


def test_half_a_message_of_any_length_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Frame after frame without an end, from one who has the key: hung up on, and the next request is accepted."""

    async def story(engine: Engine, keys: Keys) -> None:
        with Guest(engine, keys) as bomb, Guest(engine, keys) as other:
            assert isinstance(await bomb.ask(messages.pack(Hello(owner="bomb"))), Status)
            for _ in range(12):
                bomb.socket.send(bytes(2**23), zmq.SNDMORE | zmq.DONTWAIT)
                await asyncio.sleep(0.05)
            for _ in range(50):
                answer = await other.ask(_submission("r1"), 1.0)
                if isinstance(answer, EventMessage) and isinstance(answer.event, Accepted):
                    break
            else:
                raise AssertionError("nothing was accepted")
            bomb.socket.send(b"", zmq.DONTWAIT)

    _serve(tmp_path, story, max_growth_bytes=48 * 2**20)


def test_a_message_of_many_frames_is_refused(tmp_path: Path) -> None:
    """Each of them short enough, together too long: one sentence, and the connection goes on."""

    async def story(engine: Engine, keys: Keys) -> None:
        with Guest(engine, keys) as guest:
            part = bytes(MAX_REQUEST_BYTES // 3)
            answer = await guest.ask([messages.VERSION, b"submit", part, part, part, part])
            assert isinstance(answer, EventMessage)
            assert isinstance(answer.event, Failed)
            assert "too long" in answer.event.sentence
            assert isinstance(await guest.ask(messages.pack(Hello(owner="me"))), Status)

    _serve(tmp_path, story)


def test_a_file_that_is_no_key_lets_nobody_in_and_keeps_nobody_out(tmp_path: Path) -> None:
    """Something else in `allowed` is passed over."""
    keys = Keys(tmp_path)
    keys.allow_key(keys.pair(ENGINE)[0])
    (keys.allowed / "notes.key").write_text("shopping list")
    assert keys.allowed_keys() == {keys.pair(CLIENT)[0], keys.pair(ENGINE)[0]}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("gpu-box", "tcp://gpu-box:47110"), ("gpu-box:5", "tcp://gpu-box:5"), ("tcp://gpu-box:5", "tcp://gpu-box:5"),
        ("192.168.0.7", "tcp://192.168.0.7:47110"), ("::1", "tcp://[::1]:47110"), ("[::1]:5", "tcp://[::1]:5"),
        ("tcp://gpu-box", "tcp://gpu-box:47110"), ("[::1]", "tcp://[::1]:47110"), (" gpu-box ", "tcp://gpu-box:47110"),
        ("fe80::1%eth0", "tcp://[fe80::1%eth0]:47110"), ("ipc:///tmp/engine", "ipc:///tmp/engine"),
    ],
)  # fmt: skip
def test_an_engine_is_named_as_people_write_it(text: str, address: str) -> None:
    """A name, a number, with a port or without."""
    assert address_of(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", ":1", "gpu-box:0", "gpu-box:-1", "gpu-box:65536", "gpu-box:²", f"gpu-box:{'9' * 5_000}", "gpu-box:",
        "gpu box:1", "gpu\nbox", "http://gpu-box:1", "me@gpu-box", "gpu-box/", "[::1]:x", "tcp://", "[:1",
    ],
)  # fmt: skip
def test_what_names_no_engine_is_said_at_once(text: str) -> None:
    """Not that a key is not known, or that nothing answers there."""
    with pytest.raises(BadInputError, match="is no address of an engine") as refused:
        address_of(text)
    assert "gpu-box:47110" in refused.value.remedy
    assert len(refused.value.sentence) < 160


@pytest.mark.parametrize("data", [b"", b"curve\n", b"\x00\xff" * 100])
@pytest.mark.parametrize("name", [ENGINE, CLIENT])
def test_an_own_key_that_is_damaged_can_be_made_anew(tmp_path: Path, name: str, data: bytes) -> None:
    """A power cut may leave it empty; there is nothing to copy from anywhere."""
    keys = Keys(tmp_path)
    keys.pair(name)
    secret_file = tmp_path / f"{name}.key_secret"
    secret_file.write_bytes(data)
    with pytest.raises(BadInputError) as refused:
        keys.pair(name)
    assert str(secret_file) in refused.value.sentence
    assert ".." not in refused.value.sentence
    assert refused.value.remedy.startswith("Delete it: a new one is made.")
    secret_file.unlink()
    assert keys.pair(name)


def test_an_engine_that_cannot_start_ends_with_its_sentence(tmp_path: Path) -> None:
    """Its parent waits for the sentence and the exit code, and a crash report of Python's is neither."""
    Keys(tmp_path / "keys").pair(CLIENT)
    (tmp_path / "keys" / "client.key_secret").write_bytes(b"")
    settings = Settings(home=tmp_path, takes=tmp_path / "takes", models=tmp_path)
    options = EngineOptions(worker=WorkerOptions.of(settings, jobs="nobody:Jobs", model="toy"), port=0, tied=True)
    command = [sys.executable, "-m", "engine.service", msgspec.json.encode(options).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as engine:
        assert engine.stderr is not None
        said = engine.stderr.read().decode()
        assert engine.wait() == 1
    assert "client.key_secret" in said
    assert "Fatal" not in said


@pytest.mark.parametrize(("host", "port"), [("192.0.2.7", 47_110), ("no such name", 0)])
def test_an_address_that_this_computer_does_not_have_is_said_to_be_the_fault(
    tmp_path: Path, host: str, port: int
) -> None:
    """Ending other programs would not help, and how ZeroMQ spells a fault tells nobody anything."""
    with zmq.Context() as context, pytest.raises(EngineUnavailableError) as refused:
        bind(context.socket(zmq.ROUTER), Listening(access=Access(Keys(tmp_path)), host=host, port=port))
    assert host in refused.value.sentence
    assert "addr=" not in refused.value.sentence
    assert refused.value.remedy.startswith("Listen on 127.0.0.1")


@given(st.text(LETTERS, min_size=CODE_LETTERS, max_size=CODE_LETTERS), st.sampled_from(["", " ", "-"]))
def test_a_code_gives_both_sides_the_same_keys(code: str, between: str) -> None:
    """However it is typed: in small letters, with spaces or hyphens; another code gives others."""
    typed = between.join(code.lower()[start : start + 4] for start in range(0, CODE_LETTERS, 4))
    assert derived(code, ENGINE) == derived(typed, ENGINE)
    assert derived(code, ENGINE) != derived(code, CLIENT)
    assert derived(code, ENGINE) != derived(new_code(), ENGINE)


def test_keys_of_engines_elsewhere_are_kept_by_their_address(tmp_path: Path) -> None:
    """What was paired with is found by host, whatever the port; nobody else's file is touched by a strange name."""
    keys = Keys(tmp_path / "keys")
    public = keys.pair(ENGINE)[0]
    assert keys.engine_key("tcp://127.0.0.1:1") == public
    assert keys.engine_key("tcp://gpu-box:1") is None
    write_key(keys.engine_file("tcp://gpu-box:1"), public)
    assert keys.engine_key("tcp://gpu-box:2") == public
    assert keys.engine_file("tcp://../../x:1").parent == keys.folder / "engines"

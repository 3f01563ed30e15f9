"""Why an engine is silent, told apart; and two computers that learn each other's keys by a code."""

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from bridge.client import AsyncClient, Client, Peer
from bridge.testing import Service
from bridge.upstream import connection
from bridge.upstream.link import Link
from bridge.upstream.pairing import pair
from engine.errors import BadInputError, EngineUnavailableError
from engine.events import Done
from engine.request import Audio, Control, LoopRequest
from engine.service import messages
from engine.service.access import CLIENT, ENGINE, Access, Keys
from engine.service.messages import Submission
from engine.service.pairing import new_code, wait_for_partner
from engine.service.transport import run


def _silence(peer: Peer) -> str:
    """Return what a client says when nobody answers, with the remedy."""
    with Client(peer, patience_seconds=1.0) as client, pytest.raises(EngineUnavailableError) as found:
        client.status()
    return f"{found.value.sentence} {found.value.remedy}"


@contextlib.contextmanager
def _listening(guard: Callable[["zmq.Context[Any]", "zmq.Socket[bytes]"], None]) -> Iterator[str]:
    """Yield the address of a bare ROUTER that answers everything in another version's words."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    router = context.socket(zmq.ROUTER)
    guard(context, router)
    router.bind("tcp://127.0.0.1:*")
    stopped = threading.Event()

    def answer() -> None:
        while not stopped.is_set():
            if router.poll(20):
                identity, *_ = router.recv_multipart()
                router.send_multipart([identity, b"ditto99", b"status", b"\x80"])

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield router.getsockopt_string(zmq.LAST_ENDPOINT)
    finally:
        stopped.set()
        thread.join()
        context.destroy(linger=0)


def test_the_reasons_why_an_engine_is_silent_are_told_apart(service: Service, tmp_path: Path) -> None:
    """Key not let in, wrong engine key, no keys at all, no answer, nobody there: each has its sentence and remedy."""
    address, own, stranger = service.engine_address, service.peer.keys, Keys(tmp_path / "stranger")
    assert "does not let this computer's key in" in _silence(Peer(address, own.pair(ENGINE)[0], stranger))
    assert "--pair" in _silence(Peer(address, own.pair(ENGINE)[0], stranger))
    assert "has another key" in _silence(Peer(address, stranger.pair(ENGINE)[0], own))
    with _listening(lambda _context, _socket: None) as plain:
        assert "does not use keys" in _silence(Peer(plain, keys=own))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        said = _silence(Peer(f"tcp://127.0.0.1:{mute.getsockname()[1]}", keys=own))
        assert "does not answer as an engine does" in said
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert "ditto-live serve" in _silence(Peer(f"tcp://127.0.0.1:{port}", keys=own))


def test_another_version_is_said_as_such(tmp_path: Path) -> None:
    """An engine that lets us in and speaks otherwise."""
    keys, stops = Keys(tmp_path), list[Callable[[], None]]()

    def guard(context: "zmq.Context[Any]", router: "zmq.Socket[bytes]") -> None:
        access = Access(keys)
        stops.append(access.open(context))
        access.guard(router)

    with _listening(guard) as address:
        said = _silence(Peer(address, keys=keys))
        stops[0]()
    assert "ditto99" in said
    assert "same version" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no computer named"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "no engine listens on its port 47110"),
        (TimeoutError("timed out"), "firewall lets TCP port 47110 in"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "Local Network"),
        (PermissionError(errno.EPERM, "Operation not permitted"), "Local Network"),
    ],
)
def test_what_keeps_a_computer_elsewhere_from_answering(
    monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    """A wrong name, an engine that does not run, a firewall, macOS's permission: as far as the system says."""

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(connection.sockets, "create_connection", refuse)
    found = connection.unreachable("tcp://gpu-box:47110")
    assert words in f"{found.sentence} {found.remedy}"


def test_an_engine_elsewhere_without_its_key_says_how_to_get_it(tmp_path: Path) -> None:
    """No connection is tried, and the command to type is named."""
    with pytest.raises(EngineUnavailableError) as found:
        Client(Peer("tcp://gpu-box:47110", keys=Keys(tmp_path)))
    assert "ditto-live engine --listen 0.0.0.0 --pair" in found.value.remedy


def test_a_key_that_is_let_in_later_is_enough(service: Service, tmp_path: Path) -> None:
    """A client that was refused comes in as soon as its key is allowed, without being started again."""
    late = Keys(tmp_path / "late")
    peer = Peer(service.engine_address, service.peer.keys.pair(ENGINE)[0], late)

    async def story() -> None:
        async with AsyncClient(peer, patience_seconds=0.5) as client:
            with pytest.raises(EngineUnavailableError, match="key"):
                await client.status()
            service.peer.keys.allow_key(late.pair(CLIENT)[0])
            async with asyncio.timeout(30):
                while not await _answers(client.status):
                    pass
            events = [event async for event in client.make(LoopRequest(prompt="toy: steps=1", bars=1))]
            assert isinstance(events[-1], Done)

    run(story())


async def _answers(ask: Callable[[], Awaitable[object]]) -> bool:
    try:
        await ask()
    except EngineUnavailableError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_two_computers_pair_by_a_code(tmp_path: Path) -> None:
    """Each has the other's public key afterwards; a wrong code, before, changes nothing and is said."""
    gpu, desk, code, port = Keys(tmp_path / "gpu"), Keys(tmp_path / "desk"), new_code(), _free_port()
    address, found = f"tcp://127.0.0.1:{port}", list[bytes]()
    waiting = threading.Thread(
        target=lambda: found.append(wait_for_partner(gpu, code, host="127.0.0.1", port=port, valid_seconds=60))
    )
    waiting.start()
    with pytest.raises(EngineUnavailableError, match="does not pair by this code"):
        pair(desk, address, new_code(), patience_seconds=3.0)
    with pytest.raises(BadInputError, match="not a pairing code"):
        pair(desk, address, "1234")
    pair(desk, address, code.lower())
    waiting.join(30)
    assert found == [desk.pair(CLIENT)[0]]
    assert gpu.allowed_keys() == {gpu.pair(CLIENT)[0], desk.pair(CLIENT)[0]}
    assert desk.engine_key(address) == gpu.pair(ENGINE)[0]


def test_nobody_who_comes_and_nobody_who_waits_is_said(tmp_path: Path) -> None:
    """A pairing ends by itself, on either side, with a sentence."""
    keys, port = Keys(tmp_path), _free_port()
    with pytest.raises(EngineUnavailableError, match="Nobody came"):
        wait_for_partner(keys, new_code(), host="127.0.0.1", port=port, valid_seconds=0.1)
    with pytest.raises(EngineUnavailableError, match="No engine answers"):
        pair(keys, f"tcp://127.0.0.1:{port}", new_code(), patience_seconds=0.1)


def test_a_request_that_no_message_holds_is_refused_before_it_is_sent() -> None:
    """References that add up to more than the engine takes: one sentence, and nothing is sent again and again."""
    audio = Audio(samples=bytes(70 * 2**20), sample_rate=44_100)
    controls = tuple(Control(kind=kind, target=audio) for kind in ("timbre", "structure"))
    link = Link("owner")
    with pytest.raises(BadInputError, match="128 MB is the most"):
        link.submit(Submission(request=LoopRequest(controls=controls), owner="owner"), 0.0)
    assert link.open_requests == ()
    link.tick(5.0)
    assert [type(messages.unpack(frames)).__name__ for frames in link.take_out()] == ["Hello"]

"""Bridge and engine together, over real sockets: what is asked for is delivered, whatever gets lost or dies."""

import json
import os
import random
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.osc.addresses import PORT_TRIES, PROTOCOL_VERSION
from bridge.osc.client import OscClient, discovered_port
from bridge.osc.codec import OscMessage, decode, encode
from bridge.osc.datagrams import bind
from bridge.testing import LossyProxy
from engine.audio.wav import read_audio
from engine.errors import EngineUnavailableError
from engine.request import Control, Curve, LoopRequest, Notes, Point
from engine.service.workers.memory import memory_bytes
from midi.notes import Note


def _request(orders: str = "steps=2", **fields: Any) -> LoopRequest:
    curve = Curve(points=tuple(Point(Fraction(n, 100), -20.0 - n % 9) for n in range(390)))
    notes = Notes(notes=tuple(Note(60 + n % 12, Fraction(n, 40), Fraction(1, 8)) for n in range(150)))
    controls = (Control(kind="intensity", target=curve), Control(kind="melody", target=notes))
    return LoopRequest(prompt=f"toy: {orders}", bars=1, controls=controls, **fields)


def _ask(port: int, request: LoopRequest, seconds: float = 60.0) -> list[OscMessage]:
    with OscClient(port) as device:
        return list(device.make(request, seconds=seconds))


def test_a_complete_request_ends_with_files(service: Any) -> None:
    """Curve and notes in chunks, progress, a preview, two takes, done; the WAVs have the exact length."""
    heard = _ask(service.port, _request("steps=8 pause=0.05", count=2, tempo_bpm=Fraction(937, 10)))
    paths = [message.path for message in heard]
    assert paths[0] == "/ditto/accepted"
    assert {"/ditto/progress", "/ditto/preview"} <= set(paths)
    assert paths[-1] == "/ditto/done"
    takes = [message for message in heard if message.path == "/ditto/take"]
    assert len(takes) == 2
    for take in takes:
        audio, rate = read_audio(Path(str(take.values[3])))
        assert audio.shape == (2, round(4 * 60 / 93.7 * 44_100))
        assert (audio.shape[1], rate) == (take.values[7], take.values[8])
    assert heard[-1].values[4] == takes[0].values[3]


def test_progress_does_not_pause_while_a_step_is_slow(service: Any) -> None:
    """Steps of a second still give several messages a second."""
    heard = _ask(service.port, _request("steps=2 pause=1.0"))
    assert sum(message.path == "/ditto/progress" for message in heard) >= 6


SLIPS = {
    "tempo": ("There is no setting 'tempo'.", "Did you mean tempo_bpm?"),
    "promt": ("There is no setting 'promt'.", "Did you mean prompt?"),
    "qqqqqq": ("There is no setting 'qqqqqq'.", "See docs/osc.md."),
}


def _error_heard(service: Any, pieces: Callable[[str, str], Iterable[bytes]]) -> OscMessage:
    """Send the pieces of a request, by its id and a nonce, and return the error that comes to the reply port.

    They are sent from another port. The error is of that request.
    """
    udp = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*udp) as ear, socket.socket(*udp) as mouth:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(20)
        port = ear.getsockname()[1]
        request, nonce = f"slip-{port}", f"n-{port}"
        for datagram in (encode("/ditto/hello", (PROTOCOL_VERSION, "slips", nonce, port)), *pieces(request, nonce)):
            mouth.sendto(datagram, ("127.0.0.1", service.port))
        errors: list[OscMessage] = []
        while not errors:
            errors = [message for message in decode(ear.recv(65_535), "bridge") if message.path == "/ditto/error"]
    assert errors[0].values[0] == request
    return errors[0]


@pytest.mark.parametrize("slip", [*SLIPS, "chunk"])
def test_a_wrong_piece_is_answered_where_the_client_hears(service: Any, slip: str) -> None:
    """A program that sends from one port and listens on another hears of a slip, with its request's id."""

    def pieces(request: str, nonce: str) -> list[bytes]:
        wrong = (
            encode("/ditto/loop/curve", (request, "intensity", "db", 3, 2), [(0.0, -30.0)], nonce)
            if slip == "chunk"
            else encode("/ditto/loop/set", (request, slip, "90"), (), nonce)
        )
        return [encode("/ditto/loop/begin", (request, nonce)), wrong]

    error = _error_heard(service, pieces)
    sentence, remedy = SLIPS.get(slip, ("chunk 3 of 2", ""))
    assert sentence in str(error.values[2])
    assert remedy in str(error.values[3])


@pytest.mark.parametrize("slip", ["long", "text", "few"])
def test_a_piece_with_a_wrong_value_is_answered_where_the_client_hears(service: Any, slip: str) -> None:
    """Too long, text for a number, too few: its nonce says whose it is, and the answer has the request's id."""
    path, values = {
        "long": ("set", ("prompt", "x" * 2001)),
        "text": ("curve", ("intensity", "db", 0, 1, "0", "-30")),
        "few": ("commit", ()),
    }[slip]

    def pieces(request: str, nonce: str) -> list[bytes]:
        builder = OscMessageBuilder(f"/ditto/loop/{path}")
        for argument in (request, *values, nonce):
            builder.add_arg(argument)
        return [builder.build().dgram]

    assert f"/ditto/loop/{path}" in str(_error_heard(service, pieces).values[2])


def test_what_is_refused_is_said(service: Any) -> None:
    """A wrong value, an engine's failure, a cancel: each has its message."""
    assert _ask(service.port, _request("steps=3 error=1"))[-1].values[1] == "internal"
    with OscClient(service.port) as device:
        device.meet()
        request = _request("steps=1000 pause=0.02")
        device.ask(request)
        cancelled = False
        for message in device.follow(request.request_id, seconds=60):
            if message.path == "/ditto/progress" and not cancelled:
                device.cancel(request.request_id)
                cancelled = True
        assert message.path == "/ditto/cancelled"
        assert message.values[1] == 1


def test_a_take_that_is_not_there_cannot_be_marked_and_its_device_hears_so(service: Any) -> None:
    """A mark that comes to nothing is no mark that was made."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.1", 0))
        device.settimeout(20)
        port = device.getsockname()[1]
        device.sendto(
            encode("/ditto/hello", (PROTOCOL_VERSION, "mark", f"m-{port}", port)), ("127.0.0.1", service.port)
        )
        device.sendto(encode("/ditto/take/favourite", ("gone", 1), (), f"m-{port}"), ("127.0.0.1", service.port))
        heard: list[OscMessage] = []
        while not any(message.path == "/ditto/error" for message in heard):
            heard = decode(device.recv(65_535), "bridge")
    assert heard[-1].values[1:3] == ("bad_input", "There is no take gone.")


def test_a_malformed_datagram_is_answered_where_it_came_from(service: Any) -> None:
    """Whoever sends nonsense is told so, and nobody else is disturbed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(10)
        stranger.sendto(b"nonsense", ("127.0.0.1", service.port))
        (message,) = decode(stranger.recv(65_535), "bridge")
        assert message.path == "/ditto/error"


def test_a_newer_request_replaces_the_older(service: Any) -> None:
    """In one slot of one instance the newest wins, and the older hears of it."""
    with OscClient(service.port) as device:
        device.meet()
        old, new = _request("steps=1000 pause=0.05", slot="s"), _request("steps=1", slot="s")
        device.ask(old)
        device.poll(0.3)
        device.ask(new)
        (*_, end) = device.follow(old.request_id, seconds=60)
        assert (end.path, end.values[1]) == ("/ditto/superseded", new.request_id)
        (*_, end) = device.follow(new.request_id, seconds=60)
        assert end.path == "/ditto/done"


@pytest.fixture
def lossy(service: Any) -> Iterator[LossyProxy]:
    proxy = LossyProxy(service.port, 0.3)
    yield proxy
    proxy.close()


@pytest.mark.slow
def test_thirty_percent_loss_loses_no_request(lossy: LossyProxy) -> None:
    """Lost, doubled and disordered both ways, five requests with chunks all end with their takes."""
    for seed in range(2):
        with OscClient(lossy.port, patience_seconds=30) as device:
            heard = list(device.make(_request(seed=seed, count=2), seconds=60))
        assert heard[-1].path == "/ditto/done"
        assert {message.values[1] for message in heard if message.path == "/ditto/take"} == {0, 1}


def test_a_flood_of_nonsense_is_survived(service: Any) -> None:
    """After thousands of hostile datagrams the next request is served, and nothing lies outside the folders."""
    chance = random.Random(7)
    valid = [
        encode("/ditto/hello", (1, "x", "y", 9)),
        encode("/ditto/loop/begin", ("../../up", "n").__class__(("up", "n"))),
        encode("/ditto/loop/set", ("up", "prompt", "../../../../tmp/evil")),
        encode("/ditto/loop/set", ("up", "timbre_file", "/etc/passwd\\CON")),
    ]
    before = {path for path in service.takes.parent.rglob("*") if path.is_file()}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(5_000):
            data = bytearray(chance.choice(valid))
            for _ in range(chance.randint(0, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            sender.sendto(bytes(data[: chance.randint(0, len(data))]), ("127.0.0.1", service.port))
            if number % 100 == 0:  # a datagram that the system drops tests nothing
                with OscClient(service.port) as device:
                    device.meet()  # answered after all that came before
    assert _ask(service.port, _request())[-1].path == "/ditto/done"
    new = {path for path in service.takes.parent.rglob("*") if path.is_file()} - before
    assert all(service.takes in path.parents or service.settings.home in path.parents for path in new)


def test_a_taken_port_is_passed_over(tmp_path: Path) -> None:
    """The next free port is used; when all are taken that is said."""
    first = bind(0)
    port = first.getsockname()[1]
    others = []
    try:
        second = bind(port)
        others.append(second)
        assert second.getsockname()[1] > port
        with pytest.raises(EngineUnavailableError, match="taken"):
            others.extend(bind(port) for _ in range(PORT_TRIES + 1))
    finally:
        for one in (first, *others):
            one.close()


def test_the_port_is_left_in_the_discovery_file(service: Any, tmp_path: Path) -> None:
    """Clients on this computer find the bridge without being told a port."""
    assert discovered_port(service.settings.discovery_file) == service.port
    found = json.loads(service.settings.discovery_file.read_bytes())
    assert found["protocol"] == PROTOCOL_VERSION
    assert found["engine"] == service.engine_address
    with pytest.raises(EngineUnavailableError):
        discovered_port(tmp_path / "nothing")


def test_an_engine_that_dies_is_said_and_its_work_goes_on(own_service: Any) -> None:
    """Kill -9 of the engine in the middle: the state says no engine, and the next one finishes the request."""
    with OscClient(own_service.port) as device:
        device.meet()
        request = _request("steps=15 pause=0.1")
        device.ask(request)
        while not any(m.path == "/ditto/preview" for m in device.answers(request.request_id)):
            device.poll(0.05)
        own_service.stop_engine(kill=True)
        while device.state is None or device.state.values[0] != "no_engine":
            device.poll(0.05)
        own_service.start_engine()
        own_service.reconnect()
        (*_, end) = device.follow(request.request_id, seconds=60)
    assert end.path == "/ditto/done"


def test_a_new_bridge_takes_up_what_the_old_one_had(own_service: Any) -> None:
    """A request whose bridge went away is delivered by the next, and told to the same device."""
    with OscClient(own_service.port) as device:
        device.meet()
        request = _request("steps=10 pause=0.1")
        device.ask(request)
        while not any(m.path == "/ditto/progress" for m in device.answers(request.request_id)):
            device.poll(0.05)
        own_service.stop_bridge()
        own_service.start_bridge()
        device._to = ("127.0.0.1", own_service.port)
        device._hello_at = 0.0
        (*_, end) = device.follow(request.request_id, seconds=60)
    assert end.path == "/ditto/done"
    assert len(list(own_service.takes.rglob("*.wav"))) == 1


def test_takes_of_a_restart_are_not_written_twice(own_service: Any) -> None:
    """The same request once more, to a new bridge with an answered journal, finds the take on disk."""
    request = _request()
    first = _ask(own_service.port, request)
    own_service.stop_bridge()
    own_service.start_bridge()
    with OscClient(own_service.port) as device:
        again = list(device.make(request))
    assert again[-1].values[3:5] == first[-1].values[3:5]
    assert len(list(own_service.takes.rglob("*.wav"))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_bridge_needs_little_memory(tmp_path: Path) -> None:
    """With its page and no model of the hub it stays far under 80 MB: no torch, no hub's library, no MIDI library."""
    import subprocess

    program = (
        "import bridge.server, bridge.studio, sys\n"
        "from bridge.page.server import Page\n"
        "from bridge.upstream.connection import Peer\n"
        "from engine.settings import Settings\n"
        "from engine.service.workers.memory import memory_bytes\n"
        "Page(Settings(), Peer())\n"
        "assert {'torch', 'huggingface_hub', 'mido'}.isdisjoint(sys.modules)\n"
        "print(memory_bytes())\n"
    )
    places = {name: str(tmp_path / name) for name in ("DITTO_HOME", "DITTO_MODELS", "HF_HOME")}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | places, capture_output=True, check=True, timeout=60
    )
    assert int(ran.stdout) < 72e6
    assert memory_bytes() > 0

"""The Python client: a request from a script, in both styles, and what happens when the engine is away."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.client import AsyncClient, Client, Peer, _Inbox
from bridge.upstream.link import Link
from engine.errors import BadInputError, EngineUnavailableError
from engine.events import Accepted, Cancelled, Done, Event, Progress, Sound, Stems, Take
from engine.request import LoopRequest
from engine.service import messages
from engine.service.access import Keys
from engine.service.transport import run


def _request(orders: str = "steps=3", **fields: Any) -> LoopRequest:
    return LoopRequest(prompt=f"toy: {orders}", bars=1, **fields)


def test_a_script_makes_a_loop(service: Any) -> None:
    """Everything that happens comes out, in order, to the end."""
    with Client(service.peer) as client:
        events = list(client.make(_request(count=2)))
        assert isinstance(events[0], Accepted)
        assert [event.take for event in events if isinstance(event, Take)] == [0, 1]
        assert isinstance(events[-1], Done)
        assert client.status().finished >= 1


def test_a_stopped_request_keeps_its_best_take(service: Any) -> None:
    """`stop` asks for the best take so far, which follows, and then the end."""
    with Client(service.peer) as client:
        making = client.make(_request("steps=1000 pause=0.02"))
        while not isinstance(next(making), Progress):
            pass
        making.stop()
        rest = list(making)
        assert isinstance(rest[-2], Take)
        assert isinstance(rest[-1], Cancelled)


def test_leaving_drops_the_request(service: Any) -> None:
    """A caller that loses interest leaves no work behind."""
    with Client(service.peer) as client:
        making = client.make(_request("steps=100000 pause=0.02"))
        next(making)
        making.close()
        assert len(list(client.make(_request("steps=0")))) >= 3


def test_asyncio_makes_two_at_once(service: Any) -> None:
    """Several requests of one client do not mix."""

    async def one(client: AsyncClient, request: LoopRequest) -> list[Event]:
        return [event async for event in client.make(request)]

    async def main() -> None:
        async with AsyncClient(service.peer) as client:
            requests = [_request(seed=seed) for seed in range(3)]
            for request, events in zip(
                requests, await asyncio.gather(*(one(client, r) for r in requests)), strict=True
            ):
                assert {event.request_id for event in events} == {request.request_id}
                assert isinstance(events[-1], Done)
            assert (await client.status()).workers == 1

    run(main())


class _WithoutReaders(asyncio.SelectorEventLoop):
    """A loop as Windows' usual one: it watches no descriptors."""

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]
        raise NotImplementedError

    def remove_reader(self, *_: Any) -> bool:
        raise NotImplementedError


def test_a_loop_that_watches_no_sockets_will_do(service: Any) -> None:
    """Trial 25: under Windows' usual loop requests are made, stopped and left, and hanging up leaves nothing."""

    async def main() -> None:
        async with AsyncClient(service.peer) as client:
            assert (await client.status()).workers == 1
            events = [event async for event in client.make(_request(count=2))]
            assert [event.take for event in events if isinstance(event, Take)] == [0, 1]
            assert isinstance(events[-1], Done)
            client.reconnect(service.peer)
            stopped = _request("steps=1000 pause=0.02")
            async for event in client.make(stopped):
                if isinstance(event, Progress):
                    client.cancel(stopped)
            assert isinstance(event, Cancelled)

    with asyncio.Runner(loop_factory=_WithoutReaders) as runner:
        runner.run(main())


def test_under_such_a_loop_an_engine_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Trial 25: the sentence is the same, without NotImplementedError."""

    async def main() -> None:
        async with AsyncClient(Peer("tcp://127.0.0.1:9", keys=Keys(tmp_path)), patience_seconds=0.3) as client:
            await client.status()

    with asyncio.Runner(loop_factory=_WithoutReaders) as runner, pytest.raises(EngineUnavailableError):
        runner.run(main())


def test_an_engine_that_is_not_there_is_said(tmp_path: Path) -> None:
    """After the patience there is one sentence, not a hang."""
    nobody = Peer("tcp://127.0.0.1:9", keys=Keys(tmp_path))
    with Client(nobody, patience_seconds=0.3) as client, pytest.raises(EngineUnavailableError):
        list(client.make(_request()))


def test_send_writes_the_take(service: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`ditto-live send` over ZeroMQ ends with the WAV, and over OSC with the bridge's own take."""
    from bridge.cli.main import run as command

    out = tmp_path / "a b.wav"
    common = ["--prompt", "toy: steps=2", "--bars", "1", "--home", str(service.settings.home)]
    assert command(["send", *common, "--engine", service.engine_address, "--out", str(out)]) == 0
    assert out.exists()
    assert command(["send", *common, "--osc", "--port", str(service.port)]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert Path(said.split("  (")[0]).exists()
    assert "seam_ratio" in said
    assert command(["send", *common, "--osc", "--port", str(service.port), "--stems"]) == 0
    take, *stems = capsys.readouterr().out.splitlines()
    assert stems
    assert all(Path(stem).exists() and Path(stem).stem.startswith(Path(take.split("  (")[0]).stem) for stem in stems)
    assert command(["send", *common, "--osc", "--port", str(service.port), "--model", ""]) in (0, 2)


def test_send_over_osc_refuses_what_the_bridge_decides(
    service: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option that would be passed over in silence is named."""
    from bridge.cli.main import run as command

    for option in (["--out", str(tmp_path / "a.wav")], ["--json"], ["--midi"], ["--overwrite"]):
        assert command(["send", "--prompt", "dub", "--osc", "--port", str(service.port), *option]) == 2
        assert f"{option[0]} does not go with --osc" in capsys.readouterr().err


def test_send_says_what_is_refused(service: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault that only the engine's side finds comes back in words."""
    from bridge.cli.main import run as command

    home = ["--home", str(service.settings.home)]
    assert command(["send", "--prompt", "toy: steps=3 memory=1", "--engine", service.engine_address, *home]) == 1
    assert "memory" in capsys.readouterr().err
    assert command(["send", "--prompt", "toy: steps=3 memory=1", "--osc", "--port", str(service.port)]) == 1


def test_a_take_is_acknowledged_with_its_stems() -> None:
    """Where stems are asked for the engine keeps a take until they are dealt with, or until nothing more will come."""
    inbox = _Inbox(Link("me"))
    sound = Sound(samples=bytes(8), sample_rate=44_100)

    def take(number: int) -> Take:
        return Take(request_id="r", take=number, sound=sound, scores={}, noise=b"", record={})

    def acknowledged() -> list[int]:
        found = [messages.unpack(frames) for frames in inbox.link.take_out()]
        return [message.take for message in found if isinstance(message, messages.AckTake)]

    inbox.submit(_request(stems=True, request_id="r"), messages.Priority.INTERACTIVE)
    inbox.handled(take(0))
    assert acknowledged() == []
    inbox.handled(Stems(request_id="r", take=0, layers=("bass",), samples=bytes(8), sample_rate=44_100))
    assert acknowledged() == [0]
    inbox.handled(take(1))
    inbox.handled(take(2))
    assert acknowledged() == [1]
    inbox.handled(Done(request_id="r", takes=3))
    assert acknowledged() == [2]


def test_a_peer_is_named_as_people_write_it(tmp_path: Path) -> None:
    """As on the command line; what names no engine is said at once, and not that nothing answers there."""
    assert Peer("gpu-box", keys=Keys(tmp_path)).address == "tcp://gpu-box:47110"
    with pytest.raises(BadInputError, match="'gpu-box:470000' is no address of an engine"):
        Peer("gpu-box:470000", keys=Keys(tmp_path))

"""A loop that was asked for on the page survives the end of the page: its take is in the folder afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bridge.page.hub import Hub
from bridge.session.identity import lasting_owner
from bridge.takes import delivery
from bridge.testing import Service, make_service
from engine.errors import BadInputError
from engine.request import LoopRequest
from engine.service.transport import run


def _live(service: Service, story: Callable[[Hub], Awaitable[None]]) -> None:
    """Have a hub for a while, as the page's process has one, and end it in order."""

    async def main() -> None:
        hub = Hub(service.peer, service.takes, lasting_owner(service.settings.home / "page.id"))
        serving = asyncio.create_task(hub.serve())
        async with asyncio.timeout(60):
            while hub._client is None:
                await asyncio.sleep(0.01)
            await story(hub)
        await hub.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    run(main())


async def _until(met: Callable[[], bool]) -> None:
    while not met():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kill", [False, True])
def test_what_the_page_asked_for_lands_after_a_restart(tmp_path: Path, kill: bool) -> None:
    """The page ends in the middle, and its engine with it, in order or not: the next page writes the take, once.

    What was said of the request is on the next page, and in the take's own file.
    """
    service = make_service(tmp_path)
    service.start_engine()
    request = LoopRequest(prompt="toy: steps=40 pause=0.02", bars=1)

    async def ask(hub: Hub) -> None:
        hub.submit(request, ("Seed 3 was chosen.",))
        await _until(lambda: bool(hub._running[request.request_id].progress))

    _live(service, ask)
    service.stop_engine(kill=kill)
    assert not list(service.takes.rglob("*.wav"))
    service.start_engine()

    async def wait(hub: Hub) -> None:
        await _until(lambda: bool(hub._running))
        assert hub._running[request.request_id].notes[:1] == ("Seed 3 was chosen.",)
        await _until(lambda: bool(list(service.takes.rglob("*.wav"))))
        await _until(lambda: not hub._running)

    _live(service, wait)
    (wav,) = service.takes.rglob("*.wav")
    assert "Seed 3 was chosen." in delivery.read_sidecar(wav.with_suffix(".json")).notes
    service.close()


def test_a_take_that_the_page_could_not_write_lands_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is said, with what becomes of the take; nothing is acknowledged that is not on disk."""
    service = make_service(tmp_path)
    service.start_engine()
    told: list[dict[str, object]] = []

    def full(*_: object, **__: object) -> None:
        raise BadInputError("The disk is full.")

    async def ask(hub: Hub) -> None:
        monkeypatch.setattr(hub, "broadcast", told.append)
        hub.submit(LoopRequest(prompt="toy: steps=1", bars=1), ())
        await _until(lambda: bool(told) and told[-1]["type"] == "end")

    with monkeypatch.context() as patched:
        patched.setattr(delivery, "write_take", full)
        _live(service, ask)
    assert told[-1]["outcome"] == "failed"
    assert "when Ditto Live is started again" in str(told[-1]["remedy"])
    _live(service, lambda _: _until(lambda: bool(list(service.takes.rglob("*.wav")))))
    service.close()

"""The bridge's connection to its engine: what is wrong is a sentence, and the next connection begins without it."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import zmq

from bridge.upstream.connection import Peer
from bridge.upstream.engine_side import EngineSide
from bridge.upstream.link import SILENT_SECONDS, Link
from engine.service.access import Keys
from engine.service.messages import EngineState, Status, pack

ELSEWHERE = "tcp://203.0.113.1:47110"  # of a block for documentation: nothing answers there
STATUS = Status(engine_id="e1", version="1", state=EngineState.READY)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@pytest.mark.parametrize(
    ("address", "engine_key", "reason"),
    [("tcp://*:47110", zmq.curve_keypair()[0], "not an address"), (ELSEWHERE, None, "its key is not known here")],
    ids=["no address", "no key"],
)
def test_an_engine_that_cannot_be_reached_is_a_sentence(
    tmp_path: Path, address: str, engine_key: bytes | None, reason: str
) -> None:
    """Nothing is raised: the bridge runs on, and devices are told. Another address begins without the fault."""

    async def story() -> None:
        side = EngineSide(Link("me"), lambda _: None)
        side.connect(Peer(address, engine_key, Keys(tmp_path / "keys")))
        assert reason in side.failure
        assert not side.is_alive
        side.connect(Peer("tcp://127.0.0.1:1", keys=Keys(tmp_path / "keys")))
        assert side.failure == ""
        side.close()

    run(story())


def test_an_answer_ends_the_fault_and_silence_ends_the_life(tmp_path: Path) -> None:
    """Alive from a status on, until none has come for some seconds."""

    async def story() -> None:
        link = Link("me")
        side = EngineSide(link, lambda _: None)
        side.connect(Peer("nonsense", keys=Keys(tmp_path / "keys")))
        now = time.monotonic()
        assert list(link.receive([pack(STATUS)], now)) == [STATUS]
        side.tick(now)
        assert (side.is_alive, side.failure) == (True, "")
        assert not link.is_alive(now + SILENT_SECONDS)
        side.close()

    run(story())


def test_it_may_be_ended_at_any_time(tmp_path: Path) -> None:
    """Before a connection, twice, and with a look for the reason of the silence under way."""

    async def story() -> None:
        bare = EngineSide(Link("me"), lambda _: None)
        bare.flush()
        bare.disconnect()
        bare.close()
        side = EngineSide(Link("me"), lambda _: None)
        side.connect(Peer("tcp://127.0.0.1:1", keys=Keys(tmp_path / "keys")))
        side.tick(time.monotonic())
        side.disconnect()
        side.close()

    run(story())

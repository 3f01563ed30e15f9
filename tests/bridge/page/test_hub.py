"""The page's client of the engine, with an engine that plays a script: tabs see the same, each request ends once."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.client import Peer
from bridge.page.hub import MAX_LOSSES, MAX_RUNNING, MAX_UNREAD, Hub, Tab
from bridge.takes.delivery import read_sidecar
from engine.errors import EngineUnavailableError, InternalError
from engine.events import Accepted, Cancelled, Done, Event, Failed, Final, Progress, Sound, Superseded, Take
from engine.request import LoopRequest
from engine.service.access import Keys

Script = list[Event | Exception]
REQUEST = LoopRequest(request_id="r1", prompt="dub", bars=1, seed=3, sample_rate=8_000)


class Engine:
    """Plays one script for each request, and remembers what was cancelled."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.cancelled: list[str] = []

    async def make(self, request: LoopRequest, *, remarks: tuple[str, ...] = ()) -> AsyncIterator[Event]:
        for event in self.script:
            await asyncio.sleep(0)
            if isinstance(event, Exception):
                raise event
            yield event
        if not self.script or not isinstance(self.script[-1], Final):
            await asyncio.Event().wait()  # without an end, whoever follows waits for more

    def cancel(self, request: LoopRequest) -> None:
        self.cancelled.append(request.request_id)


def a_step(step: int) -> Progress:
    return Progress(request_id="r1", take=0, step=step, steps=9, seconds_left=1.0, losses={"intensity": 9.0 - step})


def a_take() -> Take:
    samples = np.zeros((REQUEST.samples, 2), "<f4").tobytes()
    return Take(request_id="r1", take=0, sound=Sound(samples=samples, sample_rate=8_000), scores={}, noise=b"",
                record={"model": "pocket"}, notes=("In A minor.",))  # fmt: skip


def hub_of(folder: Path, script: Script) -> tuple[Hub, Engine]:
    hub, engine = Hub(Peer(keys=Keys(folder / "keys")), folder / "takes", "page"), Engine(script)
    hub._client = engine  # type: ignore[assignment]  # in place of the one that `serve` opens
    return hub, engine


async def messages(tab: Tab, kind: str) -> list[dict[str, Any]]:
    """Return what a tab gets up to a message of this kind."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != kind:
        message = await asyncio.wait_for(tab.queue.get(), 10)
        assert message is not None
        found.append(message)
    return found


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


ENDS: list[tuple[Script, dict[str, object]]] = [
    ([a_step(1), a_take(), Done(request_id="r1", takes=1)], {"outcome": "done", "takes": 1}),
    ([Cancelled(request_id="r1")], {"outcome": "cancelled", "takes": 0}),
    ([Superseded(request_id="r1", by="r2")], {"outcome": "superseded"}),
    ([Failed(request_id="r1", code="x", sentence="No.", remedy="Yes.")], {"outcome": "failed", "sentence": "No."}),
    ([a_step(1), EngineUnavailableError("Nobody answers.")], {"outcome": "failed", "sentence": "Nobody answers."}),
]


@pytest.mark.parametrize(("script", "end"), ENDS)
def test_each_request_ends_once_in_every_tab(tmp_path: Path, script: Script, end: dict[str, object]) -> None:
    """Whatever becomes of it: all tabs hear the same messages in the same order, the last one is its end."""

    async def story() -> None:
        hub, _ = hub_of(tmp_path, script)
        tabs = (Tab(), Tab())
        for tab in tabs:
            hub.enter(tab)
        hub.submit(REQUEST, ("A note.",))
        first, second = [await messages(tab, "end") for tab in tabs]
        assert first == second
        assert {name: first[-1][name] for name in end} == end
        assert [one["type"] for one in first].count("end") == 1
        assert ("take" in [one["type"] for one in first]) is any(isinstance(event, Take) for event in script)
        await hub.close()

    run(story())


def test_a_take_is_on_disk_before_a_tab_hears_of_it(tmp_path: Path) -> None:
    """Its card names the file, which is there, with all that was said of the request."""

    async def story() -> None:
        hub, _ = hub_of(tmp_path, ENDS[0][0])
        tab = Tab()
        hub.enter(tab)
        hub.submit(REQUEST, ("Seed 3 was chosen.",))
        *_, take = await messages(tab, "take")
        assert Path(take["take"]["path"]).is_file()
        assert take["notes"] == ["In A minor."]
        kept = read_sidecar(Path(take["take"]["path"]).with_suffix(".json")).notes
        assert kept == ("In A minor.", "Seed 3 was chosen.")
        await hub.close()

    run(story())


def test_a_tab_that_comes_back_is_shown_what_runs(tmp_path: Path) -> None:
    """The words, the notes, the last step and the losses so far, of which only the newest are kept."""

    async def story() -> None:
        steps = [a_step(number) for number in range(MAX_LOSSES + 5)]
        wait: Script = [Accepted(request_id="r1", notes=("Seed 3.",)), *steps]
        hub, engine = hub_of(tmp_path, wait)
        hub.submit(REQUEST, ("A note.",))
        running = hub._running["r1"]
        while len(running.losses) < MAX_LOSSES or running.progress.get("step") != steps[-1].step:
            await asyncio.sleep(0)
        tab = Tab()
        hub.enter(tab)
        *_, shown = await messages(tab, "running")
        assert (shown["prompt"], shown["notes"]) == ("dub", ["A note.", "Seed 3."])
        assert shown["progress"]["step"] == steps[-1].step
        assert shown["losses"] == [step.losses for step in steps[-MAX_LOSSES:]]
        hub.cancel("r1")
        hub.cancel("unknown")
        assert engine.cancelled == ["r1"]
        await hub.close()

    run(story())


def test_too_many_requests_are_refused_in_a_sentence(tmp_path: Path) -> None:
    """And before the page is connected there is a sentence, too."""

    async def story() -> None:
        hub, _ = hub_of(tmp_path, [])
        for number in range(MAX_RUNNING):
            hub.submit(LoopRequest(request_id=f"r{number}"), ())
        with pytest.raises(InternalError, match="being made already"):
            hub.submit(REQUEST, ())
        await hub.close()
        hub._client = None
        with pytest.raises(InternalError, match="not ready"):
            hub.submit(REQUEST, ())

    run(story())


def test_a_tab_that_does_not_read_is_let_go_and_others_go_on(tmp_path: Path) -> None:
    """Its stream ends, and its messages take no memory."""

    async def story() -> None:
        hub, _ = hub_of(tmp_path, [])
        stalled, reading = Tab(), Tab()
        hub.enter(stalled)
        hub.enter(reading)
        for number in range(MAX_UNREAD + 1):
            hub.broadcast({"type": "x", "number": number})
            reading.queue.get_nowait()
        assert stalled.queue.qsize() <= 2
        assert stalled.queue.get_nowait() is None
        await hub.close()

    run(story())

"""The bridge's side of its disk: each effect comes back as what the session makes of it, whatever goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

import pytest

from bridge.osc.assembly import Assembly
from bridge.session.effects import CancelJob, CheckLane, Effect, Favourite, FindTakes, Prepare
from bridge.takes.file_side import FileSide
from bridge.takes.file_work import FileWork
from engine.errors import BadInputError, DittoError


class Work:
    """Does nothing but what the test says; `failed` answers with the error's sentence, as an effect of that id."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done: list[Effect] = []
        self._error = error

    def do(self, effect: Effect) -> Iterable[Effect]:
        self.done.append(effect)
        if self._error is not None:
            raise self._error
        return (CancelJob("done"),)

    def prepare(self, effect: Prepare) -> Iterable[Effect]:
        return (CancelJob("quick"),)

    def failed(self, effect: Effect, error: DittoError) -> Iterable[Effect]:
        return (CancelJob(error.sentence),)


def ran(work: Work, act: Callable[[FileSide, Callable[[int], Awaitable[None]]], Awaitable[None]]) -> list[Effect]:
    """Return what came back while `act` ran on a loop; `until` waits for so many."""
    came: list[Effect] = []

    async def story() -> None:
        side = FileSide(cast(FileWork, work), came.extend)

        async def until(count: int) -> None:
            while len(came) < count:
                await asyncio.sleep(0.001)

        try:
            await asyncio.wait_for(act(side, until), 30)
        finally:
            side.close()

    asyncio.run(story())
    return came


def quick() -> Prepare:
    return Prepare("r", "i", Assembly(0.0))


@pytest.mark.parametrize(
    "effect",
    [FindTakes("r"), CheckLane("n", "a.als#x", "0:4", None), Favourite("take", True)],
    ids=lambda one: type(one).__name__,
)
def test_what_reads_or_writes_is_done_on_a_thread_and_comes_back(effect: Effect) -> None:
    """Requests, watches and takes each have threads of their own; what comes of them is given on."""
    work = Work()

    async def act(side: FileSide, until: Callable[[int], Awaitable[None]]) -> None:
        side.do(effect)
        assert work.done == [] or effect in work.done
        await until(1)

    assert ran(work, act) == [CancelJob("done")]
    assert work.done == [effect]


def test_a_request_that_names_no_file_waits_for_no_thread() -> None:
    """It is made at once, in the same turn of the loop."""
    work = Work()

    async def act(side: FileSide, until: Callable[[int], Awaitable[None]]) -> None:
        side.do(quick())
        await until(1)

    assert ran(work, act) == [CancelJob("quick")]
    assert work.done == []


@pytest.mark.parametrize(
    ("error", "says"),
    [(BadInputError("The file is gone."), "The file is gone."), (ZeroDivisionError("x"), "ZeroDivisionError")],
)
def test_nothing_that_fails_leaves_a_device_without_an_answer(error: Exception, says: str) -> None:
    """A known error is told in its own sentence, a fault of ours as one that names its kind; both are answers."""

    async def act(side: FileSide, until: Callable[[int], Awaitable[None]]) -> None:
        side.do(FindTakes("r"))
        await until(1)

    (answer,) = ran(Work(error), act)
    assert isinstance(answer, CancelJob)
    assert says in answer.request_id


def test_a_write_that_fails_holds_up_none_behind_it() -> None:
    """Takes are written one after the other, and the next one is begun however the last one ended."""
    work = Work(OSError("disk"))

    async def act(side: FileSide, until: Callable[[int], Awaitable[None]]) -> None:
        side.do(Favourite("a", True))
        side.do(Favourite("b", True))
        await until(2)

    assert len(ran(work, act)) == 2
    assert work.done == [Favourite("a", True), Favourite("b", True)]

"""Threads for files: what hangs is given up in a sentence, and nothing else waits for it."""

import asyncio
import threading
from dataclasses import replace

import pytest

from bridge.requests.file_threads import READING, FileThreads
from engine.errors import BadInputError

QUICK = replace(READING, seconds=0.1, hung_seconds=0.1)


def test_calls_are_made_and_their_errors_come_back() -> None:
    """A result, and an exception, reach whoever waits."""

    async def story() -> None:
        threads = FileThreads(2, "test")
        assert await asyncio.gather(*(threads.run(lambda n=n: n * n) for n in range(50))) == [n * n for n in range(50)]
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 / 0)
        threads.close()

    asyncio.run(story())


def test_calls_that_hang_are_given_up_and_others_go_on() -> None:
    """All threads hang: each call ends in a sentence, the next ones are served, and the end does not wait."""

    async def story() -> None:
        threads, never = FileThreads(2, "test", QUICK), threading.Event()
        for _ in range(3):
            hanging = [threads.run(never.wait) for _ in range(2)]
            for call in hanging:
                with pytest.raises(BadInputError, match="could not be read within"):
                    await call
        assert await threads.run(lambda: "served") == "served"
        threads.close()
        never.set()

    asyncio.run(story())


def test_what_comes_back_late_changes_nothing() -> None:
    """A call that was given up ends after all: its thread goes, and no thread more than before is left."""

    async def story() -> None:
        threads, late = FileThreads(1, "test", QUICK), threading.Event()
        with pytest.raises(BadInputError):
            await threads.run(late.wait)
        late.set()
        async with asyncio.timeout(20):
            while sum(thread.is_alive() for thread in threads._threads) > 1:
                await asyncio.sleep(0.01)
        assert await threads.run(lambda: 5) == 5
        threads.close()

    asyncio.run(story())

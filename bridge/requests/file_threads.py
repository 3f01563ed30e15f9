"""Threads that read and write files for a loop, and that nothing can hold up: not a dead network share, not the end.

A call that takes too long is given up, and its thread is replaced; the thread itself is a daemon, so that the
process can end while it still waits.
"""

import asyncio
import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import BadInputError

MAX_GIVEN_UP = 16  # threads that wait for a file that does not come; beyond them calls wait for their turn
CLOSE_SECONDS = 5.0  # for calls that are under way at the end

Call = tuple["asyncio.Future[Any]", Callable[[], Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """How long a call may take, from asking to answer, and the error of one that takes longer.

    While one that was given up still hangs, the next ones have `hung_seconds`: most likely they meet the same disk.
    """

    seconds: float
    hung_seconds: float
    sentence: str
    remedy: str

    def error(self, seconds: float) -> BadInputError:
        """Return the error of a call that was given up after `seconds`."""
        return BadInputError(f"{self.sentence} within {seconds:g} s.", remedy=self.remedy)


READING = TimeLimit(
    seconds=30.0,
    hung_seconds=30.0,
    sentence="The files of this request could not be read",
    remedy="See that the disk or the network share they lie on answers.",
)
WRITING = TimeLimit(
    seconds=60.0,
    hung_seconds=15.0,
    sentence="The take could not be written",
    remedy="See that the disk or the network share with the takes folder answers.",
)


class FileThreads:
    """Up to `count` calls at a time, on threads that are started with the first.

    All methods run on the event loop's thread.
    """

    def __init__(self, count: int, name: str, limit: TimeLimit = READING) -> None:
        self._count, self._name, self._limit = count, name, limit
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._begun: set[asyncio.Future[Any]] = set()
        self._given_up = 0
        self._threads: list[threading.Thread] = []

    def run(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Call `work` on a thread; the future raises what it raises, or `BadInputError` when it takes too long."""
        if not self._threads:
            self._loop = asyncio.get_running_loop()
            self._threads = [self._thread() for _ in range(self._count)]
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((future, work))
        seconds = self._limit.hung_seconds if self._given_up else self._limit.seconds
        limit = self._loop.call_later(seconds, self._expire, future, seconds)
        future.add_done_callback(lambda _: limit.cancel())
        return future

    def close(self, *, seconds: float = 0.1) -> None:
        """End the threads; wait `seconds` for calls that are under way, and leave behind those that hang."""
        for _ in self._threads:
            self._calls.put(None)
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, daemon=True, name=self._name)
        thread.start()
        return thread

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, work = call
            if future.done():  # given up before its turn came
                continue
            self._post(self._begun.add, future)
            try:
                result = work()
            except Exception as error:  # noqa: BLE001  whoever waits for it is told
                self._post(self._finish, future, None, error)
            else:
                self._post(self._finish, future, result, None)

    def _post(self, call: Callable[..., object], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed first
            self._loop.call_soon_threadsafe(call, *values)

    def _finish(self, future: "asyncio.Future[Any]", result: object, error: Exception | None) -> None:
        self._begun.discard(future)
        if future.done():  # it was given up, and its thread is back
            self._given_up -= 1
            self._calls.put(None)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _expire(self, future: "asyncio.Future[Any]", seconds: float) -> None:
        if future.done():
            return
        future.set_exception(self._limit.error(seconds))
        if future in self._begun and self._given_up < MAX_GIVEN_UP:
            self._begun.discard(future)
            self._given_up += 1
            self._threads.append(self._thread())


def leave_what_hangs(code: int) -> None:
    """End the process with the status `code` where a thread hangs; return where none does.

    A thread that waits for a file would keep Python from ending, perhaps for ever.
    """
    waiting = [one for one in threading.enumerate() if one is not threading.current_thread() and not one.daemon]
    for thread in waiting:
        thread.join(CLOSE_SECONDS / len(waiting))
    if any(thread.is_alive() for thread in waiting):
        sys.stderr.flush()
        os._exit(code)

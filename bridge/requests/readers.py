"""Threads that read and write files for a loop, and that nothing can hold up: not a dead network share, not the end.

A call that takes too long is given up, and its thread is replaced; the thread itself is a daemon, so that the
process can end while it still waits.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from engine.errors import BadInputError

READ_SECONDS = 30.0
MAX_GIVEN_UP = 16  # threads that wait for a file that does not come; beyond them calls wait for their turn
CLOSE_SECONDS = 5.0  # for what is under way at the end

Call = tuple["asyncio.Future[Any]", Callable[[], Any]]


class FileThreads:
    """Up to `count` calls at a time. `limit_seconds` is from asking to answer; without it a call may take for ever.

    Threads: all methods on the loop's thread.
    """

    def __init__(self, count: int, name: str, *, limit_seconds: float | None = None) -> None:
        self._name, self._limit_seconds = name, limit_seconds
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._begun: set[asyncio.Future[Any]] = set()
        self._given_up = 0
        self._threads = [self._thread() for _ in range(count)]

    def run(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        """Call `work` on a thread; the future raises what it raises, or `BadInputError` when it takes too long."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((future, work))
        if self._limit_seconds is not None:
            self._loop.call_later(self._limit_seconds, self._expire, future)
        return future

    def close(self) -> None:
        """End the threads; what hangs is left behind."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(CLOSE_SECONDS if self._limit_seconds is None else 0.1)

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

    def _expire(self, future: "asyncio.Future[Any]") -> None:
        if future.done():
            return
        future.set_exception(
            BadInputError(
                f"The files of this request could not be read within {self._limit_seconds:g} s.",
                remedy="See that the disk or the network share they lie on answers.",
            )
        )
        if future in self._begun and self._given_up < MAX_GIVEN_UP:
            self._begun.discard(future)
            self._given_up += 1
            self._threads.append(self._thread())

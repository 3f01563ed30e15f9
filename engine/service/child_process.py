"""One child process after another: started, written to, read from, and started again when it has gone.

Threads: all calls on the loop's thread, and so are the listener's. For each process one thread reads its output
and one writes its input, so that a child that does not read or does not speak never holds up the loop.
"""

import asyncio
import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Generic, Protocol, TypeVar

import structlog

from ..errors import DittoError

log = structlog.get_logger("ditto.child")

T = TypeVar("T")
Item = TypeVar("Item", contravariant=True)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: `code` as the system has it, or None where it could not be started at all."""

    code: int | None
    reason: str

    @property
    def by_itself(self) -> bool:
        """Whether the child ended itself, and was not ended or kept from starting by the system."""
        return self.code is not None and self.code >= 0


class ChildListener(Protocol[Item]):
    """Is called about a child. Returns from `on_exit` after how many seconds it is started again."""

    def on_item(self, item: Item) -> None:
        """Take in an item that the child has written."""
        ...

    def on_exit(self, end: Exit) -> float:
        """Take in how the child ended."""
        ...


class ChildProcess(Generic[T]):
    """Keeps one child alive until `close`. `read` reads an item from its standard output, None at the end."""

    def __init__(
        self, name: str, command: Sequence[str], read: Callable[[BinaryIO], T | None], listener: ChildListener[T]
    ) -> None:
        self._name, self._command, self._read, self._listener = name, command, read, listener
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads: tuple[threading.Thread, ...] = ()
        self._reason = ""  # why it was killed
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the child that runs now."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the child; where the system cannot, the listener gets an `Exit` and it is tried again."""
        if self._closed:
            return
        self._reason = ""
        try:
            # A session of its own, so that Ctrl-C in a terminal reaches its parent only, which then ends it in order.
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sys.stderr if sys.platform == "win32" else None,  # may be a log, without a console to inherit
                start_new_session=sys.platform != "win32",
            )
        except OSError as error:
            self._report(Exit(None, f"the system could not start it ({error.strerror or error})"))
            return
        self._process, self._orders = process, queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=self._listen, args=(process,), daemon=True, name=f"{self._name}-says"),
            threading.Thread(target=_write, args=(process, self._orders), daemon=True, name=f"{self._name}-orders"),
        )
        for thread in self._threads:
            thread.start()
        log.info("child.started", name=self._name, pid=process.pid)

    def write(self, data: bytes) -> None:
        """Have `data` written to the child's standard input, after what waits already."""
        if self._process is not None:
            self._orders.put(data)

    def kill(self, reason: str) -> None:
        """End the child now; the listener gets `reason` when it is gone."""
        if self._process is not None:
            log.warning("child.killed", name=self._name, reason=reason)
            self._reason = reason
            self._process.kill()

    def close(self, *, grace_seconds: float = 0.0) -> None:
        """End the child for good: by the end of its input, and where that takes too long, at once."""
        self._closed = True
        if self._process is None:
            return
        self._orders.put(None)
        if grace_seconds:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        try:
            while (item := self._read(process.stdout)) is not None:  # type: ignore[arg-type]  # a pipe's file object
                self._post(self._deliver, process, item)
        except (OSError, ValueError, DittoError) as error:
            log.error("child.garbled", name=self._name, error=str(error))
            self._reason = "what it said could not be understood"
            process.kill()
        code = process.wait()
        process.stdout.close()
        self._post(self._ended, process, code)

    def _post(self, call: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed first
            self._loop.call_soon_threadsafe(call, *values)

    def _deliver(self, process: "subprocess.Popen[bytes]", item: T) -> None:
        if process is self._process and not self._closed:
            self._listener.on_item(item)

    def _ended(self, process: "subprocess.Popen[bytes]", code: int) -> None:
        if process is not self._process:
            return
        self._orders.put(None)
        self._process = None
        self._report(Exit(code, self._reason or describe_exit(code)))

    def _report(self, end: Exit) -> None:
        if self._closed:
            return
        pause_seconds = self._listener.on_exit(end)
        log.warning("child.gone", name=self._name, code=end.code, reason=end.reason, again_in_seconds=pause_seconds)
        self._loop.call_later(pause_seconds, self.start)


def _write(process: "subprocess.Popen[bytes]", orders: "queue.SimpleQueue[bytes | None]") -> None:
    """Write what comes until the end, and then close the child's input."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it is dying; its reader will notice
        while (data := orders.get()) is not None:
            process.stdin.write(data)
            process.stdin.flush()
    with contextlib.suppress(OSError):  # what was still to be written to a dead process
        process.stdin.close()


def describe_exit(code: int) -> str:
    """Return in words how a process ended."""
    if code == -9:
        return "the system killed it, most likely because memory ran out"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}"

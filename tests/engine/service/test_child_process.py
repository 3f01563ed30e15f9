"""A child process is kept alive, and never holds up whoever watches it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

import pytest

from engine.service.child_process import ChildProcess, Exit

ECHO = """\
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(line[:20].strip() + b"\\n")
    sys.stdout.flush()
"""


class Listener:
    """Remembers what was said and how children ended."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ends: list[Exit] = []

    def on_item(self, item: bytes) -> None:
        self.heard.append(item)

    def on_exit(self, end: Exit) -> float:
        self.ends.append(end)
        return 0.01

    async def until(self, wanted: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not wanted():
                await asyncio.sleep(0.01)


def _read(pipe: BinaryIO) -> bytes | None:
    return pipe.readline().strip() or None


def _with(program: str, story: Callable[["ChildProcess[bytes]", Listener], Awaitable[None]]) -> None:
    async def main() -> None:
        listener = Listener()
        child = ChildProcess("child", [sys.executable, "-c", program], _read, listener)
        try:
            child.start()
            await story(child, listener)
        finally:
            child.close()

    asyncio.run(main())


def test_what_is_written_is_read_and_a_dead_child_is_followed_by_another() -> None:
    """Orders arrive in order; after a kill the next child answers, and the reason was said."""

    async def story(child: "ChildProcess[bytes]", listener: Listener) -> None:
        child.write(b"one\n")
        child.write(b"two\n")
        await listener.until(lambda: listener.heard == [b"one", b"two"])
        child.kill("it was told to go")
        await listener.until(lambda: listener.ends and child.pid is not None)
        assert listener.ends[0].reason == "it was told to go"
        child.write(b"three\n")
        await listener.until(lambda: listener.heard[-1] == b"three")

    _with(ECHO, story)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot freeze a process by a signal")
def test_a_frozen_child_and_a_large_order_do_not_hold_up_the_loop() -> None:
    """More than a pipe holds goes to a stopped child: the loop turns on, and the child can be ended."""

    async def story(child: "ChildProcess[bytes]", listener: Listener) -> None:
        child.write(b"here\n")
        await listener.until(lambda: listener.heard)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGSTOP)
        child.write(bytes(10_000_000) + b"\n")  # it would wait here for ever
        child.kill("it does not read")
        await listener.until(lambda: listener.ends and child.pid is not None)

    _with(ECHO, story)


def test_a_start_that_the_system_refuses_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors or memory: said each time, and the child is there as soon as that is over."""
    real, tries = subprocess.Popen, []

    def popen(*arguments: Any, **options: Any) -> Any:
        tries.append(arguments)
        if len(tries) < 4:
            raise OSError(24, "Too many open files")
        return real(*arguments, **options)

    monkeypatch.setattr("engine.service.child_process.subprocess.Popen", popen)

    async def story(child: "ChildProcess[bytes]", listener: Listener) -> None:
        await listener.until(lambda: child.pid is not None)
        assert [end.code for end in listener.ends] == [None] * 3
        assert "Too many open files" in listener.ends[0].reason
        child.write(b"here\n")
        await listener.until(lambda: listener.heard)

    _with(ECHO, story)


def test_a_child_is_let_go_in_order_and_else_ended() -> None:
    """With a farewell it may finish at the end of its input; one that does not care is killed."""

    async def main() -> None:
        for program, code in ((ECHO, 0), ("import time\ntime.sleep(3600)", None)):
            child = ChildProcess("child", [sys.executable, "-c", program], _read, Listener())
            child.start()
            process = child._process
            child.close(grace_seconds=20.0 if code == 0 else 0.1)
            assert process is not None
            assert process.returncode == (code if code == 0 else process.returncode)
            assert process.returncode is not None

    asyncio.run(main())

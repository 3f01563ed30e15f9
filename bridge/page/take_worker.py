"""A second process for work with large libraries: describing a take, drawing its report, hearing its notes.

The bridge runs all day and stays small; this process comes when it is needed, does one thing at a time, and goes when
nothing was asked for a while. It ends with the bridge, because then its input ends.

    python -m bridge.page.take_worker     pickled (name, arguments) in, pickled (result, error) out
"""

import contextlib
import pickle
import subprocess
import sys
import threading
from importlib import import_module
from typing import IO, Any

from engine.errors import DittoError, InternalError

IDLE_SECONDS = 60.0
LIMIT_SECONDS = 60.0  # of one piece of work; a disk that hangs must not hold up the next


WORK = {"describe": "details:described", "draw": "details:draw_report", "listen": "downloads:transcription_file"}
"""The functions of this package that the process calls, by the name of the work; each gets a take first."""


class TakeWorker:
    """The process, started when something is asked. Threads: any; one piece of work at a time."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._idle_seconds, self._limit_seconds = idle_seconds, limit_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._idle_timer: threading.Timer | None = None

    @property
    def process(self) -> int | None:
        """The process's id while there is one."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process, whatever it does."""
        self._end_after(None)
        if self._process is not None:
            self._process.kill()
        self._end_idle()  # where work is under way, its caller ends the process

    def do(self, name: str, *arguments: object) -> Any:
        """Have one piece of `WORK` done; raises what it raises, `InternalError` where the process dies of it."""
        with self._lock:
            self._end_after(None)
            try:
                result, error = self._exchange(name, arguments)
            finally:
                self._end_after(self._idle_seconds)
        if error is not None:
            raise error
        return result

    def _exchange(self, name: str, arguments: tuple[object, ...]) -> tuple[Any, Exception | None]:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        guard = threading.Timer(self._limit_seconds, process.kill)
        guard.daemon = True
        guard.start()
        try:
            pickle.dump((name, arguments), process.stdin)
            process.stdin.flush()
            answer: tuple[Any, Exception | None] = pickle.load(process.stdout)  # of our own process
        except (OSError, EOFError, pickle.UnpicklingError):
            self._end()
            raise InternalError(
                "The take could not be looked at: the process that does it has ended.", remedy="Try once more."
            ) from None
        finally:
            guard.cancel()
        return answer

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            command = [sys.executable, "-P", "-m", __name__]
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except OSError as error:
                raise InternalError(f"No process can be started: {error.strerror}.", remedy="Try later.") from error
        return self._process

    def _end_after(self, seconds: float | None) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = None
        if seconds is not None and self._process is not None:
            self._idle_timer = threading.Timer(seconds, self._end_idle)
            self._idle_timer.daemon = True
            self._idle_timer.start()

    def _end_idle(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        """Let the process go: it ends when its input does, or is dead already."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unwritten bytes are lost with it
                    pipe.close()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serve(calls: IO[bytes], answers: IO[bytes]) -> None:
    """Answer one call after another until the input ends."""
    while True:
        try:
            name, arguments = pickle.load(calls)  # of the bridge, whose child this is
        except EOFError:
            return
        result: Any = None
        error: Exception | None = None
        try:
            module, _, function = WORK[name].partition(":")
            result = getattr(import_module(f".{module}", __package__), function)(*arguments)
        except DittoError as known:
            error = known
        except (OSError, ValueError, KeyError) as other:
            error = ValueError(f"{type(other).__name__}: {other}"[:300])
        pickle.dump((result, error), answers)
        answers.flush()


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the bridge's, which ends this input
    serve(sys.stdin.buffer, sys.stdout.buffer)

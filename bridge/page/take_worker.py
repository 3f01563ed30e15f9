"""A second process for work with large libraries: describing a take, drawing its report, hearing its notes.

The bridge runs all day and stays small; this process comes when it is needed, does one thing at a time, and goes when
nothing was asked for a while. It ends with the bridge, because then its input ends.

    python -m bridge.page.take_worker     a `Call` in, an `Answer` out, each a line of JSON
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import IO

import msgspec

from engine.errors import BadInputError, DittoError, InternalError

from ..takes.library import StoredTake
from .cards import Json

IDLE_SECONDS = 60.0
LIMIT_SECONDS = 60.0  # of one piece of work; a disk that hangs must not hold up the next


class Work(StrEnum):
    """What the process can do with a take."""

    DESCRIBE = "describe"
    DRAW = "draw"
    TRANSCRIBE = "transcribe"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work on one take; a picture goes to `path`."""

    work: Work
    take: StoredTake
    path: Path | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a take could not be worked on."""

    sentence: str
    remedy: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call: a description, a file's content, neither for a picture, or a refusal."""

    description: Json = {}
    content: bytes = b""
    refusal: Refusal | None = None


def _as_path(_kind: type, text: str) -> Path:
    return Path(text)


_ENCODER = msgspec.json.Encoder(enc_hook=str)  # paths are all that it does not know
_CALLS = msgspec.json.Decoder(Call, dec_hook=_as_path)
_ANSWERS = msgspec.json.Decoder(Answer)


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

    def describe(self, take: StoredTake) -> Json:
        """Return the card of a take with its outline, spectrum, losses, and targets beside what was measured."""
        return self._done(Call(work=Work.DESCRIBE, take=take)).description

    def draw(self, take: StoredTake, path: Path) -> None:
        """Draw the report about a take as a picture."""
        self._done(Call(work=Work.DRAW, take=take, path=path))

    def transcribe(self, take: StoredTake) -> bytes:
        """Return a MIDI file of the notes detected in a take."""
        return self._done(Call(work=Work.TRANSCRIBE, take=take)).content

    def _done(self, call: Call) -> Answer:
        """Have a call answered; raises `BadInputError` for a refusal, `InternalError` where the process dies of it."""
        with self._lock:
            self._end_after(None)
            try:
                answer = self._exchange(call)
            finally:
                self._end_after(self._idle_seconds)
        if answer.refusal is not None:
            raise BadInputError(answer.refusal.sentence, remedy=answer.refusal.remedy)
        return answer

    def _exchange(self, call: Call) -> Answer:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        guard = threading.Timer(self._limit_seconds, process.kill)
        guard.daemon = True
        guard.start()
        try:
            process.stdin.write(_ENCODER.encode(call) + b"\n")
            process.stdin.flush()
            return _ANSWERS.decode(process.stdout.readline())
        except (OSError, msgspec.DecodeError):  # a line that was cut off, too
            self._end()
            raise InternalError(
                "The take could not be looked at: the process that does it has ended.", remedy="Try once more."
            ) from None
        finally:
            guard.cancel()

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


def serve(calls: Iterable[bytes], answers: IO[bytes]) -> None:
    """Answer one call after another until the input ends."""
    for line in calls:
        answers.write(_ENCODER.encode(_answer(_CALLS.decode(line))) + b"\n")
        answers.flush()


def _answer(call: Call) -> Answer:
    try:
        return _done(call)
    except DittoError as error:
        refusal = Refusal(sentence=error.sentence, remedy=error.remedy)
    except (OSError, ValueError, KeyError) as error:
        refusal = Refusal(sentence=f"The take cannot be read: {type(error).__name__}: {error}."[:300])
    return Answer(refusal=refusal)


def _done(call: Call) -> Answer:
    from . import details, downloads  # here, because they load what the bridge itself does without

    match call.work:
        case Work.DESCRIBE:
            return Answer(description=details.described(call.take))
        case Work.DRAW:
            assert call.path is not None
            details.draw_report(call.take, call.path)
            return Answer()
        case Work.TRANSCRIBE:
            return Answer(content=downloads.transcription_file(call.take))


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the bridge's, which ends this input
    serve(sys.stdin.buffer, sys.stdout.buffer)

"""What costs memory is done in a process of its own, which comes and goes and loses nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bridge.page.take_worker import TakeWorker
from bridge.takes import library
from bridge.takes.delivery import write_take
from engine.errors import DittoError, InternalError
from engine.events import Sound, Take
from engine.request import LoopRequest


@pytest.fixture
def take(tmp_path: Path) -> library.StoredTake:
    request = LoopRequest(request_id="r1", prompt="dub", bars=1, seed=3)
    sound = np.zeros((request.samples, 2), "<f4")
    made = Take(request_id="r1", take=0, sound=Sound(samples=sound.tobytes(), sample_rate=request.sample_rate),
                scores={}, noise=b"", record={})  # fmt: skip
    write_take(tmp_path, request, made)
    return next(iter(library.stored_takes(tmp_path)))


def start_instead(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """Have another program started in the process's place."""
    started = subprocess.Popen

    def start(_command: Any, **pipes: Any) -> Any:
        return started(command, **pipes)

    monkeypatch.setattr("bridge.page.take_worker.subprocess", SimpleNamespace(**{**vars(subprocess), "Popen": start}))


def test_the_bridge_itself_loads_no_scipy_and_no_matplotlib() -> None:
    """The page's server is there all day; these two are three times its size."""
    large = ("scipy", "matplotlib", "torch")
    probe = f"import sys, bridge.page.server, bridge.studio; print([one for one in {large} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-Ic", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_line_that_is_no_answer_ends_the_process(take: library.StoredTake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but an answer in JSON is taken from the process, so that no bytes of a pipe can run anything."""
    take_worker = TakeWorker()
    strange = [sys.executable, "-c", "import sys; sys.stdin.readline(); print('cos\\nsystem\\n')"]
    start_instead(monkeypatch, strange)
    with pytest.raises(InternalError, match="has ended"):
        take_worker.describe(take)
    assert take_worker.process is None


def test_a_take_is_described_drawn_and_transcribed_there(take: library.StoredTake, tmp_path: Path) -> None:
    """One process for several pieces of work; it goes when it is idle, and another comes."""
    take_worker = TakeWorker(idle_seconds=3600)
    try:
        assert take_worker.process is None
        assert take_worker.describe(take)["id"] == take.take_id
        first = take_worker.process
        take_worker.draw(take, tmp_path / "report.png")
        assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
        assert take_worker.transcribe(take).startswith(b"MThd")
        assert take_worker.process == first
        take_worker._end_idle()
        assert take_worker.process is None
        assert take_worker.describe(take)["id"] == take.take_id
    finally:
        take_worker.close()


def test_a_fault_of_the_take_is_told_in_its_words(take: library.StoredTake) -> None:
    """A WAV that is no WAV, and one that is gone, are errors of the take and do not end the process."""
    take_worker = TakeWorker()
    try:
        take.wav.write_bytes(b"no sound")
        with pytest.raises(DittoError) as told:
            take_worker.describe(take)
        assert not isinstance(told.value, InternalError)
        process = take_worker.process
        take.wav.unlink()
        with pytest.raises(DittoError):
            take_worker.describe(take)
        assert take_worker.process == process
    finally:
        take_worker.close()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_process_that_dies_costs_one_answer(take: library.StoredTake) -> None:
    """Killed between two pieces of work nothing is noticed; killed at work there is one sentence."""
    take_worker = TakeWorker()
    try:
        take_worker.describe(take)
        assert take_worker.process is not None
        os.kill(take_worker.process, signal.SIGKILL)
        assert take_worker._process is not None
        take_worker._process.wait()
        assert take_worker.describe(take)["id"] == take.take_id
    finally:
        take_worker.close()


def test_what_never_ends_is_ended(take: library.StoredTake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs holds up one answer, and no other."""
    take_worker = TakeWorker(limit_seconds=0.2)
    stuck = [sys.executable, "-c", "import time; time.sleep(600)"]
    start_instead(monkeypatch, stuck)
    with pytest.raises(InternalError, match="has ended"):
        take_worker.describe(take)
    assert take_worker.process is None


def test_it_ends_with_its_input() -> None:
    """A bridge that was killed leaves no process behind."""
    command = [sys.executable, "-P", "-m", "bridge.page.take_worker"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")

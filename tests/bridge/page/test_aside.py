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

from bridge.page.aside import Aside
from bridge.takes import library
from bridge.takes.delivery import write_take
from engine.errors import DittoError, InternalError
from engine.events import Sound, Take
from engine.request import LoopRequest


@pytest.fixture
def take(tmp_path: Path) -> library.Kept:
    request = LoopRequest(request_id="r1", prompt="dub", bars=1, seed=3)
    sound = np.zeros((request.samples, 2), "<f4")
    made = Take(request_id="r1", take=0, sound=Sound(samples=sound.tobytes(), sample_rate=request.sample_rate),
                scores={}, noise=b"", record={})  # fmt: skip
    write_take(tmp_path, request, made)
    return next(iter(library.kept(tmp_path)))


def test_the_bridge_itself_loads_no_scipy_and_no_matplotlib() -> None:
    """The page's server is there all day; these two are three times its size."""
    large = ("scipy", "matplotlib", "torch")
    probe = f"import sys, bridge.page.server, bridge.studio; print([one for one in {large} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-Ic", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_take_is_described_and_drawn_there(take: library.Kept, tmp_path: Path) -> None:
    """One process for several pieces of work; it goes when it is idle, and another comes."""
    aside = Aside(idle_seconds=3600)
    try:
        assert aside.process is None
        assert aside.do("describe", take)["id"] == take.take_id
        first = aside.process
        aside.do("draw", take, tmp_path / "report.png")
        assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
        assert aside.process == first
        aside._end_idle()
        assert aside.process is None
        assert aside.do("describe", take)["id"] == take.take_id
    finally:
        aside.close()


def test_a_fault_of_the_take_is_told_in_its_words(take: library.Kept) -> None:
    """A WAV that is no WAV, and one that is gone, are errors of the take and do not end the process."""
    aside = Aside()
    try:
        take.wav.write_bytes(b"no sound")
        with pytest.raises(DittoError) as told:
            aside.do("describe", take)
        assert not isinstance(told.value, InternalError)
        process = aside.process
        take.wav.unlink()
        with pytest.raises((DittoError, ValueError)):
            aside.do("describe", take)
        assert aside.process == process
    finally:
        aside.close()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_process_that_dies_costs_one_answer(take: library.Kept) -> None:
    """Killed between two pieces of work nothing is noticed; killed at work there is one sentence."""
    aside = Aside()
    try:
        aside.do("describe", take)
        assert aside.process is not None
        os.kill(aside.process, signal.SIGKILL)
        assert aside._process is not None
        aside._process.wait()
        assert aside.do("describe", take)["id"] == take.take_id
    finally:
        aside.close()


def test_what_never_ends_is_ended(take: library.Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that hangs holds up one answer, and no other."""
    aside = Aside(limit_seconds=0.2)
    stuck = [sys.executable, "-c", "import time; time.sleep(600)"]
    started = subprocess.Popen

    def start(_command: Any, **pipes: Any) -> Any:
        return started(stuck, **pipes)

    monkeypatch.setattr("bridge.page.aside.subprocess", SimpleNamespace(**{**vars(subprocess), "Popen": start}))
    with pytest.raises(InternalError, match="has ended"):
        aside.do("describe", take)
    assert aside.process is None


def test_it_ends_with_its_input() -> None:
    """A bridge that was killed leaves no process behind."""
    command = [sys.executable, "-P", "-m", "bridge.page.aside"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")

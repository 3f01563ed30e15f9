"""Bridge and engine as one program: an engine that runs and does not answer, and an end that something holds up."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.studio import SILENT_SECONDS, EngineProcess
from engine.service.child_process import Exit
from engine.service.options import EngineOptions
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings


def test_an_engine_that_does_not_answer_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen, or waiting for a disk: after a minute without an answer it is ended; one that is starting is not."""
    killed: list[str] = []

    async def story() -> None:
        worker = WorkerOptions.of(Settings(home=tmp_path, takes=tmp_path, models=tmp_path))
        engine = EngineProcess(EngineOptions(worker=worker), lambda _: None, lambda _: None)
        monkeypatch.setattr(engine.child, "kill", killed.append)
        for _ in range(2):
            for _ in range(2 * SILENT_SECONDS):
                engine.second_passed(answers=False)  # it is starting, which may take its time
            assert killed == []
            engine.on_item(b'{"address":"tcp://127.0.0.1:1"}')
            for _ in range(SILENT_SECONDS):
                engine.second_passed(answers=False)
            engine.second_passed(answers=True)
            for _ in range(SILENT_SECONDS):
                engine.second_passed(answers=False)
            assert killed == []
            engine.second_passed(answers=False)
            engine.second_passed(answers=False)
            assert len(killed) == 1
            engine.on_exit(Exit(-9, "killed"))
            killed.clear()

    asyncio.run(story())


def test_the_end_comes_although_something_waits_for_ever() -> None:
    """A disk that does not answer keeps neither the loop nor the process: it ends, and says so."""
    program = (
        "import threading\nfrom bridge.studio import insist_on_end\ninsist_on_end(0.1)\nthreading.Event().wait()\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "did not let go" in ran.stderr

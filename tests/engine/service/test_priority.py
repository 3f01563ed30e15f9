"""A worker steps back behind what a producer waits for."""

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="niceness is a word of Unix")
def test_a_process_and_its_threads_step_back() -> None:
    """Threads from before and after are as nice as the process."""
    program = (
        "import os, threading\n"
        "from engine.service.workers.priority import NICENESS, step_back\n"
        "def told(): print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) - before)\n"
        "before, go = os.getpriority(os.PRIO_PROCESS, 0), threading.Event()\n"
        "early = threading.Thread(target=lambda: (go.wait(), told()))\n"
        "early.start()\n"
        "step_back()\n"
        "go.set(); early.join()\n"
        "late = threading.Thread(target=told)\n"
        "late.start(); late.join(); told()\n"
        "print(min(NICENESS, 19 - before))\n"
    )
    # In a session of its own, as a worker has: on a desktop the whole session steps back with it.
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, start_new_session=True
    )
    early, late, own, expected = map(int, done.stdout.split())
    assert late == own == expected
    assert early == expected or sys.platform != "linux"

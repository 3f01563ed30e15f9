"""Making loops may take every core, but not from Live, the bridge or the engine: they come first."""

import contextlib
import os
import sys
from pathlib import Path

import psutil

NICENESS = 5  # enough for others to go first; with more, one busy program would leave the worker next to nothing


def step_back() -> None:
    """Give this process a lower priority for good; where the system does not let it, nothing changes."""
    with contextlib.suppress(psutil.Error, OSError):
        if sys.platform == "linux":
            _step_back_on_linux()
        else:
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else NICENESS)


def _step_back_on_linux() -> None:
    """Do it for each thread that there is, as Linux wants it; those to come inherit it."""
    nicer = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(OSError):  # it has ended
            os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, nicer)
    with contextlib.suppress(OSError):  # on a desktop sessions are weighed, and a worker has one of its own
        Path("/proc/self/autogroup").write_text(str(nicer), encoding="ascii")

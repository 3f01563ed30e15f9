"""Making loops may take every core, but not from Live, the bridge or the engine: they come first."""

import contextlib
import os
import sys
from pathlib import Path

NICENESS = 5  # enough for others to go first; with more, one busy program would leave the worker next to nothing


def step_back() -> None:
    """Give this process a lower priority for good; where the system does not let it, nothing changes."""
    if sys.platform == "win32":
        _step_back_on_windows()
    elif sys.platform == "linux":
        _step_back_on_linux()
    else:
        os.nice(NICENESS)


def _step_back_on_linux() -> None:
    """Do it for each thread that there is, as Linux wants it; those to come inherit it."""
    nicer = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
    for thread in map(int, os.listdir("/proc/self/task")):
        with contextlib.suppress(OSError):  # it has ended
            os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, nicer)
    with contextlib.suppress(OSError):  # on a desktop sessions are weighed, and a worker has one of its own
        Path("/proc/self/autogroup").write_text(str(nicer), encoding="ascii")


def _step_back_on_windows() -> None:
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]  # only there
    below_normal = 0x4000
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.SetPriorityClass(ctypes.c_void_p(kernel.GetCurrentProcess()), below_normal)

"""How much memory a process has, without a dependency."""

import os
import sys


def memory_bytes(process_id: int | None = None) -> int:
    """Return resident bytes of a process (this one by default): now on Linux, else the most it ever had."""
    try:
        with open(f"/proc/{process_id or 'self'}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return _peak_memory_bytes()


def _peak_memory_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

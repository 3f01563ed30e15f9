"""How much memory a process has."""

import psutil


def memory_bytes(process_id: int | None = None) -> int:
    """Return the resident bytes of a process, this one by default; 0 where there is none."""
    try:
        return int(psutil.Process(process_id).memory_info().rss)
    except psutil.Error:
        return 0

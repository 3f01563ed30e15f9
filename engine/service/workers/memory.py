"""How much memory a process has."""

from collections.abc import Callable

import psutil


def memory_bytes(process_id: int | None = None) -> int:
    """Return the resident bytes of a process, this one by default; 0 where there is none."""
    try:
        return int(psutil.Process(process_id).memory_info().rss)
    except psutil.Error:
        return 0


class MemoryWatch:
    """Whether this process has grown beyond all that it could have use for: by more than `max_growth_bytes`."""

    def __init__(self, max_growth_bytes: int, measure: Callable[[], int] = memory_bytes) -> None:
        self._max_growth_bytes, self._measure = max_growth_bytes, measure
        self._usual_bytes = measure()

    def has_swollen(self) -> bool:
        """Return whether it has grown so much; what stays after half of it counts as usual from then on."""
        if self._measure() - self._usual_bytes <= self._max_growth_bytes:
            return False
        self._usual_bytes = max(self._usual_bytes, self._measure() - self._max_growth_bytes // 2)
        return True

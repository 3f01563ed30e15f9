"""Work on sounds that know nothing of each other: on a processor side by side, each with one thread of torch's.

Much of a sound is made without torch's own threads (phases are integrated cell by cell), so that a second core would
wait for the first; with a layer for each core none does. This pays where torch's own threads do not: how many there
are is torch's number for work of this kind (`torch.get_num_interop_threads`), by default that of the cores. A single
one has one thread of torch's, too: sums of several come out otherwise in their last bits, and a layer would sound
otherwise alone than beside others.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import torch

from ...models.speed.threads import with_threads

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], items: Sequence[T], device: torch.device) -> list[R]:
    """Return `work` of each of `items`, without a gradient; on a processor in several threads."""
    threads = torch.get_num_interop_threads()

    def quietly(item: T) -> R:  # whether there is a gradient is a thread's own
        with torch.no_grad():
            return work(item)

    if device.type != "cpu":
        return [quietly(item) for item in items]
    if threads < 2:
        with with_threads(1):
            return [quietly(item) for item in items]
    return list(_threads(threads, torch.get_num_threads()).map(quietly, items))


@lru_cache(maxsize=1)
def _threads(count: int, threads_of_torch: int) -> ThreadPoolExecutor:
    """Return `count` threads, started, in each of which torch computes with one; elsewhere with its own number."""
    started = Barrier(count + 1)

    def begin() -> None:
        torch.get_num_threads()  # of a new thread torch sets its count when it is first asked for, and never again
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(count, "sound", begin)
    for _ in range(count):
        pool.submit(torch.get_num_threads)
    started.wait()
    torch.set_num_threads(threads_of_torch)  # torch keeps the last count for threads that begin later, too
    return pool


if hasattr(os, "register_at_fork"):  # a copy of this process has none of the threads
    os.register_at_fork(after_in_child=_threads.cache_clear)

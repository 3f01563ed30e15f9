"""The number of torch's CPU threads, measured once on this computer and stored.

More threads than free cores make a small network slower, and the number of cores does not tell how many are free.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import torch
from torch import nn

from ...errors import DittoError
from ...files import make_folder, publish
from ...settings import Settings

FILE = "threads.json"  # in the data folder
FRAMES, WIDTH, BLOCKS = 96, 256, 6  # the sizes of `pocket`'s network for a loop of eight seconds
REPEATS = 5
WORTH = 0.95  # more threads are chosen where a step takes at most this share of the time


class Measured(msgspec.Struct, frozen=True):
    """A measurement: the processor, the milliseconds of a step by number of threads, and the chosen number."""

    processor: str
    milliseconds: dict[int, float]
    threads: int


def use_threads(settings: Settings) -> int:
    """Set torch's threads to the number in the settings, else to the measured one, and return it.

    What is measured is how many serve one step. Of work that is independent, a number in the settings is kept, too.
    """
    if settings.threads and torch.get_num_interop_threads() != settings.threads:
        with suppress(RuntimeError):  # torch takes it once, before any such work
            torch.set_num_interop_threads(settings.threads)
    count = settings.threads or measured(settings).threads
    torch.set_num_threads(count)
    return count


@contextmanager
def with_threads(count: int) -> Iterator[None]:
    """Have torch compute with `count` threads for a while; 0 leaves the number as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measured(settings: Settings) -> Measured:
    """Return the stored measurement of this processor; without one, measure now and store it where that can be."""
    file, here = settings.home / FILE, processor()
    known = _read(file)
    if known is not None and known.processor == here and known.threads in known.milliseconds:
        return known
    found = measure(here)
    with suppress(DittoError):  # a folder that cannot be written costs the next start a moment, and no loop
        make_folder(settings.home, "DITTO_HOME")
        publish(file, msgspec.json.encode(found), overwrite=True)
    return found


def measure(here: str) -> Measured:
    """Time a step with each of `candidates` and return the measurement for the processor `here`.

    More threads are chosen only where they take at most `WORTH` of the time.
    """
    times = {count: _milliseconds(count) for count in candidates(_cores())}
    best = 1
    for count, milliseconds in times.items():
        if milliseconds <= WORTH * times[best]:
            best = count
    return Measured(here, times, best)


def candidates(cores: int) -> list[int]:
    """Return the numbers of threads to try: the powers of two up to `cores`, and `cores` itself."""
    powers = [2**power for power in range(cores.bit_length()) if 2**power <= cores]
    return sorted({*powers, cores})


def processor() -> str:
    """Return a text that changes whenever a stored measurement no longer holds: instructions, cores, torch."""
    return f"{torch.backends.cpu.get_cpu_capability()}, {_cores()} cores, torch {torch.__version__}"


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(file: Path) -> Measured | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError):  # no file yet, or not in this form: measured again
        return None


def _milliseconds(threads: int) -> float:
    """Return the shortest of `REPEATS` times of a step, forward and backward, in milliseconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            network = nn.Sequential(*(_block() for _ in range(BLOCKS))).requires_grad_(False)
            given = torch.randn(1, FRAMES, WIDTH, requires_grad=True)
            return min(_once(network, given) for _ in range(REPEATS))
    finally:
        torch.set_num_threads(before)


def _block() -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))


def _once(network: nn.Module, given: torch.Tensor) -> float:
    started = time.perf_counter()
    network(given).square().sum().backward()
    return 1e3 * (time.perf_counter() - started)

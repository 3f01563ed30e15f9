"""How many threads torch computes with on a processor: measured once for this computer and kept, never guessed.

More threads than cores that are free make a small network slower, and how many those are no count of cores tells.
"""

import os
import time
from pathlib import Path

import msgspec
import torch
from torch import nn

from ..files import publish
from ..settings import Settings

FILE = "threads.json"  # in the data folder
FRAMES, WIDTH, BLOCKS = 96, 256, 6  # a loop of eight seconds, as the network of `pocket` computes it
REPEATS = 5
WORTH = 0.95  # more threads must take at most so much of the time of fewer


class Measured(msgspec.Struct, frozen=True):
    """What was measured: on which processor, the time of a step with each count in milliseconds, and the best count."""

    processor: str
    milliseconds: dict[int, float]
    threads: int


def use_threads(settings: Settings) -> int:
    """Let torch compute with the threads of the settings, else with those measured here, and return how many."""
    count = settings.threads or measured(settings).threads
    torch.set_num_threads(count)
    return count


def measured(settings: Settings) -> Measured:
    """Return what was measured on this processor, measuring it now where that is not known."""
    file, here = settings.home / FILE, processor()
    known = _read(file)
    if known is not None and known.processor == here:
        return known
    found = measure(here)
    settings.home.mkdir(parents=True, exist_ok=True)
    publish(file, msgspec.json.encode(found), overwrite=True)
    return found


def measure(here: str) -> Measured:
    """Time a step with one thread, twice as many and so on, and return the quickest of them."""
    times = {count: _milliseconds(count) for count in candidates(_cores())}
    best = 1
    for count, milliseconds in times.items():
        if milliseconds <= WORTH * times[best]:
            best = count
    return Measured(here, times, best)


def candidates(cores: int) -> list[int]:
    """Return the counts that are tried on so many cores: 1, 2, 4 and so on, and all of them."""
    powers = [2**power for power in range(cores.bit_length()) if 2**power <= cores]
    return sorted({*powers, cores})


def processor() -> str:
    """Return what tells processors apart as far as the number of threads goes."""
    return f"{torch.backends.cpu.get_cpu_capability()}, {_cores()} cores, torch {torch.__version__}"


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(file: Path) -> Measured | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError):  # none yet, or not what we wrote: measured again
        return None


def _milliseconds(threads: int) -> float:
    """Return the shortest time of a step, forward and back, with so many threads."""
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

"""Memory that ran out, in the engine's own words, whichever way torch says it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .errors import OutOfMemoryError

_OF_THE_COMPUTER = "DefaultCPUAllocator"  # in the text of a plain `RuntimeError`


def is_exhausted(error: BaseException) -> bool:
    """Return whether `error` says that the accelerator or the computer ran out of memory."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _OF_THE_COMPUTER in str(error)


@contextmanager
def telling_exhaustion(doing: str) -> Iterator[None]:
    """Return a context in which memory that runs out is an `OutOfMemoryError`; `doing` ends its sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own error is a RuntimeError, too
        if not is_exhausted(error):
            raise
        whose = "The accelerator" if isinstance(error, torch.OutOfMemoryError) else "The computer"
        raise OutOfMemoryError(f"{whose} ran out of memory while {doing}.") from error

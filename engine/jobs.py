"""What a worker runs: a request in, events and checkpoints out. Here on a real model, in `engine.toy` without.

This file is imported by worker processes only; it is where torch comes in.
"""

import importlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from .errors import BadRequestError
from .events import Event
from .request import LoopRequest
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The optimiser's state as bytes, to resume from; yielded between steps."""

    state: bytes


class Jobs(Protocol):
    """Makes requests one after another, on one thread."""

    model: str

    def prepare(self, say: Callable[[float, str], None], name: str = ...) -> None:
        """Load a model; `say` is told how far that is (0..1) and what is being done."""
        ...

    def run(
        self, request: LoopRequest, resume: bytes | None, stopped: Callable[[], bool]
    ) -> Generator[Event | Checkpoint, None, None]:
        """Yield what happens; when `stopped` turns true, the best take so far and nothing else."""
        ...


def find(name: str) -> Callable[[Settings], Jobs]:
    """Return the factory at `module:name`."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute, None)
    if not callable(found):
        raise BadRequestError(f"{name!r} is not the name of something that makes loops (module:name).")
    return found  # type: ignore[no-any-return]  # checked above as far as it can be

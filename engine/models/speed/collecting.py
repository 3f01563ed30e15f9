"""Loading without Python's search for cycles of objects, which finds none there and takes half as long again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Search for no cycles meanwhile, nor later among the objects that were made by then; they stay until the end.

    Modules and networks do stay. Each search over those of torch alone takes a tenth of a second, of which loading has
    several; and the one at the end of a process, when each module is cleared, takes a second.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def leave() -> None:
    """Let the process end without a search among what it has loaded; files are closed by whoever opened them."""
    gc.freeze()

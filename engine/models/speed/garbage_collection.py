"""Loading without Python's cyclic garbage collector, which finds nothing there and takes half as long again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Switch the collector off meanwhile, and exempt all objects that exist at the end from later collections.

    They are modules and networks, which stay until the process ends. One collection over the modules of torch alone
    takes a tenth of a second, and loading would run several; the last one, when the process ends, takes a second.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def skip_final_collection() -> None:
    """Let the process end without a collection of what it has loaded; files are closed by whoever opened them."""
    gc.freeze()

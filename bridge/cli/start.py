"""Where `ditto-live` begins: before anything is loaded, Ctrl-C is made to end the program with one line.

Python itself would answer with a traceback of whatever it was loading. Commands then set their own answer. Some
milliseconds are left in which it still does: its own start, until it has found this file.
"""

# Of the interpreter itself: the module `signal` takes milliseconds to load, in which nothing would be answered yet.
from _signal import SIGINT, default_int_handler, getsignal, signal  # type: ignore[import-not-found]

INTERRUPTED = 130


def stop_at_once(*_: object) -> None:
    """End the process with one line; nothing has begun that would have to be put in order."""
    from os import _exit, write

    write(2, b"Stopped.\n")
    _exit(INTERRUPTED)


def interrupt(*, raises: bool) -> None:
    """Let Ctrl-C raise `KeyboardInterrupt`, or end the process at once; where it is ignored it stays so."""
    before, after = (stop_at_once, default_int_handler) if raises else (default_int_handler, stop_at_once)
    if getsignal(SIGINT) is before:
        signal(SIGINT, after)


interrupt(raises=False)


def main() -> None:
    """Run the command line."""
    from engine.models.speed.garbage_collection import skip_final_collection

    from .main import main as whole

    try:
        interrupt(raises=True)
        whole()
    except KeyboardInterrupt:
        stop_at_once()
    finally:
        interrupt(raises=False)
        skip_final_collection()


if __name__ == "__main__":
    main()

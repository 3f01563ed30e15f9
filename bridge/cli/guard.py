"""The last stop of every error: a sentence for a person, an exit code for a program, never a traceback."""

import errno
import re
import sys
import traceback
from collections.abc import Callable

import typer

from engine.errors import BadInputError, BadRequestError, DittoError, InternalError, ModelError
from engine.files import refused_by_system
from engine.settings import Settings
from midi.files.names import printable

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_EXTRA = re.compile(r"unexpected extra argument\S* \((.*)\)", re.DOTALL)
_JARGON = {
    "Value error, ": "",
    "Input should be a valid integer, unable to parse string as an integer": "a whole number is needed.",
    "Input should be a valid number, unable to parse string as a number": "a number is needed.",
    "Input should be less than or equal to ": "the highest number is ",
    "Input should be greater than or equal to ": "the lowest number is ",
}


def guarded(command: Callable[[], int], *, stopped: str = "Stopped.", loose: str = "") -> int:
    """Run `command` and return its exit code; whatever it raises becomes one sentence on stderr.

    `stopped` is the sentence where Ctrl-C ends it, `loose` where words stand without an option.
    """
    try:
        return command()
    except typer.TyperException as error:  # a wrong option or value, in the parser's own words
        extra = _EXTRA.search(error.format_message())
        sentence = f"‘{extra[1]}’ is not expected here." if extra else _plainly(error.format_message())
        say(sentence, (loose if extra else "") or "Add --help to see what is allowed.")
        return 2
    except DittoError as error:
        say(error.sentence, error.remedy)
        return exit_code(error)
    except (KeyboardInterrupt, typer.Abort):
        say(stopped)
        return INTERRUPTED
    except BrokenPipeError:
        raise  # whoever read our output has gone: `main` ends it
    except OSError as error:
        if error.errno == errno.ENOSPC and error.filename is None:  # of our own output; a file is named
            raise
        if error.filename is None:
            return _report_fault(error)
        refused = refused_by_system(error)
        say(refused.sentence, refused.remedy)
        return exit_code(refused)
    except Exception as error:  # noqa: BLE001  the outermost layer: a producer never meets a traceback
        return _report_fault(error)


def _plainly(message: str) -> str:
    """Return what the option parser says without its jargon."""
    for theirs, ours in _JARGON.items():
        message = message.replace(theirs, ours)
    return message


def exit_code(error: Exception) -> int:
    """Return 2 where the producer can mend it, 1 for all else."""
    return 2 if isinstance(error, BadRequestError | BadInputError | ModelError) else 1


def say(*sentences: str) -> None:
    """Write sentences to stderr, one a line; empty ones are left out, and so is what a terminal would obey."""
    sys.stderr.writelines(f"{printable(sentence)}\n" for sentence in sentences if sentence)


def _report_fault(error: Exception) -> int:
    """Keep the traceback in a file for a report, and say where it is."""
    log = Settings().home / "last-fault.txt"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        kept = f"The details are in {log}."
    except OSError:
        kept = "".join(traceback.format_exception_only(error)).strip()
    say(f"Something went wrong inside Ditto Live ({type(error).__name__}).", kept, InternalError.remedy)
    return 1

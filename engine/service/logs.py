"""Log lines on standard error: for a file or a journal events with fields, in a terminal what is amiss, in words."""

import logging
import sys

import structlog
from structlog.typing import EventDict


def log_to_stderr() -> None:
    """Write log lines to standard error; a person at a terminal is not shown that all goes as it should."""
    for_a_person = sys.stderr is not None and sys.stderr.isatty()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if for_a_person else logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.processors.format_exc_info,  # plain: no values of variables, which may be a prompt
            in_words
            if for_a_person
            else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )


def in_words(_logger: object, _method: str, event: EventDict) -> str:
    """Return a line such as `12:00:01 Warning: journal set aside (path /tmp/x)`."""
    time, level, name = (str(event.pop(key, "")) for key in ("timestamp", "level", "event"))
    trace = event.pop("exception", "")
    fields = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in event.items())
    line = f"{time} {level.capitalize()}: {name.replace('.', ' ').replace('_', ' ')}"
    return line + (f" ({fields})" if fields else "") + (f"\n{trace}" if trace else "")

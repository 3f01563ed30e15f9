"""Log lines for people and grep: an event and its fields, on standard error."""

import logging
import sys

import structlog


def log_to_stderr() -> None:
    """Write log lines with their fields to standard error."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.processors.format_exc_info,  # plain: no values of variables, which may be a prompt
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )

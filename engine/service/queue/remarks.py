"""What is said of requests: sentences that a producer reads beside a take, kept as long as the request itself."""

from collections.abc import Iterable

import structlog

from ...errors import BadRequestError
from .. import wire
from .journal_file import JournalFile

log = structlog.get_logger("ditto.journal")


class Remarks:
    """The sentences of a journal's jobs, in the order in which they were said, each once."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def of(self, request_id: str) -> tuple[str, ...]:
        """Return what was said of a request: none where it was acknowledged, or cannot be read."""
        row = self._file.row("SELECT data FROM remarks WHERE request_id = ?", (request_id,))
        try:
            return () if row is None else wire.decode(row[0], tuple[str, ...])
        except BadRequestError as error:  # the request is whole without them
            log.error("remarks.unreadable", request_id=request_id, error=error.sentence)
            return ()

    def add(self, request_id: str, sentences: Iterable[str]) -> None:
        """Keep more sentences about a request."""
        with self._file.transaction():
            self.put(request_id, (*self.of(request_id), *sentences))

    def put(self, request_id: str, sentences: Iterable[str]) -> None:
        """Keep these sentences about a request, inside a transaction."""
        if said := tuple(dict.fromkeys(sentences)):
            self._file.change("INSERT OR REPLACE INTO remarks VALUES (?, ?)", (request_id, wire.encode(said)))

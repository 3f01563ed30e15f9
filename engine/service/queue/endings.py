"""The ends of requests: kept in the journal, sent, and kept once more where the disk was full."""

import contextlib
import statistics
import time
from collections import deque
from collections.abc import Iterator

import structlog

from ...errors import DittoError
from ...events import Failed, Final
from .dispatch import Dispatch
from .journal import Entry, Journal, JournalError

log = structlog.get_logger("ditto.scheduler")


class Endings:
    """Gives requests their ends, one each, and counts them. Threads: the loop's."""

    def __init__(self, journal: Journal, dispatch: Dispatch) -> None:
        self.finished = 0
        self._journal, self._dispatch = journal, dispatch
        self._seconds: deque[float] = deque(maxlen=20)
        self._unwritten: dict[str, Final] = {}  # sent, and not in the journal yet: its disk is full

    @property
    def typical_seconds(self) -> float | None:
        """How long the last 20 requests took, the median."""
        return statistics.median(self._seconds) if self._seconds else None

    def finish(self, owner: str, final: Final, seconds: float | None) -> None:
        """Keep an end and tell it; `seconds` is how long a worker had the request."""
        try:
            self._journal.finish(final.request_id, final, time.time())
        except JournalError as error:
            log.error("end.not_kept", request_id=final.request_id, error=error.sentence)
            self._unwritten[final.request_id] = final
        self.finished += 1
        if seconds is not None:
            self._seconds.append(seconds)
        self._dispatch.event(owner, final)

    def unwritten(self, request_id: str) -> Final | None:
        """Return an end that the journal does not have yet."""
        return self._unwritten.get(request_id)

    def is_over(self, entry: Entry) -> bool:
        """Whether a request has its end, in the journal or waiting to be written there."""
        return entry.status.is_finished or entry.request_id in self._unwritten

    def retry(self) -> None:
        """Keep the ends for which there was no room."""
        for request_id, final in list(self._unwritten.items()):
            try:
                self._journal.finish(request_id, final, time.time())
            except JournalError:
                return
            del self._unwritten[request_id]


@contextlib.contextmanager
def quietly(what: str) -> Iterator[None]:
    """Go on without what only makes a later start better, where the journal cannot be written."""
    try:
        yield
    except JournalError as error:
        log.warning("journal.not_written", what=what, error=error.sentence)


def failed(request_id: str, error: DittoError) -> Failed:
    """Return an error as the end of a request."""
    return Failed(request_id=request_id, code=error.code, sentence=error.sentence, remedy=error.remedy)

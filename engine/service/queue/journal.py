"""Accepted requests and their ends, on disk: SQLite in WAL mode, one writer.

Accepted means that the transaction is on the disk (`synchronous=FULL`). What follows - ends, and in a file of
their own takes, saved states and previews, so that no acceptance waits for megabytes - is committed without
waiting for the disk. A killed process loses nothing; after a power cut a take may be missing, and then its job
simply runs again. A result is kept until its client acknowledges it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

from ...errors import BadRequestError, InternalError
from ...events import Event, Failed
from ...request import LoopRequest
from .. import wire
from ..messages import Priority, RequestStatus, Submission
from .journal_file import JournalError as JournalError
from .journal_file import JournalFile
from .remarks import Remarks
from .results import Results
from .upkeep import Upkeep

log = structlog.get_logger("ditto.journal")


class Acceptance(StrEnum):
    """The outcome of a submission."""

    NEW = "new"
    KNOWN = "known"  # the same request once more
    CONFLICT = "conflict"  # another one under the same id


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as the queue needs it; the request itself stays on disk until it is run."""

    request_id: str
    owner: str
    slot: str
    tag: str
    priority: Priority
    created: float
    status: RequestStatus
    crashes: int


_ENTRY = "SELECT request_id, owner, slot, tag, priority, created, state, crashes FROM jobs"
_UNANSWERED = "owner = ? AND state IN ('queued', 'running', 'finished')"  # as the index has it


class Journal:
    """The file of jobs, in `results` what they gave, in `remarks` what was said of them.

    Threads: one, the engine's loop, but for `tidy`.

    Calls return within milliseconds, and raise `JournalError` where the disk does not do its part.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = JournalFile(path)
        self.remark = self._file.remark
        self.results = Results(self._file)
        self.remarks = Remarks(self._file)
        self.tidy = self._file.fold
        self.close = self._file.close
        upkeep = Upkeep(self._file, self.results)
        self.sweep = upkeep.sweep
        upkeep.repair()

    def accept(self, submissions: Sequence[Submission], now: float) -> list[Acceptance]:
        """Store all in one transaction and return, when it is on the disk, what became of each."""
        with self._file.transaction(durable=True):
            return [self._accept(submission, now) for submission in submissions]

    def _accept(self, submission: Submission, now: float) -> Acceptance:
        request, data = submission.request, wire.encode(submission.request)
        digest = hashlib.sha256(data).digest()
        found = self._file.row("SELECT digest, owner FROM jobs WHERE request_id = ?", (request.request_id,))
        if found is not None:
            return Acceptance.KNOWN if found == (digest, submission.owner) else Acceptance.CONFLICT
        self._file.change(
            "INSERT INTO jobs (request_id, owner, slot, tag, priority, digest, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (request.request_id, submission.owner, request.slot, submission.tag, submission.priority, digest, now),
        )
        self._file.change("INSERT OR REPLACE INTO requests VALUES (?, ?)", (request.request_id, data))
        self.remarks.put(request.request_id, submission.remarks)
        return Acceptance.NEW

    def entry(self, request_id: str) -> Entry | None:
        """Return one job, or None."""
        row = self._file.row(f"{_ENTRY} WHERE request_id = ?", (request_id,))
        return None if row is None else _entry(row)

    def unfinished(self) -> list[Entry]:
        """Return what is still to be made, oldest first; what was running counts as waiting."""
        return [
            _entry(row) for row in self._file.rows(f"{_ENTRY} WHERE state IN ('queued', 'running') ORDER BY number")
        ]

    def unanswered(self, owner: str) -> list[Entry]:
        """Return what `owner` has not acknowledged to the end, oldest first."""
        return [_entry(row) for row in self._file.rows(f"{_ENTRY} WHERE {_UNANSWERED} ORDER BY number", (owner,))]

    def states(self, owner: str, *, most: int) -> dict[str, RequestStatus]:
        """Return the states of what `owner` has not acknowledged to the end."""
        rows = self._file.rows(f"SELECT request_id, state FROM jobs WHERE {_UNANSWERED} LIMIT ?", (owner, most))
        return {request_id: RequestStatus(state) for request_id, state in rows}

    def request(self, request_id: str) -> LoopRequest | None:
        """Return the request as it was accepted; one that cannot be read ends as failed, and is None."""
        row = self._file.row("SELECT data FROM requests WHERE request_id = ?", (request_id,))
        try:
            return wire.decode_request(b"" if row is None else row[0])
        except BadRequestError as error:
            self.set_aside(request_id, "request", b"" if row is None else row[0], error)
            return None

    def final(self, request_id: str) -> Event | None:
        """Return the end of a job, or None while it has none; one that cannot be read is a failure."""
        row = self._file.row("SELECT final FROM jobs WHERE request_id = ?", (request_id,))
        if row is None or row[0] is None:
            return None
        try:
            return wire.decode_event(row[0])
        except BadRequestError as error:
            return self.set_aside(request_id, "end", row[0], error)

    def set_aside(self, request_id: str, part: str, data: bytes, error: BadRequestError) -> Failed:
        """Keep what cannot be read apart and end its job with a sentence about it, which is returned."""
        log.error("journal.unreadable", request_id=request_id, part=part, error=error.sentence)
        failed = _unreadable(request_id, part)
        with self._file.transaction():
            self._file.change("INSERT OR IGNORE INTO unreadable VALUES (?, ?, ?)", (request_id, part, data))
            statement = (
                "UPDATE jobs SET state = 'finished', final = ?, ended = coalesce(ended, created) WHERE request_id = ?"
            )
            self._file.change(statement, (wire.encode(failed), request_id))
        return failed

    def start(self, request_id: str) -> None:
        """Note that a worker has the job."""
        self._set(request_id, "state = CASE state WHEN 'queued' THEN 'running' ELSE state END")

    def requeue(self, request_id: str) -> None:
        """Note that the job waits again; one that has an end keeps it."""
        self._set(request_id, "state = CASE state WHEN 'running' THEN 'queued' ELSE state END")

    def count_crash(self, request_id: str) -> int:
        """Note that the job's worker died; return how often that has happened."""
        self._set(request_id, "crashes = crashes + 1")
        entry = self.entry(request_id)
        return entry.crashes if entry else 0

    def finish(self, request_id: str, final: Event, now: float) -> None:
        """Keep the end of a job; what only a resumption needs is dropped."""
        with self._file.transaction():
            statement = "UPDATE jobs SET state = 'finished', ended = ?, final = ? WHERE request_id = ?"
            self._file.change(statement, (now, wire.encode(final), request_id))
            self._file.change("DELETE FROM kept WHERE request_id = ? AND kind NOT IN ('take', 'stems')", (request_id,))

    def acknowledge_end(self, request_id: str) -> None:
        """Drop takes and words of a finished job; its end and a digest stay a while for late duplicates."""
        with self._file.transaction():
            statement = "UPDATE jobs SET state = 'answered', open_takes = 0 WHERE request_id = ? AND state = 'finished'"
            if self._file.change(statement, (request_id,)):
                for table in ("requests", "remarks", "kept"):
                    self._file.change(f"DELETE FROM {table} WHERE request_id = ?", (request_id,))

    def _set(self, request_id: str, change: str) -> None:
        with self._file.transaction():
            self._file.change(f"UPDATE jobs SET {change} WHERE request_id = ?", (request_id,))


def _unreadable(request_id: str, part: str) -> Failed:
    return Failed(
        request_id=request_id,
        code=InternalError.code,
        sentence=f"The {part} of this request in the journal cannot be read; another version may have written it.",
        remedy="Ask again with a new id.",
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    """Return a row as the queue needs it; a word of another version counts as the usual one."""
    request_id, owner, slot, tag, priority, created, status, crashes = row
    return Entry(
        request_id=request_id,
        owner=owner,
        slot=slot,
        tag=tag,
        priority=Priority(priority) if priority in _PRIORITIES else Priority.INTERACTIVE,
        created=created,
        status=RequestStatus(status) if status in _STATUSES else RequestStatus.FINISHED,
        crashes=crashes,
    )


_STATUSES = frozenset(RequestStatus)
_PRIORITIES = frozenset(Priority)

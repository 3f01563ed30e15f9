"""What the engine has promised, on disk: SQLite in WAL mode, one writer.

Accepted means that the transaction is on the disk (`synchronous=FULL`). What follows - ends, and in a file of
their own takes, saved states and previews, so that no acceptance waits for megabytes - is committed without
waiting for the disk. A killed process loses nothing; after a power cut a take may be missing, and then its job
simply runs again. A result is kept until its client acknowledges it.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import DittoError
from ...events import Event, Preview, Take
from ...request import MAX_COUNT, LoopRequest
from .. import wire
from ..messages import Submission
from .journal_file import JournalFile

Acceptance = Literal["new", "known", "conflict"]
KEEP_ANSWERED_SECONDS = 7 * 86_400.0  # long enough for a late duplicate of a commit
KEEP_UNCLAIMED_SECONDS = 30 * 86_400.0  # a client that never came back


class JournalError(DittoError):
    """The journal cannot be opened or written."""

    code = "journal"
    remedy = "See that only one engine uses this folder, and that the disk has room."


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as the queue needs it; the request itself stays on disk until it is run."""

    request_id: str
    owner: str
    slot: str
    tag: str
    priority: str
    created: float
    state: str
    crashes: int


_ENTRY = "request_id, owner, slot, tag, priority, created, state, crashes"
_UNANSWERED = "owner = ? AND state IN ('queued', 'running', 'finished')"  # as the index has it


class Journal:
    """The file of jobs. Threads: one, the engine's loop, but for `tidy`. Calls return within milliseconds."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._dirty = True
        try:
            self._file = JournalFile(path)
            self._db = self._file.database
            self._repair()
        except sqlite3.Error as error:
            raise JournalError(f"The journal {path} cannot be used: {error}.") from error

    def close(self) -> None:
        """Fold the log into the file and close it."""
        self._file.close()

    def tidy(self) -> None:
        """Fold the log into the file if there is something in it; takes its time, so do it on another thread."""
        if self._dirty:
            self._dirty = False
            with contextlib.suppress(sqlite3.Error):  # a full disk: the log grows, and the next one tries again
                self._file.fold()

    def accept(self, submissions: Sequence[Submission], now: float) -> list[Acceptance]:
        """Store all in one transaction and return, when it is on the disk, what became of each.

        `known` is the same request once more, `conflict` another one under the same id.
        """
        with self._transaction(durable=True):
            return [self._accept(submission, now) for submission in submissions]

    def _accept(self, submission: Submission, now: float) -> Acceptance:
        request, data = submission.request, wire.encode(submission.request)
        digest = hashlib.sha256(data).digest()
        found = self._db.execute(
            "SELECT digest, owner FROM jobs WHERE request_id = ?", (request.request_id,)
        ).fetchone()
        if found is not None:
            return "known" if found == (digest, submission.owner) else "conflict"
        self._db.execute(
            "INSERT INTO jobs (request_id, owner, slot, tag, priority, request, digest, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.request_id,
                submission.owner,
                request.slot,
                submission.tag,
                submission.priority,
                data,
                digest,
                now,
            ),
        )
        return "new"

    def entry(self, request_id: str) -> Entry | None:
        """Return one job, or None."""
        row = self._db.execute(f"SELECT {_ENTRY} FROM jobs WHERE request_id = ?", (request_id,)).fetchone()
        return None if row is None else Entry(*row)

    def unfinished(self) -> list[Entry]:
        """Return what is still to be made, oldest first; what was running counts as waiting."""
        rows = self._db.execute(f"SELECT {_ENTRY} FROM jobs WHERE state IN ('queued', 'running') ORDER BY number")
        return [Entry(*row) for row in rows]

    def unanswered(self, owner: str) -> list[Entry]:
        """Return what `owner` has not acknowledged to the end, oldest first."""
        rows = self._db.execute(f"SELECT {_ENTRY} FROM jobs WHERE {_UNANSWERED} ORDER BY number", (owner,))
        return [Entry(*row) for row in rows]

    def states(self, owner: str, *, most: int) -> dict[str, str]:
        """Return the states of what `owner` has not acknowledged to the end."""
        rows = self._db.execute(f"SELECT request_id, state FROM jobs WHERE {_UNANSWERED} LIMIT ?", (owner, most))
        return dict(rows.fetchall())

    def request(self, request_id: str) -> LoopRequest:
        """Return the request as it was accepted."""
        return wire.decode_request(self._blob("request", request_id) or b"")

    def saved_state(self, request_id: str) -> bytes | None:
        """Return the optimiser's last saved state."""
        return self._kept(request_id, "saved")

    def last_preview(self, request_id: str) -> Preview | None:
        """Return the last early listen: the best take of a job that will never end."""
        data = self._kept(request_id, "preview")
        return None if data is None else wire.decode(data, Preview)

    def final(self, request_id: str) -> Event | None:
        """Return the end of a job, or None while it has none."""
        data = self._blob("final", request_id)
        return None if data is None else wire.decode_event(data)

    def take_numbers(self, request_id: str) -> list[int]:
        """Return which takes are there and not acknowledged yet."""
        rows = self._db.execute(
            "SELECT number FROM kept WHERE request_id = ? AND kind = 'take' ORDER BY number", (request_id,)
        )
        return [number for (number,) in rows]

    def take(self, request_id: str, number: int) -> Take | None:
        """Return a take that is not acknowledged yet."""
        data = self._kept(request_id, "take", number)
        return None if data is None else wire.decode(data, Take)

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

    def save(self, request_id: str, state: bytes) -> None:
        """Keep the optimiser's state for a resumption."""
        with self._transaction():
            self._keep(request_id, "saved", 0, state)

    def keep_preview(self, preview: Preview) -> None:
        """Keep an early listen until the job has an end."""
        with self._transaction():
            self._keep(preview.request_id, "preview", 0, wire.encode(preview))

    def add_take(self, take: Take) -> None:
        """Keep a finished take until it is acknowledged."""
        with self._transaction():
            self._keep(take.request_id, "take", take.take, wire.encode(take))
            self._db.execute(
                "UPDATE jobs SET open_takes = open_takes | ? WHERE request_id = ?", (1 << take.take, take.request_id)
            )

    def finish(self, request_id: str, final: Event, now: float) -> None:
        """Keep the end of a job; what only a resumption needs is dropped."""
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET state = 'finished', ended = ?, final = ? WHERE request_id = ?",
                (now, wire.encode(final), request_id),
            )
            self._db.execute("DELETE FROM kept WHERE request_id = ? AND kind != 'take'", (request_id,))

    def acknowledge_take(self, request_id: str, take: int) -> None:
        """Drop a take that is safe at the client's side."""
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET open_takes = open_takes & ~? WHERE request_id = ?", (1 << take, request_id)
            )
            self._db.execute(
                "DELETE FROM kept WHERE request_id = ? AND kind = 'take' AND number = ?", (request_id, take)
            )

    def acknowledge_end(self, request_id: str) -> None:
        """Drop takes and words of a finished job; its end and a digest stay a while for late duplicates."""
        with self._transaction():
            done = self._db.execute(
                "UPDATE jobs SET state = 'answered', request = x'', open_takes = 0"
                " WHERE request_id = ? AND state = 'finished'",
                (request_id,),
            ).rowcount
            if done:
                self._db.execute("DELETE FROM kept WHERE request_id = ?", (request_id,))

    def sweep(self, now: float) -> int:
        """Drop what was answered a week ago, or lay unclaimed for a month; return how many jobs."""
        limits = (now - KEEP_ANSWERED_SECONDS, now - KEEP_UNCLAIMED_SECONDS)
        with self._transaction():
            gone = self._db.execute(
                "DELETE FROM jobs WHERE (state = 'answered' AND ended < ?) OR (state = 'finished' AND ended < ?)",
                limits,
            ).rowcount
            self._db.execute("DELETE FROM kept WHERE request_id NOT IN (SELECT request_id FROM jobs)")
        return gone

    def _keep(self, request_id: str, kind: str, number: int, data: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", (request_id, kind, number, data))

    def _kept(self, request_id: str, kind: str, number: int = 0) -> bytes | None:
        row = self._db.execute(
            "SELECT data FROM kept WHERE request_id = ? AND kind = ? AND number = ?", (request_id, kind, number)
        ).fetchone()
        return None if row is None else row[0]

    def _repair(self) -> None:
        """Have a job made again whose take a power cut has lost."""
        rows = self._db.execute("SELECT request_id, open_takes FROM jobs WHERE state = 'finished' AND open_takes")
        for request_id, open_takes in rows.fetchall():
            wanted = (number for number in range(MAX_COUNT) if open_takes >> number & 1)
            if any(self._kept(request_id, "take", number) is None for number in wanted):
                self._set(request_id, "state = 'queued', final = NULL, ended = NULL")

    def _blob(self, column: str, request_id: str) -> bytes | None:
        row = self._db.execute(f"SELECT {column} FROM jobs WHERE request_id = ?", (request_id,)).fetchone()
        return None if row is None else row[0]

    def _set(self, request_id: str, change: str, *values: object) -> None:
        with self._transaction():
            self._db.execute(f"UPDATE jobs SET {change} WHERE request_id = ?", (*values, request_id))

    @contextlib.contextmanager
    def _transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Commit what happens inside, or nothing of it."""
        self._db.execute(f"PRAGMA main.synchronous={'FULL' if durable else 'NORMAL'}")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            self._dirty = True
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self._path} cannot be written: {error}.") from error

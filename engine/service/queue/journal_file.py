"""The journal's files: opened by one engine at a time, with a log that has its room before it is needed.

SQLite in WAL mode, and a second file for what is large and can be made again (takes, saved states, previews).
"""

import contextlib
import sqlite3
from pathlib import Path

LOG_BYTES = 8 * 2**20  # some 200 requests from acceptance to end

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    slot TEXT NOT NULL, tag TEXT NOT NULL, priority TEXT NOT NULL,
    request BLOB NOT NULL, digest BLOB NOT NULL, created REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',         -- queued, running, finished, answered
    crashes INTEGER NOT NULL DEFAULT 0, ended REAL, final BLOB,
    open_takes INTEGER NOT NULL DEFAULT 0         -- bit n: take n was made and is not acknowledged
);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, state);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE TABLE IF NOT EXISTS results.kept (
    request_id TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (request_id, kind, number)
);
"""


class JournalFile:
    """Connections to the files; raises `sqlite3.Error` where they cannot be used.

    Threads: `database` belongs to the one that opened it; `fold` may be called on another, one at a time.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.ExitStack() as undo:
            self._lock = _locked(path)
            undo.callback(self._lock.close)
            self.database = _connected(path)
            undo.callback(self.database.close)
            self.database.executescript(_SCHEMA)
            _make_room(self.database)
            self._folder = _connected(path)
            undo.pop_all()

    def fold(self) -> None:
        """Copy what the log holds into the files; commits go on meanwhile, and then begin the log anew."""
        self._folder.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Fold the log and close everything."""
        self._folder.close()
        with contextlib.suppress(sqlite3.Error):
            self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.close()
        self._lock.close()


def _locked(path: Path) -> sqlite3.Connection:
    """Keep other engines out until this is closed or the process dies: two would make everything twice."""
    lock = sqlite3.connect(f"{path}.lock", isolation_level=None, timeout=2.0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise
    return lock


def _connected(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path, isolation_level=None, timeout=2.0, check_same_thread=False)
    try:
        made.execute("ATTACH ? AS results", (f"{path}.results",))
        for database in ("main", "results"):
            made.execute(f"PRAGMA {database}.journal_mode=WAL")
            # The words of an answered request are gone, not just unlisted.
            made.execute(f"PRAGMA {database}.secure_delete=ON")
        made.execute("PRAGMA results.synchronous=OFF")
        made.execute("PRAGMA wal_autocheckpoint=0")  # it would come in the middle of an acceptance
    except sqlite3.Error:
        made.close()
        raise
    return made


def _make_room(database: sqlite3.Connection) -> None:
    """Let the log have its size before the first acceptance.

    A commit into room that is there has the disk write data only; one that makes a file longer has the file system
    keep its own books too, and wait there for whatever other programs write.
    """
    cache = database.execute("PRAGMA main.cache_size").fetchone()[0]
    database.execute("PRAGMA main.cache_size=10")  # so that what follows goes to the log, and not to memory
    database.execute("BEGIN IMMEDIATE")
    database.execute("CREATE TABLE room (bytes BLOB)")
    database.execute("INSERT INTO room VALUES (zeroblob(?))", (LOG_BYTES,))
    database.execute("ROLLBACK")  # the log keeps its length
    database.execute(f"PRAGMA main.cache_size={cache}")

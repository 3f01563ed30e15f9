"""The journal's files: opened by one engine at a time, with a log that has its room before it is needed.

SQLite in WAL mode, and a second file for what is large and can be made again (takes, saved states, previews).
`PRAGMA user_version` counts the layouts; `layout` brings an older one up to date. What is damaged, or comes from
a newer version, is moved into a folder beside it as it is, and a new journal is begun.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import structlog

from ...errors import DittoError
from .layout import NewerLayoutError, lay_out

log = structlog.get_logger("ditto.journal")

LOG_BYTES = 8 * 2**20  # some 200 requests from acceptance to end
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class JournalError(DittoError):
    """The journal cannot be opened, read or written."""

    code = "journal"
    remedy = "See that only one engine uses this folder, and that the disk has room."


class JournalFile:
    """Connections to the files; raises `JournalError` where they cannot be used.

    `remark` says in a sentence what had to be set aside. Threads: all calls on the one that opened it, but for
    `fold`, which may be called on another, one at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dirty = True
        self._folding = threading.Lock()  # a connection that is closed in the middle of its work ends the process
        self._is_closed = False
        self.remark = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as undo:
                self._lock = _locked(path)
                undo.callback(self._lock.close)
                self._database = self._opened()
                undo.callback(self._database.close)
                _make_room(self._database)
                self._folder = _connected(path)
                undo.pop_all()
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise JournalError(
                f"The journal {path} cannot be used: {reason}.",
                remedy=f"{JournalError.remedy} DITTO_HOME names another folder.",
            ) from error

    def row(self, statement: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Return the first row, or None."""
        try:
            found: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
            return found
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self._path} cannot be read: {error}.") from error

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows."""
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self._path} cannot be read: {error}.") from error

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        """Execute a change inside a transaction and return how many rows it met."""
        return self._database.execute(statement, values).rowcount

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Commit what happens inside, or nothing of it; `durable` waits until it is on the disk."""
        try:
            self._database.execute(f"PRAGMA main.synchronous={'FULL' if durable else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has undone it already
                    self._database.execute("ROLLBACK")
                raise
            self._dirty = True
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self._path} cannot be written: {error}.") from error

    def fold(self) -> None:
        """Copy what the log holds into the files; commits go on meanwhile, and then begin the log anew."""
        with self._folding:
            if not self._dirty or self._is_closed:
                return
            self._dirty = False
            try:
                self._folder.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error:  # a full disk: the log grows, and the next call tries again
                self._dirty = True

    def close(self) -> None:
        """Fold the log and close everything."""
        with self._folding:
            self._is_closed = True
            self._folder.close()
        with contextlib.suppress(sqlite3.Error):
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
        self._lock.close()

    def _opened(self) -> sqlite3.Connection:
        """Open the files; those that cannot be understood make room for new ones."""
        try:
            return _laid_out(self._path)
        except NewerLayoutError:
            self._set_aside("was written by another version of Ditto Live")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGED:
                raise
            self._set_aside(f"is damaged ({error})")
        return _laid_out(self._path)

    def _set_aside(self, why: str) -> None:
        number = 1
        while (folder := self._path.with_name(f"{self._path.name}.set-aside-{number}")).exists():
            number += 1
        folder.mkdir(mode=0o700)
        for suffix in ("", "-wal", "-shm", ".results", ".results-wal", ".results-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._path}{suffix}").rename(folder / f"{self._path.name}{suffix}")
        self.remark = f"The journal {why}: it was moved to {folder}, and a new one was begun."
        log.error("journal.set_aside", sentence=self.remark)


def _locked(path: Path) -> sqlite3.Connection:
    """Keep other engines out until this is closed or the process dies: two would make everything twice."""
    _make_private(Path(f"{path}.lock"))
    lock = sqlite3.connect(f"{path}.lock", isolation_level=None, timeout=2.0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise
    return lock


def _make_private(path: Path) -> None:
    """Have a file that only its user can read, before anything is in it: requests are a producer's words."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.suppress(OSError):  # a file system without rights, or a file of another user
        os.chmod(path, 0o600)


def _laid_out(path: Path) -> sqlite3.Connection:
    for file in (path, Path(f"{path}.results")):
        _make_private(file)
    made = _connected(path)
    try:
        lay_out(made)
        (verdict,) = made.execute("PRAGMA main.quick_check(1)").fetchone()
        if verdict != "ok":
            damage = sqlite3.DatabaseError(verdict)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
    except BaseException:
        made.close()
        raise
    return made


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

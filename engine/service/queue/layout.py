"""The journal's tables, and how an earlier version's tables become today's.

Version 0 (0.1.0) kept the request in the job's own row, so that each change of its state wrote all of it again.
"""

import sqlite3

LAYOUT_VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    slot TEXT NOT NULL, tag TEXT NOT NULL, priority TEXT NOT NULL,
    digest BLOB NOT NULL, created REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',         -- a RequestStatus
    crashes INTEGER NOT NULL DEFAULT 0, ended REAL, final BLOB,
    open_takes INTEGER NOT NULL DEFAULT 0,        -- bit n: take n was made and is not acknowledged
    aged_seconds REAL NOT NULL DEFAULT 0          -- an engine ran for so long since the end, by a steady clock
);
CREATE TABLE IF NOT EXISTS requests (request_id TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS remarks (request_id TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS unreadable (
    request_id TEXT NOT NULL, part TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (request_id, part)
);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, state);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
CREATE TABLE IF NOT EXISTS results.kept (
    request_id TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (request_id, kind, number)
);
"""
_FROM_VERSION_0 = """
INSERT OR IGNORE INTO requests SELECT request_id, request FROM jobs WHERE request != x'';
ALTER TABLE jobs DROP COLUMN request;
ALTER TABLE jobs ADD COLUMN aged_seconds REAL NOT NULL DEFAULT 0;
"""


_OURS = {
    "jobs": (
        "number request_id owner slot tag priority digest created state crashes ended final open_takes aged_seconds"
    ),
    "requests": "request_id data",
    "remarks": "request_id data",
    "unreadable": "request_id part data",
    "kept": "request_id kind number data",
}
_UNKNOWN_STATES = """
UPDATE jobs SET state = CASE WHEN final IS NULL THEN 'queued' ELSE 'finished' END
WHERE state NOT IN ('queued', 'running', 'finished', 'answered')
"""


class NewerLayoutError(Exception):
    """The file was written by a newer version."""


def lay_out(database: sqlite3.Connection) -> None:
    """Make the tables, or bring an earlier version's tables up to date, all or nothing.

    A job in a state that is not known here waits again, or is sent once more where it has an end.
    """
    (version,) = database.execute("PRAGMA main.user_version").fetchone()
    if version > LAYOUT_VERSION:
        raise NewerLayoutError(f"layout {version}")
    columns = {name for (name,) in database.execute("SELECT name FROM pragma_table_info('jobs')")}
    update = _FROM_VERSION_0 if "request" in columns else ""
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement in (_TABLES + update).split(";\n"):
            database.execute(statement)
        _check(database)
        database.execute(_UNKNOWN_STATES)
        database.execute(f"PRAGMA main.user_version={LAYOUT_VERSION}")
        database.execute("COMMIT")
    except BaseException as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        if isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # of a statement
            raise NewerLayoutError(str(error)) from error
        raise


def _check(database: sqlite3.Connection) -> None:
    """Raise `NewerLayoutError` for tables that lack a column of ours, or want one that we would not fill."""
    for table, ours in _OURS.items():
        columns = database.execute('SELECT name, "notnull" AND dflt_value IS NULL FROM pragma_table_info(?)', (table,))
        wanted = dict(columns.fetchall())
        if (missing := set(ours.split()) - set(wanted)) or any(
            wanted[name] for name in set(wanted) - set(ours.split())
        ):
            raise NewerLayoutError(f"other columns in {table}: {', '.join(sorted(missing or wanted))}")

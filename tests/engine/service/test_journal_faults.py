"""The journal where something is wrong: earlier and newer files, damage, a full disk, a clock that jumps."""

import os
import shutil
import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from engine.events import Done, Event, Failed, Sound, Take
from engine.request import Audio, Control, LoopRequest
from engine.service.messages import Job, Priority, RequestStatus, Submission
from engine.service.queue.dispatch import Dispatch
from engine.service.queue.journal import Journal, JournalError
from engine.service.queue.journal_file import JournalFile
from engine.service.queue.layout import LAYOUT_VERSION
from engine.service.queue.upkeep import KEEP_UNCLAIMED_SECONDS, RUN_UNCLAIMED_SECONDS

EARLIER = Path(__file__).parent / "earlier"
SOUND = Sound(samples=bytes(16), sample_rate=44_100)


def _submission(request_id: str = "r1") -> Submission:
    return Submission(request=LoopRequest(request_id=request_id), owner="me", tag="t")


def _take(request_id: str = "r1", size_bytes: int = 16) -> Take:
    sound = Sound(samples=bytes(size_bytes), sample_rate=44_100)
    return Take(request_id=request_id, take=0, sound=sound, scores={}, noise=b"", record={})


def _spoil(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as database:
        database.execute("ATTACH ? AS results", (f"{path}.results",))
        assert database.execute(statement, values).rowcount > 0
    database.close()


def _told(journal: Journal) -> list[Event | Job]:
    told: list[Event | Job] = []
    Dispatch(journal, lambda _owner, event: told.append(event)).resend_all("me")
    return told


def test_a_journal_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """Jobs, saved state, preview, take and end that 0.1.0 left are all there, in today's layout."""
    for file in EARLIER.glob("journal.sqlite*"):
        shutil.copy(file, tmp_path)
    path = tmp_path / "journal.sqlite"
    for _ in range(2):  # the second time it is today's already
        journal = Journal(path)
        assert journal.remark == ""
        unfinished = journal.unfinished()
        assert [(entry.request_id, entry.priority) for entry in unfinished] == [
            ("queued", Priority.INTERACTIVE),
            ("running", Priority.BATCH),
        ]
        request = journal.request("queued")
        assert request is not None
        assert [control.kind for control in request.controls] == ["intensity"]
        assert journal.results.saved_state("running") == b"3"
        assert journal.results.last_preview("running") is not None
        assert journal.results.take("finished", 0) is not None
        assert journal.states("me", most=9)["finished"] is RequestStatus.FINISHED
        answered = journal.entry("answered")
        assert answered is not None
        assert answered.status is RequestStatus.ANSWERED
        assert [type(one) for one in _told(journal)].count(Job) == 3
        journal.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (LAYOUT_VERSION,)
    database.close()


def test_a_journal_of_a_newer_version_is_set_aside_whole(tmp_path: Path) -> None:
    """It is not touched but moved, a new one is begun, and that is said."""
    path = tmp_path / "j"
    journal = Journal(path)
    journal.accept([_submission()], 1.0)
    journal.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    again = Journal(path)
    assert "another version" in again.remark
    assert again.unfinished() == []
    assert again.accept([_submission()], 1.0) == ["new"]
    again.close()
    with sqlite3.connect(tmp_path / "j.set-aside-1" / "j") as kept:
        assert kept.execute("SELECT request_id FROM jobs").fetchall() == [("r1",)]
    kept.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE jobs ADD COLUMN colour TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE jobs ADD COLUMN colour TEXT",
        "CREATE TABLE colours (name TEXT)",
    ],
)
def test_what_a_newer_version_added_and_does_not_need_is_left_alone(tmp_path: Path, change: str) -> None:
    """Columns and tables of the same layout that we do not know: the jobs go on, and new ones are accepted."""
    path = tmp_path / "j"
    journal = Journal(path)
    journal.accept([_submission()], 1.0)
    journal.close()
    with sqlite3.connect(path) as database:
        database.execute(change)
    database.close()
    again = Journal(path)
    assert not again.remark
    assert [entry.request_id for entry in again.unfinished()] == ["r1"]
    assert again.accept([_submission("r2")], 1.0) == ["new"]
    again.close()


@pytest.mark.parametrize(
    "changes",
    [
        [
            "ALTER TABLE requests RENAME TO old",
            "CREATE TABLE requests (request_id TEXT, data BLOB, colour TEXT NOT NULL)",
        ],
        ["DROP INDEX jobs_by_owner", "ALTER TABLE jobs DROP COLUMN owner"],
        ["ALTER TABLE jobs RENAME COLUMN crashes TO falls"],
    ],
)
def test_a_journal_with_other_columns_is_set_aside_and_the_service_goes_on(tmp_path: Path, changes: list[str]) -> None:
    """Columns that are missing, or that must be filled with what we do not know: no request could ever be accepted."""
    path = tmp_path / "j"
    Journal(path).close()
    with sqlite3.connect(path) as database:
        for change in changes:
            database.execute(change)
    database.close()
    again = Journal(path)
    assert "another version" in again.remark
    assert again.accept([_submission()], 1.0) == ["new"]
    again.close()


def test_a_job_in_an_unknown_state_is_made_or_told(tmp_path: Path) -> None:
    """Without an end it waits again; with one it is told once more; neither lies there for ever."""
    path = tmp_path / "j"
    journal = Journal(path)
    journal.accept([_submission("waits"), _submission("over")], 1.0)
    journal.finish("over", Done(request_id="over", takes=0), 2.0)
    journal.close()
    _spoil(path, "UPDATE jobs SET state = 'paused by version 9', open_takes = 'many'")
    again = Journal(path)
    assert [entry.request_id for entry in again.unfinished()] == ["waits"]
    assert Done(request_id="over", takes=0) in _told(again)
    again.close()


@pytest.mark.parametrize("damage", ["noise", "short", "middle"])
def test_a_damaged_journal_is_set_aside_and_the_service_goes_on(tmp_path: Path, damage: str) -> None:
    """Garbage, a file cut short, a page overwritten: moved away, said, and the next request is accepted."""
    path = tmp_path / "j"
    journal = Journal(path)
    journal.accept([_submission(f"r{number}") for number in range(200)], 1.0)
    journal.close()
    data = path.read_bytes()
    path.write_bytes(
        {
            "noise": b"not a database" * 1_000,
            "short": data[: len(data) // 2],
            "middle": data[:4_096] + b"\xff" * 8_192 + data[12_288:],
        }[damage]
    )
    again = Journal(path)
    assert "damaged" in again.remark
    assert again.accept([_submission("new")], 1.0) == ["new"]
    again.close()
    assert (tmp_path / "j.set-aside-1" / "j").exists()


def test_a_place_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """A folder where the file should be is not ours to move."""
    (tmp_path / "j").mkdir()
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "j")
    assert (tmp_path / "j").is_dir()


def test_one_row_that_cannot_be_read_ends_only_its_own_job(tmp_path: Path) -> None:
    """A request, an end and a take of another version become failures; what lies between them is delivered."""
    path = tmp_path / "j"
    journal = Journal(path)
    names = ["request", "good", "end", "take", "last"]
    journal.accept([_submission(name) for name in names], 1.0)
    for name in names[1:]:
        journal.results.add_take(_take(name))
        journal.finish(name, Done(request_id=name, takes=1), 2.0)
    journal.close()
    _spoil(path, "UPDATE requests SET data = x'81a3666f6f01' WHERE request_id = 'request'")
    _spoil(path, "UPDATE jobs SET final = x'81a3666f6f01' WHERE request_id = 'end'")
    _spoil(path, "UPDATE kept SET data = x'c1' WHERE request_id = 'take'")
    _spoil(path, "UPDATE jobs SET priority = 'urgent' WHERE request_id = 'last'")
    again = Journal(path)
    assert again.request("request") is None
    told = _told(again)
    assert [event.request_id for event in told if isinstance(event, Done)] == ["good", "last"]
    failures = {event.request_id: event.sentence for event in told if isinstance(event, Failed)}
    assert set(failures) == {"request", "end", "take"}
    assert all("cannot be read" in sentence for sentence in failures.values())
    assert {event.request_id for event in told if isinstance(event, Take)} == {"good", "end", "last"}
    assert again.unfinished() == []
    again.close()


def test_a_full_disk_is_an_error_and_what_was_there_stays(tmp_path: Path) -> None:
    """Neither file may grow: every write says so, and the journal goes on when there is room."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission()], 1.0)
    database = journal._file._database
    pages = {name: database.execute(f"PRAGMA {name}.page_count").fetchone()[0] for name in ("main", "results")}
    for name, count in pages.items():
        database.execute(f"PRAGMA {name}.max_page_count={count}")
    with pytest.raises(JournalError, match="cannot be written"):
        journal.results.add_take(_take(size_bytes=200_000))
    with pytest.raises(JournalError, match="cannot be written"):
        journal.accept([_submission(f"r{number}" * 9) for number in range(500)], 1.0)
    assert len(journal.unfinished()) == 1
    assert journal.results.take_numbers("r1") == []
    for name in pages:
        database.execute(f"PRAGMA {name}.max_page_count=100000")
    journal.results.add_take(_take(size_bytes=200_000))
    assert journal.results.take_numbers("r1") == [0]
    journal.close()


def test_a_journal_that_is_closed_while_its_log_is_folded_waits_for_that(tmp_path: Path) -> None:
    """SQLite ends the process where a connection is closed at work; after the end there is nothing to fold."""
    file = JournalFile(tmp_path / "journal.sqlite")
    whole, begun, go_on, seen = file._folder, threading.Event(), threading.Event(), []

    class Slow:
        def execute(self, statement: str) -> None:
            begun.set()
            go_on.wait(30)
            whole.execute(statement)
            seen.append("folded")

        def close(self) -> None:
            seen.append("closed")
            whole.close()

    class Waits:
        lock = threading.Lock()

        def __enter__(self) -> None:
            if begun.is_set():  # whoever closes stands at the door
                go_on.set()
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    file._folder, file._folding = Slow(), Waits()  # type: ignore[assignment]
    folding = threading.Thread(target=file.fold)
    folding.start()
    assert begun.wait(30)
    file.close()
    folding.join(30)
    file._dirty = True
    file.fold()
    assert seen == ["folded", "closed"]


def test_a_clock_that_jumps_drops_nothing(tmp_path: Path) -> None:
    """An end of 1970, seen from today, or of 2100: an engine must have run for days before it counts as old."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission("past"), _submission("future")], 0.0)
    now = 1.8e9
    journal.finish("past", Done(request_id="past", takes=0), 0.0)
    journal.finish("future", Done(request_id="future", takes=0), 4e9)
    assert journal.sweep(now, 3_600.0) == 0
    assert journal.sweep(now, RUN_UNCLAIMED_SECONDS) == 2
    assert journal.sweep(now + KEEP_UNCLAIMED_SECONDS, 0.0) == 0
    journal.close()


def test_a_change_of_state_does_not_write_the_request_again(tmp_path: Path) -> None:
    """The log of a request with megabytes of audio grows by its size once, not at each step of its life."""
    journal = Journal(tmp_path / "j")
    audio = Audio(samples=os.urandom(8 * 2**20), sample_rate=44_100)
    request = LoopRequest(request_id="r1", controls=(Control(kind="timbre", target=audio),))
    journal.accept([Submission(request=request, owner="me")], 1.0)
    before = (tmp_path / "j-wal").stat().st_size
    for _ in range(5):
        journal.start("r1")
        journal.requeue("r1")
        journal.count_crash("r1")
    journal.finish("r1", Done(request_id="r1", takes=0), 2.0)
    assert (tmp_path / "j-wal").stat().st_size < before + 2**20
    journal.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
def test_requests_are_readable_for_their_user_only(tmp_path: Path) -> None:
    """All files of the journal, its logs too, and those that an earlier version left open."""
    (tmp_path / "j").touch(mode=0o644)
    journal = Journal(tmp_path / "j")
    journal.accept([_submission()], 1.0)
    journal.results.save("r1", b"s")
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.stat().st_mode & 0o077} == {}
    journal.close()

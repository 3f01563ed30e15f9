"""Upkeep and results: a journal stays small, and a job whose take was lost is made again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import Parts

from engine.events import Done, Stems
from engine.service.queue.journal_file import JournalFile
from engine.service.queue.results import Results
from engine.service.queue.upkeep import KEEP_ANSWERED_SECONDS, RUN_ANSWERED_SECONDS, Upkeep


@pytest.fixture
def file(parts: Parts, tmp_path: Path) -> Iterator[JournalFile]:
    """Return the file of a journal that has one finished job with a take."""
    parts.running("a")
    parts.journal.results.add_take(parts.take("a"))
    parts.journal.finish("a", Done(request_id="a", takes=1), 10.0)
    parts.journal.close()
    opened = JournalFile(tmp_path / "j")
    yield opened
    opened.close()


def test_a_lost_take_is_made_again(file: JournalFile) -> None:
    """A job that is finished waits again where its take is gone, and not where all of them are there."""
    results = Results(file)
    upkeep = Upkeep(file, results)
    upkeep.repair()
    assert file.row("SELECT state FROM jobs", ()) == ("finished",)
    with file.transaction():
        file.change("DELETE FROM kept WHERE kind = 'take'")
    upkeep.repair()
    assert file.row("SELECT state, open_takes FROM jobs", ()) == ("queued", 0)


def test_only_what_is_old_by_both_clocks_goes(file: JournalFile) -> None:
    """A wall clock that jumps by years drops nothing of an engine that has run for an hour."""
    upkeep = Upkeep(file, Results(file))
    with file.transaction():
        file.change("UPDATE jobs SET state = 'answered'")
    late = 10.0 + 2 * KEEP_ANSWERED_SECONDS
    assert upkeep.sweep(late, 3600.0) == 0
    assert upkeep.sweep(10.0, RUN_ANSWERED_SECONDS) == 0
    assert upkeep.sweep(late, 0.0) == 1
    assert [file.row(f"SELECT count(*) FROM {table}", ()) for table in ("kept", "requests")] == [(0,), (0,)]


def test_a_take_without_readable_stems_is_whole(file: JournalFile) -> None:
    """Stems that another version wrote are left out, and the take is there; one that is kept takes them along."""
    results = Results(file)
    results.add_stems(Stems(request_id="a", take=0, layers=("bass",), samples=bytes(8), sample_rate=44_100))
    assert results.stems("a", 0) is not None
    with file.transaction():
        file.change("UPDATE kept SET data = ? WHERE kind = 'stems'", (b"\xff",))
    assert results.stems("a", 0) is None
    assert results.take("a", 0) is not None
    results.acknowledge_take("a", 0)
    assert results.take("a", 0) is None
    assert results.take_numbers("a") == []


def test_a_take_that_cannot_be_read_is_set_aside(file: JournalFile) -> None:
    """It is out of the way of others, and its bytes are still there."""
    results = Results(file)
    results.set_aside_take("a", 0)
    assert results.take_numbers("a") == []
    assert file.row("SELECT count(*) FROM kept WHERE kind = 'unreadable'", ()) == (1,)

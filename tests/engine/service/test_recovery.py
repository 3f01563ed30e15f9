"""Recovery and running jobs: what becomes of a request whose worker stops, says something, or dies."""

from unittest import mock

import pytest
from hands import SOUND, Hands, Parts

from engine.events import Cancelled, Done, Failed, Preview, Progress, Take
from engine.service.queue.journal import JournalError
from engine.service.queue.recovery import MAX_CRASHES, Recovery
from engine.service.queue.running import RunningJobs
from engine.service.queue.running_job import RunningJob, StopReason
from engine.service.workers import pipe
from engine.service.workers.executor import Lost


@pytest.fixture
def recovery(parts: Parts) -> Recovery:
    return Recovery(parts.journal, parts.dispatch, parts.queue, parts.endings)


def lost(request_id: str) -> Lost:
    return Lost(request_id=request_id, sentence="The worker is gone.")


def test_the_first_crash_is_tried_again_the_second_is_the_end(parts: Parts, recovery: Recovery) -> None:
    """A request waits again after one dead worker; after two it fails with a sentence and a remedy."""
    parts.running("a")
    for _ in range(MAX_CRASHES - 1):
        recovery.lost(lost("a"), RunningJob("me", 0.0))
        assert isinstance(parts.told[-1], Progress)
        assert parts.queue.take() is not None
    recovery.lost(lost("a"), RunningJob("me", 0.0))
    (failed,) = (event for event in parts.told if isinstance(event, Failed))
    assert failed.code == "worker_crashed"
    assert failed.remedy
    assert len(parts.queue) == 0


def test_the_last_preview_becomes_the_take_of_what_failed(parts: Parts, recovery: Recovery) -> None:
    """It is told and kept before the end, and says that it is unfinished."""
    parts.running("a")
    parts.journal.results.keep_preview(Preview(request_id="a", take=0, step=7, sound=SOUND))
    recovery.lost(lost("a"), RunningJob("me", 0.0, stopping=StopReason.CANCEL))
    take, end = parts.told
    assert isinstance(take, Take)
    assert take.record == {"unfinished": True, "step": 7}
    assert end == Cancelled(request_id="a", takes=1)
    assert parts.journal.results.take_numbers("a") == [0]


def test_what_has_takes_or_an_end_gets_nothing_more(parts: Parts, recovery: Recovery) -> None:
    """Takes that were delivered are counted, not made up; after an end only the worker is free."""
    parts.running("a")
    parts.journal.results.keep_preview(Preview(request_id="a", take=0, step=7, sound=SOUND))
    recovery.lost(lost("a"), RunningJob("me", 0.0, takes=2, stopping=StopReason.CANCEL))
    assert parts.told == [Cancelled(request_id="a", takes=2)]
    parts.running("b")
    recovery.lost(lost("b"), RunningJob("me", 0.0, ended=True))
    assert len(parts.told) == 1
    assert not parts.queue.running


def test_a_paused_request_never_counts_a_crash(parts: Parts, recovery: Recovery) -> None:
    """It was asked to make room, so however often its worker ends it waits again."""
    parts.running("a")
    for _ in range(MAX_CRASHES + 1):
        recovery.lost(lost("a"), RunningJob("me", 0.0, stopping=StopReason.PAUSE))
        assert parts.queue.take() is not None
    entry = parts.journal.entry("a")
    assert entry is not None
    assert entry.crashes == 0


def test_without_a_disk_to_count_on_it_does_not_go_round_for_ever(parts: Parts, recovery: Recovery) -> None:
    """Where a crash cannot be counted the request ends."""
    parts.running("a")
    with mock.patch.object(parts.journal, "count_crash", side_effect=JournalError("full", remedy="")):
        recovery.lost(lost("a"), RunningJob("me", 0.0))
    assert isinstance(parts.told[-1], Failed)


@pytest.fixture
def jobs(parts: Parts) -> RunningJobs:
    """Return running jobs with one worker that does what the test says."""
    hands = Hands()
    made = RunningJobs(parts.journal, hands, parts.dispatch, parts.queue, parts.endings, stop_seconds=-1.0)
    hands.start(made.handle)
    return made


def test_a_take_is_kept_before_it_is_told(parts: Parts, jobs: RunningJobs) -> None:
    """A take that no disk has room for ends its request in words, and nobody is told of it."""
    jobs.begin(parts.running("a"))
    jobs.handle(pipe.EventReport(event=parts.take("a")))
    assert parts.journal.results.take_numbers("a") == [0]
    with mock.patch.object(parts.journal.results, "add_take", side_effect=JournalError("The disk is full.", remedy="")):
        jobs.handle(pipe.EventReport(event=parts.take("a", 1)))
    assert [type(event) for event in parts.told] == [Progress, Take, Failed]
    job = jobs.get("a")
    assert job is not None
    assert job.ended
    assert job.stopping is StopReason.DROP


def test_a_worker_that_is_done_without_an_end_was_cancelled(parts: Parts, jobs: RunningJobs) -> None:
    """Every request has one end, and its worker is free for the next."""
    jobs.begin(parts.running("a"))
    jobs.handle(pipe.Ended(request_id="a"))
    assert parts.told[-1] == Cancelled(request_id="a", takes=0)
    jobs.begin(parts.running("b"))
    jobs.handle(pipe.EventReport(event=Done(request_id="b", takes=0)))
    jobs.handle(pipe.Ended(request_id="b"))
    assert [type(event) for event in parts.told].count(Done) == 1
    assert jobs.ids == ()


def test_what_pauses_waits_again_and_what_resists_is_ended(parts: Parts, jobs: RunningJobs) -> None:
    """A saved state is kept for it; a worker that does not stop in time is let go, which counts as a pause."""
    jobs.begin(parts.running("a"))
    jobs.handle(pipe.Saved(request_id="a", state=b"state"))
    jobs.pause_all()
    assert jobs.is_pausing
    jobs.check()
    assert len(parts.queue) == 1
    assert parts.journal.results.saved_state("a") == b"state"
    assert jobs.ids == ()

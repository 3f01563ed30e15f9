"""Intake and endings: what comes in is on disk and answered; each request gets one end, disk or no disk."""

from unittest import mock

import pytest
from hands import Hands, Parts

from engine.events import Accepted, Done, Failed, Superseded
from engine.service.messages import RequestStatus
from engine.service.queue import intake
from engine.service.queue.intake import Intake
from engine.service.queue.journal import JournalError
from engine.service.queue.running import RunningJobs


@pytest.fixture
def desk(parts: Parts) -> Intake:
    """Return an intake whose workers are never asked."""
    running = RunningJobs(parts.journal, Hands(), parts.dispatch, parts.queue, parts.endings, stop_seconds=1.0)
    return Intake(parts.journal, parts.queue, running, parts.endings)


def test_each_is_answered_in_order_with_its_place(parts: Parts, desk: Intake) -> None:
    """New ones are queued, the same once more is not queued twice, another under its id is refused in a sentence."""
    first, second = parts.submission("a"), parts.submission("b")
    assert desk.accept([first, second]) == [
        Accepted(request_id="a", queue_position=0),
        Accepted(request_id="b", queue_position=1),
    ]
    again, other = desk.accept([second, parts.submission("a", prompt="another")])
    assert again == Accepted(request_id="b", queue_position=1)
    assert isinstance(other, Failed)
    assert "another request" in other.sentence
    assert len(parts.queue) == 2


def test_a_newer_one_of_a_slot_ends_the_older(parts: Parts, desk: Intake) -> None:
    """The older is told by which it was replaced, and waits no longer."""
    desk.accept([parts.submission("old", slot="s")])
    desk.accept([parts.submission("new", slot="s")])
    assert parts.told == [Superseded(request_id="old", by="new")]
    assert len(parts.queue) == 1


def test_a_closed_or_full_intake_refuses_and_stores_nothing(parts: Parts, desk: Intake) -> None:
    """What has no room is answered at once with what to do; what has is taken."""
    with mock.patch.object(intake, "MAX_QUEUED", 1):
        taken, refused = desk.accept([parts.submission("a"), parts.submission("b")])
    assert isinstance(taken, Accepted)
    assert isinstance(refused, Failed)
    assert refused.remedy
    desk.open = False
    (late,) = desk.accept([parts.submission("c")])
    assert isinstance(late, Failed)
    assert parts.journal.entry("b") is None
    assert parts.journal.entry("c") is None


def test_a_disk_that_refuses_is_an_answer(parts: Parts, desk: Intake) -> None:
    """Nothing is promised that is not on disk: each submission hears why, and none is queued."""
    full = JournalError("The disk is full.", remedy="Make room.")
    with mock.patch.object(parts.journal, "accept", side_effect=full):
        answers = desk.accept([parts.submission("a"), parts.submission("b")])
    assert [answer.sentence for answer in answers if isinstance(answer, Failed)] == ["The disk is full."] * 2
    assert len(parts.queue) == 0


def test_an_end_is_told_now_and_kept_when_there_is_room(parts: Parts) -> None:
    """While the disk is full the end counts all the same; a retry writes it down."""
    parts.running("a")
    done = Done(request_id="a", takes=0)
    with mock.patch.object(parts.journal, "finish", side_effect=JournalError("full", remedy="")):
        parts.endings.finish("me", done, 3.0)
        parts.endings.retry()
    assert parts.told == [done]
    assert parts.endings.unwritten("a") == done
    entry = parts.journal.entry("a")
    assert entry is not None
    assert parts.endings.is_over(entry)
    parts.endings.retry()
    assert parts.endings.unwritten("a") is None
    assert parts.journal.final("a") == done


def test_the_usual_time_is_a_median_of_what_workers_took(parts: Parts) -> None:
    """Requests that no worker had do not count."""
    assert parts.endings.typical_seconds is None
    for name, seconds in (("a", 2.0), ("b", None), ("c", 40.0), ("d", 4.0)):
        parts.running(name)
        parts.endings.finish("me", Done(request_id=name, takes=0), seconds)
    assert parts.endings.typical_seconds == 4.0
    assert parts.endings.finished == 4
    entry = parts.journal.entry("b")
    assert entry is not None
    assert entry.status is RequestStatus.FINISHED

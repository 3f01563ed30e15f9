"""The scheduler: every accepted request has exactly one end, whatever workers do."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hands import Hands
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.events import Accepted, Cancelled, Done, Event, Failed, Final, Preview, Sound, Superseded, Take
from engine.request import LoopRequest
from engine.service.messages import AckEnd, Cancel, Job, Priority, RequestStatus, Submission
from engine.service.queue.journal import Journal, JournalError
from engine.service.queue.scheduler import Scheduler
from engine.service.workers import pipe

SOUND = Sound(samples=bytes(8), sample_rate=44_100)
LONG = Sound(samples=bytes(200_000), sample_rate=44_100)


class Shop:
    """A scheduler with its journal, hands and what it told whom."""

    def __init__(self, path: Path, capacity: int = 1) -> None:
        self.journal = Journal(path)
        self.hands = Hands(capacity)
        self.told: list[Event | Job] = []
        self.scheduler = Scheduler(
            self.journal, self.hands, lambda _owner, event: self.told.append(event), stop_seconds=0.0
        )
        self.scheduler.start()
        self.scheduler.schedule()

    def ask(self, request_id: str, slot: str = "", priority: Priority = Priority.INTERACTIVE) -> Event:
        request = LoopRequest(request_id=request_id, slot=slot)
        (answer,) = self.scheduler.accept([Submission(request=request, owner="me", priority=priority)])
        self.scheduler.schedule()
        return answer

    def ends(self, request_id: str) -> list[Event]:
        return [e for e in self.told if isinstance(e, Final) and e.request_id == request_id]

    def cancel(self, request_id: str) -> None:
        self.scheduler.cancel(Cancel(request_id=request_id, owner="me"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "j")
    yield made
    made.journal.close()


def _take(request_id: str, sound: Sound = SOUND) -> Take:
    return Take(request_id=request_id, take=0, sound=sound, scores={}, noise=b"", record={})


def test_a_newer_request_of_a_slot_replaces_the_running_one(shop: Shop) -> None:
    """The older one ends at once as superseded, its worker is told to drop it, and the newer follows."""
    shop.ask("old", slot="s")
    shop.ask("new", slot="s")
    assert shop.ends("old") == [Superseded(request_id="old", by="new")]
    assert shop.hands.stopped == {"old": False}
    shop.hands.say(_take("old"))  # what comes late is not told
    shop.hands.end("old", Done(request_id="old", takes=1))
    assert list(shop.hands.at) == ["new"]
    assert len(shop.ends("old")) == 1


def test_an_engine_that_died_before_it_said_superseded_says_it_at_the_next_start(tmp_path: Path) -> None:
    """Two requests of a slot in the journal: the older has its end, and only the newer is made."""
    journal = Journal(tmp_path / "j")
    both = [Submission(request=LoopRequest(request_id=name, slot="s"), owner="me") for name in ("old", "new")]
    journal.accept(both, 1.0)
    journal.close()
    shop = Shop(tmp_path / "j")
    assert shop.journal.final("old") == Superseded(request_id="old", by="new")
    assert list(shop.hands.at) == ["new"]
    shop.journal.close()


def test_a_crash_is_tried_again_from_the_last_state(shop: Shop) -> None:
    """The same request goes to the next worker with what was saved last."""
    shop.ask("r")
    shop.hands.report(pipe.Saved(request_id="r", state=b"7"))
    shop.hands.lose("r")
    assert shop.hands.at == {"r": b"7"}
    shop.hands.end("r", Done(request_id="r", takes=0))
    assert shop.ends("r") == [Done(request_id="r", takes=0)]


def test_two_crashes_end_with_the_best_take(shop: Shop) -> None:
    """The last preview becomes a take, and the failure says so."""
    shop.ask("r")
    shop.hands.lose("r")
    shop.hands.say(Preview(request_id="r", take=0, step=3, sound=SOUND))
    shop.hands.lose("r")
    (failed,) = shop.ends("r")
    assert isinstance(failed, Failed)
    assert failed.code == "worker_crashed"
    assert "kept" in failed.remedy
    (take,) = [event for event in shop.told if isinstance(event, Take)]
    assert take.record["unfinished"] is True


def test_a_batch_is_paused_for_a_redraw_and_goes_on_after(shop: Shop) -> None:
    """An interactive request passes a running batch one, which resumes where it was."""
    shop.ask("batch", priority=Priority.BATCH)
    shop.hands.report(pipe.Saved(request_id="batch", state=b"5"))
    shop.ask("redraw")
    assert shop.hands.stopped == {"batch": False}
    shop.hands.end("batch")
    assert list(shop.hands.at) == ["redraw"]
    assert shop.ends("batch") == []
    shop.hands.end("redraw", Done(request_id="redraw", takes=0))
    assert shop.hands.at == {"batch": b"5"}


def test_a_batch_without_a_saved_state_is_not_thrown_away(shop: Shop) -> None:
    """What could not be resumed is not paused."""
    shop.ask("batch", priority=Priority.BATCH)
    shop.ask("redraw")
    assert shop.hands.stopped == {}


def test_cancel_while_waiting_while_running_and_after(shop: Shop) -> None:
    """A cancelled request ends as cancelled, once; one that is over is told again."""
    shop.ask("running")
    shop.ask("waiting")
    shop.cancel("waiting")
    assert shop.ends("waiting") == [Cancelled(request_id="waiting")]
    shop.cancel("running")
    assert shop.hands.stopped == {"running": True}
    shop.hands.say(_take("running"))
    shop.hands.end("running", Cancelled(request_id="running", takes=1))
    assert shop.ends("running") == [Cancelled(request_id="running", takes=1)]
    shop.cancel("nobody")
    assert isinstance(shop.told[-1], Failed)


def test_a_worker_that_ignores_a_cancel_is_ended(shop: Shop) -> None:
    """After the patience is over the worker goes, and the request is cancelled with what there was."""
    shop.ask("r")
    shop.hands.say(Preview(request_id="r", take=0, step=3, sound=SOUND))
    shop.cancel("r")
    shop.scheduler.check()  # its patience is 0 s
    assert shop.ends("r") == [Cancelled(request_id="r", takes=1)]


def test_no_worker_at_all_is_said(shop: Shop) -> None:
    """Requests do not wait for ever for workers that cannot be started."""
    shop.hands.broken = "The worker does not start: no torch."
    shop.ask("r")
    (failed,) = shop.ends("r")
    assert "no torch" in failed.sentence  # type: ignore[union-attr]


def test_a_stopping_engine_accepts_nothing_and_pauses(shop: Shop) -> None:
    """What runs goes back to the queue for the next engine; new requests are refused in words."""
    shop.ask("r")
    shop.scheduler.pause_all()
    shop.hands.end("r")
    assert [entry.status for entry in shop.journal.unfinished()] == [RequestStatus.QUEUED]
    refused = shop.ask("late")
    assert isinstance(refused, Failed)
    assert "stopping" in refused.sentence


def test_the_same_id_with_other_words_is_refused(shop: Shop) -> None:
    """An id is not taken over."""
    shop.ask("r", slot="a")
    refused = shop.ask("r", slot="b")
    assert isinstance(refused, Failed)
    assert "another request" in refused.sentence


def _without_room(shop: Shop) -> Callable[[], None]:
    """Let the file of results not grow; return what gives it room again."""
    database = shop.journal._file._database
    (pages,) = database.execute("PRAGMA results.page_count").fetchone()
    database.execute(f"PRAGMA results.max_page_count={pages}")
    return lambda: database.execute("PRAGMA results.max_page_count=1000000")  # type: ignore[return-value]


def test_a_take_for_which_there_is_no_room_fails_its_request_in_words(shop: Shop) -> None:
    """It is not lost in silence: the request ends as failed, its worker is let go, and the next one is made."""
    shop.ask("r")
    give_room = _without_room(shop)
    shop.hands.report(pipe.Saved(request_id="r", state=bytes(200_000)))  # what only helps is left out
    shop.hands.say(Preview(request_id="r", take=0, step=1, sound=LONG))
    shop.hands.say(_take("r", LONG))
    (failed,) = shop.ends("r")
    assert isinstance(failed, Failed)
    assert failed.code == "journal"
    assert shop.hands.stopped == {"r": False}
    shop.hands.end("r", Done(request_id="r", takes=1))
    assert shop.ends("r") == [failed]
    give_room()
    shop.ask("next")
    shop.hands.say(_take("next", LONG))
    shop.hands.end("next", Done(request_id="next", takes=1))
    assert shop.ends("next") == [Done(request_id="next", takes=1)]


def test_an_end_for_which_there_is_no_room_is_told_and_kept_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the very end: the client hears it, also when it asks again, and the journal gets it in time."""
    shop.ask("r")
    kept = shop.journal.finish

    def full(*_: object) -> None:
        raise JournalError("The disk is full.")

    monkeypatch.setattr(shop.journal, "finish", full)
    shop.hands.end("r", Done(request_id="r", takes=0))
    shop.scheduler.check()
    shop.cancel("r")
    assert shop.ends("r") == [Done(request_id="r", takes=0)] * 2
    assert shop.journal.final("r") is None
    monkeypatch.setattr(shop.journal, "finish", kept)
    shop.scheduler.check()
    assert shop.journal.final("r") == Done(request_id="r", takes=0)


def test_a_queued_request_that_cannot_be_read_fails_and_the_next_is_made(tmp_path: Path) -> None:
    """A newer version wrote it: the engine starts all the same, says so, and goes on."""
    journal = Journal(tmp_path / "j")
    journal.accept([Submission(request=LoopRequest(request_id=name), owner="me") for name in ("new", "good")], 1.0)
    with journal._file.transaction():
        journal._file.change("UPDATE requests SET data = x'81a3666f6f01' WHERE request_id = 'new'")
    journal.close()
    shop = Shop(tmp_path / "j")
    (failed,) = shop.ends("new")
    assert "cannot be read" in failed.sentence  # type: ignore[union-attr]
    assert list(shop.hands.at) == ["good"]
    shop.journal.close()


def test_a_take_that_no_message_holds_fails_its_request_and_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now, and one that an earlier version left: set aside, said, and what comes after it is told."""
    shop.ask("old")
    shop.hands.say(_take("old", LONG))
    shop.hands.end("old", Done(request_id="old", takes=1))
    for module in ("dispatch", "running"):
        monkeypatch.setattr(f"engine.service.queue.{module}.MAX_TAKE_BYTES", 1_000)
    shop.ask("large")
    shop.hands.say(_take("large", LONG))
    assert isinstance(shop.ends("large")[0], Failed)
    shop.hands.end("large")
    shop.ask("small")
    shop.hands.say(_take("small"))
    shop.hands.end("small", Done(request_id="small", takes=1))
    shop.told.clear()
    shop.scheduler.dispatch.resend_all("me")
    assert isinstance(shop.ends("old")[0], Failed)
    assert shop.ends("small") == [Done(request_id="small", takes=1)]
    assert [event.request_id for event in shop.told if isinstance(event, Take)] == ["small"]


MEMORY_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Storm(RuleBasedStateMachine):
    """Requests, cancels, crashes, ends and restarts of the engine in any order.

    The journal waits for the disk at each of some thousand steps; no power fails here, so memory will do where it can.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY_DISK)
        self.shop = Shop(Path(self.folder.name) / "j", capacity=2)
        self.asked: set[str] = set()
        self.all_told: list[Event | Job] = []

    @rule(slot=st.sampled_from(["", "a", "b"]), priority=st.sampled_from(Priority))
    def ask(self, slot: str, priority: Priority) -> None:
        name = f"r{len(self.asked)}"
        self.asked.add(name)
        assert isinstance(self.shop.ask(name, slot, priority), Accepted)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.shop.cancel(data.draw(st.sampled_from(sorted(self.asked))))

    @precondition(lambda self: self.shop.hands.at)
    @rule(data=st.data(), what=st.sampled_from(["done", "silent", "crash", "save", "preview", "take"]))
    def work(self, data: st.DataObject, what: str) -> None:
        hands = self.shop.hands
        name = data.draw(st.sampled_from(sorted(hands.at)))
        match what:
            case "done":
                hands.end(name, Done(request_id=name, takes=0))
            case "silent" if name in hands.stopped:
                hands.end(name)
            case "crash":
                hands.lose(name)
            case "save":
                hands.report(pipe.Saved(request_id=name, state=b"s"))
            case "preview":
                hands.say(Preview(request_id=name, take=0, step=1, sound=SOUND))
            case "take":
                hands.say(_take(name))

    @rule()
    def restart_engine(self) -> None:
        self.shop.journal.close()
        self.all_told += self.shop.told
        self.shop = Shop(Path(self.folder.name) / "j", capacity=2)

    @invariant()
    def nobody_is_told_two_ends(self) -> None:
        ends: dict[str, set[Event]] = {}
        for event in [*self.all_told, *self.shop.told]:
            if isinstance(event, Final) and event.request_id in self.asked:
                ends.setdefault(event.request_id, set()).add(event)
        assert all(len(different) == 1 for different in ends.values())

    def teardown(self) -> None:
        """Let everything finish: then every request has its one end, in the journal too."""
        try:
            self._finish_all()
        finally:
            self.shop.journal.close()
            self.folder.cleanup()

    def _finish_all(self) -> None:
        for _ in range(10 * len(self.asked) + 10):
            self.shop.scheduler.schedule()
            for name in list(self.shop.hands.at):
                self.shop.hands.end(name, Done(request_id=name, takes=0))
        for name in self.asked:
            assert self.shop.journal.final(name) is not None
            self.shop.scheduler.acknowledge(AckEnd(request_id=name, owner="me"))
        assert self.shop.journal.unanswered("me") == []


Storm.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestStorm = Storm.TestCase

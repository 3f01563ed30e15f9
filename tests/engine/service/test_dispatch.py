"""What clients are told: everything once it can be kept, no faster than that, and the end after the takes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import Done, Event, Preview, Sound, Stems, Take
from engine.request import LoopRequest
from engine.service.messages import Job, Submission
from engine.service.queue.dispatch import Dispatch
from engine.service.queue.journal import Journal
from engine.service.queue.send_window import LOST_AFTER_SECONDS, MAX_IN_FLIGHT_BYTES, SendWindow

LONG = Sound(samples=bytes(MAX_IN_FLIGHT_BYTES // 2 + 8), sample_rate=44_100)  # two are more than may be in flight


class Desk:
    """A dispatch on a real journal, with what was told."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)
        self.told: list[Event | Job] = []
        self.dispatch = Dispatch(self.journal, lambda _owner, event: self.told.append(event))

    def make(self, request_id: str, takes: int = 1, *, stems: bool = False) -> None:
        """Have a request accepted and made."""
        request = LoopRequest(request_id=request_id)
        self.journal.accept([Submission(request=request, owner="me")], 1.0)
        for number in range(takes):
            take = Take(request_id=request_id, take=number, sound=LONG, scores={}, noise=b"", record={})
            self.journal.results.add_take(take)
            self.dispatch.event("me", take)
            if stems:
                parts = Stems(
                    request_id=request_id, take=number, layers=("bass",), samples=LONG.samples, sample_rate=44_100
                )
                self.journal.results.add_stems(parts)
                self.dispatch.event("me", parts)
        done = Done(request_id=request_id, takes=takes)
        self.journal.finish(request_id, done, 2.0)
        self.dispatch.event("me", done)

    def keep(self, request_id: str, take: int = 0) -> None:
        """Have the client say that a take is safe."""
        self.journal.results.acknowledge_take(request_id, take)
        self.dispatch.acknowledged("me", request_id, take)

    def heard(self) -> list[str]:
        """Return what was told as letters: t a take, s its stems, D the end, J the request."""
        letters = {Take: "t", Stems: "s", Done: "D", Job: "J"}
        return [letters[type(e)] + (e.request.request_id if isinstance(e, Job) else e.request_id) for e in self.told]


@pytest.fixture
def desk(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Desk(tmp_path / "j")
    yield made
    made.journal.close()


def test_what_does_not_fit_waits_with_its_end_until_there_is_room(desk: Desk) -> None:
    """Two long takes are on their way; the third follows when one is safe, then its end, and so on."""
    for name in "abcd":
        desk.make(name)
    assert desk.heard() == ["ta", "Da", "tb", "Db"]
    desk.keep("a")
    assert desk.heard()[4:] == ["tc", "Dc"]
    desk.keep("b")
    assert desk.heard()[6:] == ["td", "Dd"]


def test_early_listens_are_left_out_when_there_is_no_room(desk: Desk) -> None:
    """A preview is worth nothing later, so it does not wait."""
    preview = Preview(request_id="x", take=0, step=1, sound=LONG)
    desk.dispatch.event("me", preview)
    desk.make("a", takes=2)
    desk.dispatch.event("me", preview)
    assert desk.told.count(preview) == 1


def test_a_client_that_comes_back_is_told_all_at_its_own_pace(desk: Desk) -> None:
    """Each request, and of the takes as many as fit; the rest as they are kept."""
    desk.make("a", takes=3)
    desk.make("b")
    desk.told.clear()
    desk.dispatch.resend_all("me")
    assert desk.heard() == ["Ja", "Jb", "ta", "ta"]
    desk.keep("a", 0)
    desk.keep("a", 1)
    assert desk.heard()[4:] == ["ta", "Da", "tb", "Db"]


def test_stems_follow_their_take_and_wait_with_it(desk: Desk) -> None:
    """Stems take room on the way, come after their own take, again if that is sent again, and go when it is kept."""
    desk.make("a", takes=3, stems=True)
    assert desk.heard() == ["ta", "sa"]
    desk.keep("a", 0)
    assert desk.heard()[2:] == ["ta", "sa"]
    assert desk.journal.results.stems("a", 0) is None
    desk.told.clear()
    desk.dispatch.resend_all("me")
    assert desk.heard() == ["Ja", "ta", "sa"]
    desk.keep("a", 1)
    desk.keep("a", 2)
    assert desk.heard()[3:] == ["ta", "sa", "Da"]


def test_what_was_lost_on_the_way_is_sent_again_when_asked_for(desk: Desk) -> None:
    """A client that misses a take gets it again; asking for what waits anyway changes nothing."""
    for name in "abc":
        desk.make(name)
    desk.told.clear()
    lost, waiting = desk.journal.entry("a"), desk.journal.entry("c")
    assert lost is not None
    assert waiting is not None
    desk.dispatch.resend(waiting)
    assert desk.heard() == []
    desk.dispatch.resend(lost)  # it was counted as on its way; now it waits behind what came before
    desk.keep("b")
    desk.keep("c")
    assert desk.heard() == ["Ja", "tc", "Dc", "ta", "Da"]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2 * MAX_IN_FLIGHT_BYTES), st.booleans()), max_size=40))
def test_never_more_than_the_window_and_one_take_are_on_the_way(story: list[tuple[int, int, bool]]) -> None:
    """Whatever is sent and kept in any order, an open window has less under way than its limit."""
    window, way = SendWindow(lambda: 0.0), dict[tuple[str, int], int]()
    for number, size, kept in story:
        key = ("r", number)
        if kept:
            window.acknowledged(*key)
            way.pop(key, None)
        elif window.is_open():
            assert sum(way.values()) < MAX_IN_FLIGHT_BYTES
            window.sent(*key, size)
            way[key] = size
        assert window.is_open() == (sum(way.values()) < MAX_IN_FLIGHT_BYTES)


def test_a_take_that_nobody_confirms_does_not_close_the_window_for_ever(tmp_path: Path) -> None:
    """After a while it counts as lost, and others go."""
    now = 0.0
    window = SendWindow(lambda: now)
    window.sent("r", 0, MAX_IN_FLIGHT_BYTES)
    assert not window.is_open()
    now = LOST_AFTER_SECONDS + 1
    assert window.is_open()
    assert not window.is_in_flight("r", 0)

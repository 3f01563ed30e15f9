"""The link: one submission is made once however often it is sent, and what is missing is asked for again."""

from bridge.upstream.link import Link
from engine.events import Accepted, Done
from engine.request import LoopRequest
from engine.service import messages
from engine.service.messages import (
    Cancel,
    EngineState,
    EventMessage,
    Hello,
    Message,
    RequestStatus,
    Resend,
    Status,
    Submission,
)

REQUEST = LoopRequest(request_id="r1")


def _link() -> Link:
    link = Link("owner")
    link.submit(Submission(request=REQUEST, owner="owner"), 0.0)
    return link


def _out(link: Link) -> list[Message]:
    return [messages.unpack(frames) for frames in link.take_out()]


def _in(link: Link, *said: Message, now: float = 0.0) -> list[object]:
    return list(link.receive([messages.pack(one) for one in said], now))


def _status(engine_id: str = "e1", **yours: str) -> Status:
    states = {name: RequestStatus(state) for name, state in yours.items()}
    return Status(engine_id=engine_id, version="1", state=EngineState.READY, yours=states)


def test_a_submission_is_repeated_until_it_is_answered() -> None:
    """An engine that was away hears of the request when it is back."""
    link = _link()
    assert [type(message) for message in _out(link)] == [Submission]
    link.tick(1.5)
    assert Submission in [type(message) for message in _out(link)]
    _in(link, EventMessage(event=Accepted(request_id="r1")))
    link.tick(9.0)
    assert Submission not in [type(message) for message in _out(link)]


def test_a_first_hello_asks_for_what_is_left() -> None:
    """Whatever an earlier life of this client had asked for comes back."""
    link = Link("owner")
    link.tick(0.0)
    assert _out(link) == [Hello(owner="owner", resume=True)]
    _in(link, _status(), now=0.1)
    link.tick(1.1)
    assert _out(link) == [Hello(owner="owner", resume=False)]


def test_a_new_engine_is_asked_for_what_is_left() -> None:
    """An engine that was started anew does not know who we are, and is told."""
    link = Link("owner")
    _in(link, _status("e1"))
    _in(link, _status("e2"), now=1.0)
    assert Hello(owner="owner", resume=True) in _out(link)


def test_an_end_that_did_not_arrive_is_asked_for() -> None:
    """When the engine says finished and nothing comes, it is asked to send again."""
    link = _link()
    _in(link, EventMessage(event=Accepted(request_id="r1")))
    for now in (1.0, 2.0, 3.5):
        _in(link, _status(r1="finished"), now=now)
    assert Resend(request_id="r1", owner="owner") in _out(link)
    _in(link, EventMessage(event=Done(request_id="r1", takes=1)))
    assert link.open_requests == ()


def test_a_cancel_is_repeated_until_there_is_an_end() -> None:
    """A cancel that got lost on the way is said again."""
    link = _link()
    _in(link, EventMessage(event=Accepted(request_id="r1")))
    link.cancel("r1", 1.0)
    link.tick(2.5)
    assert _out(link).count(Cancel(request_id="r1", owner="owner")) == 2


def test_an_engine_that_says_nothing_counts_as_away() -> None:
    """After a few seconds without a status the engine is not there."""
    link = Link("owner")
    _in(link, _status(), now=0.0)
    assert link.is_alive(1.0)
    assert not link.is_alive(10.0)


def test_what_is_not_ours_is_said_and_survived() -> None:
    """Another version on the other side becomes a sentence, not an exception."""
    (failed,) = list(Link("owner").receive([[b"ditto99", b"event", b""]], 0.0))
    assert "ditto99" in failed.sentence  # type: ignore[union-attr]

"""Reception: what a client says is answered over its own connection, and no message of one client harms another."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from hands import Hands, Parts
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadRequestError
from engine.events import Accepted, Failed
from engine.service import messages
from engine.service.messages import AckEnd, EngineState, EventMessage, Hello, Job, Status, Submission
from engine.service.queue.journal import Journal
from engine.service.reception import Reception


class Room:
    """A reception on a real journal, with what it sent to whom."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)
        self.hands = Hands(capacity=0)
        self.reception = Reception(self.journal, self.hands, "1.2.3", stop_seconds=1.0)
        self.sent: list[tuple[bytes, object]] = []
        self.reception.send = self._send

    def _send(self, frames: list[bytes]) -> bool:
        message = messages.unpack(frames[1:])
        self.sent.append((frames[0], message.event if isinstance(message, EventMessage) else message))
        return True

    def hear(self, *said: tuple[bytes, messages.Message]) -> list[tuple[bytes, object]]:
        """Have the reception hear a batch, and return what it answers."""
        self.sent.clear()
        self.reception.receive([[identity, *messages.pack(message)] for identity, message in said])
        return list(self.sent)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path / "j")
    yield made
    made.journal.close()


def submission(request_id: str, owner: str = "me") -> Submission:
    return messages.Submission(request=Parts.request(request_id), owner=owner)


def test_a_hello_is_answered_with_the_state(room: Room) -> None:
    """The version, who runs, and the open requests of this client alone."""
    room.hear((b"1", submission("mine")), (b"2", submission("yours", "you")))
    ((identity, status),) = room.hear((b"1", Hello(owner="me")))
    assert identity == b"1"
    assert isinstance(status, Status)
    assert (status.version, status.state, status.queued) == ("1.2.3", EngineState.READY, 2)
    assert status.yours == {"mine": "queued"}


def test_submissions_of_a_batch_come_first_and_share_a_commit(room: Room) -> None:
    """Each client is answered over its own connection, in order."""
    with mock.patch.object(room.journal, "accept", wraps=room.journal.accept) as accept:
        answers = room.hear((b"1", submission("a")), (b"1", Hello(owner="me")), (b"2", submission("b", "you")))
    assert accept.call_count == 1
    assert [(who, type(what)) for who, what in answers] == [(b"1", Accepted), (b"2", Accepted), (b"1", Status)]


def test_a_new_connection_is_told_what_is_open_once(room: Room) -> None:
    """A client that resumes hears of its requests again; its next hello changes nothing."""
    room.hear((b"1", submission("a")))
    told = room.hear((b"9", Hello(owner="me", resume=True)))
    assert [type(what) for _, what in told] == [Job, Status]
    assert {who for who, _ in told} == {b"9"}
    assert [type(what) for _, what in room.hear((b"9", Hello(owner="me", resume=True)))] == [Status]


def test_garbage_is_refused_in_a_sentence_and_the_rest_is_served(room: Room) -> None:
    """Bytes that are no message, and messages that only an engine sends, cost nobody else an answer."""
    room.sent.clear()
    status = messages.pack(room.reception.status())
    room.reception.receive([[b"1", b"\xff\x00"], [b"2", *status], [b"3", *messages.pack(submission("a"))]])
    refused = [(who, what) for who, what in room.sent if isinstance(what, Failed)]
    assert [who for who, _ in refused] == [b"1", b"2"]
    assert all(what.sentence for _, what in refused if isinstance(what, Failed))
    assert (b"3", Accepted(request_id="a", queue_position=0)) in room.sent


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"request": {"bars": 99}}, "Bars may be 1 to 16"),
        ({"request": {"colour": "red"}}, "same version"),  # as another version may say it
        ({"remarks": ["x"] * 1_001}, "1000"),
    ],
)
def test_a_submission_that_is_wrong_ends_its_request(room: Room, wrong: dict[str, Any], words: str) -> None:
    """Its client hears which one it was, and does not ask for it for ever."""
    version, kind, body = messages.pack(submission("a"))
    said = msgspec.msgpack.decode(body)
    request = said["request"] | wrong.get("request", {})
    room.reception.receive([[b"1", version, kind, msgspec.msgpack.encode(said | wrong | {"request": request})]])
    ((_, failed),) = room.sent
    assert isinstance(failed, Failed)
    assert failed.request_id == "a"
    assert words in f"{failed.sentence} {failed.remedy}"


def test_what_is_not_known_any_more_is_said(room: Room) -> None:
    """Cancelled, or asked for again: whoever waits for it hears that nothing will come, and what to do."""
    for kind in (messages.Cancel, messages.Resend):
        ((_, failed),) = room.hear((b"1", Hello(owner="me")), (b"1", kind(request_id="gone", owner="me")))[1:]
        assert isinstance(failed, Failed)
        assert (failed.request_id, failed.code) == ("gone", "unknown_request")
        assert failed.remedy


def test_a_fault_in_one_answer_ends_no_other(room: Room) -> None:
    """What goes wrong for one message is logged, and the messages behind it are answered."""
    with mock.patch.object(room.reception.scheduler, "acknowledge", side_effect=RuntimeError("a fault")):
        told = room.hear((b"1", AckEnd(owner="me", request_id="a")), (b"1", Hello(owner="me")))
    assert [type(what) for _, what in told] == [Status]


def test_a_stopping_engine_says_so_to_those_that_are_there(room: Room) -> None:
    """A goodbye reaches each client that was heard of lately."""
    room.hear((b"1", Hello(owner="me")))
    room.sent.clear()
    with mock.patch("engine.service.reception.time.monotonic", return_value=0.0):
        room.hear((b"1", Hello(owner="me")))
    room.sent.clear()
    room.reception.announce_stop(0.0)
    ((identity, status),) = room.sent
    assert identity == b"1"
    assert isinstance(status, Status)
    assert status.state is EngineState.STOPPING


def test_who_knows_a_foreign_id_learns_nothing_and_changes_nothing(room: Room) -> None:
    """Submitted, cancelled, acknowledged or asked for again by another client, a request stays its owner's."""
    room.hear((b"1", submission("mine")))
    ((identity, answer),) = room.hear((b"2", submission("mine", "you")))
    assert identity == b"2"
    assert isinstance(answer, Failed)
    assert "belongs to another request already." in answer.sentence
    foreign = {"request_id": "mine", "owner": "you"}
    kinds = (messages.Cancel, messages.AckEnd, messages.Resend)
    answers = room.hear(
        *((b"2", kind(**foreign)) for kind in kinds),
        *((b"2", kind(**foreign, take=0)) for kind in (messages.AckTake, messages.LeaveTake)),
    )
    assert not [who for who, _ in answers if who == b"1"]
    assert all(not isinstance(what, Job | Status) for _, what in answers)
    ((_, status),) = room.hear((b"1", Hello(owner="me")))
    assert isinstance(status, Status)
    assert status.yours == {"mine": "queued"}


@given(
    name=st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), end=st.sampled_from(["\n", "\r", "\0", "\u2028", " "])
)
def test_a_name_ends_where_it_seems_to_end(name: str, end: str) -> None:
    """No line feed or other invisible sign can follow the name of a client or of a request."""
    assert messages.unpack(messages.pack(Hello(owner=name))) == Hello(owner=name)
    with pytest.raises(BadRequestError):
        messages.unpack(messages.pack(Hello(owner=name + end)))
    with pytest.raises(BadRequestError):
        messages.unpack(messages.pack(messages.Resend(request_id=name + end, owner="me")))
    with pytest.raises(BadRequestError):
        Parts.request(name + end)


def test_a_goodbye_to_many_clients_asks_the_journal_for_none(room: Room) -> None:
    """However many have said hello, each is told that the engine stops without a query of its own."""
    clients = [b"%d" % number for number in range(2_000)]
    room.hear(*((identity, Hello(owner=f"client-{identity.decode()}")) for identity in clients))
    room.sent.clear()
    with mock.patch.object(room.journal, "states", wraps=room.journal.states) as states:
        room.reception.announce_stop(time.monotonic())
    assert not states.called
    assert [who for who, what in room.sent if isinstance(what, Status)] == clients

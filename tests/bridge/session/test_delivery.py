"""From the engine's events to the client, taken alone: whatever order the disk answers in, the end comes last, once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.osc.codec import decode
from bridge.session.book import RequestBook
from bridge.session.clients import Clients
from bridge.session.delivery import Delivery
from bridge.session.effects import Delivered, Effect, FindTakes, NotifyEngine, Send, WriteTake
from bridge.session.state import ClientState, RequestState
from bridge.takes.parts import TakeParts
from engine.errors import BadInputError
from engine.events import Cancelled, Done, Event, Sound, Take
from engine.request import LoopRequest
from engine.service.messages import AckEnd, AckTake, LeaveTake

REQUEST = LoopRequest(request_id="r1", prompt="dub", count=4)
FAULT = BadInputError("The disk is full.", remedy="Make room.")


def a_take(number: int) -> Take:
    sound = Sound(samples=bytes(8), sample_rate=44_100)
    return Take(request_id="r1", take=number, sound=sound, scores={}, noise=b"", record={})


def written(number: int) -> Delivered:
    return Delivered(f"t{number}", number, f"/takes/{number}.wav", 4, "120", "4/4", 1, 44_100)


class Desk:
    """The part alone, with one request that the engine has."""

    def __init__(self) -> None:
        clients, book = Clients(), RequestBook()
        clients.add(ClientState("live", "n1", "127.0.0.1", 9_000, 0.0))
        book.open(RequestState("r1", "live", "n1", request=REQUEST, parts=TakeParts(asks_stems=False)))
        self.part = Delivery(book, clients)
        self.effects: list[Effect] = []

    def handle(self, event: Event) -> list[Effect]:
        new = list(self.part.handle(event, 1.0))
        self.effects += new
        if FindTakes("r1") in new:  # perhaps written before a restart; there are none
            self.effects += self.part.found("r1", [], 1.0)
        return new

    def disk(self, number: int, *, fails: bool = False) -> None:
        answer = self.part.not_written("r1", number, FAULT, 2.0) if fails else None
        self.effects += answer or self.part.written("r1", written(number), 2.0)

    @property
    def told(self) -> list[str]:
        datagrams = [one.datagram for one in self.effects if isinstance(one, Send)]
        return [message.path.rpartition("/")[2] for data in datagrams for message in decode(data, "bridge")]


@given(st.integers(1, 4), st.data())
@settings(max_examples=50)
def test_the_end_comes_once_and_after_all_takes(count: int, data: st.DataObject) -> None:
    """Takes are written in any order, before or after the engine says that it is done, and some cannot be."""
    desk, failing = Desk(), data.draw(st.sets(st.integers(0, count - 1)))
    for number in range(count):
        (write,) = desk.handle(a_take(number))
        assert isinstance(write, WriteTake)
    steps = data.draw(st.permutations([*range(count), None]))
    for step in steps:
        if step is None:
            desk.handle(Done(request_id="r1", takes=count))
        else:
            desk.disk(step, fails=step in failing)
        if step is not steps[-1]:
            assert not {"done", "error"} & set(desk.told)
    assert desk.told == ["take"] * (count - len(failing)) + ["error" if failing else "done"]
    acknowledged = {one.take for one in desk.effects if isinstance(one, NotifyEngine) and one.kind is AckTake}
    left = {one.take for one in desk.effects if isinstance(one, NotifyEngine) and one.kind is LeaveTake}
    assert (acknowledged, left) == (set(range(count)) - failing, failing)
    assert (NotifyEngine(AckEnd, "r1") in desk.effects) is not failing


def test_a_take_that_comes_twice_is_written_once() -> None:
    """While it is written nothing more is begun; when it is there it is only acknowledged again."""
    desk = Desk()
    assert len(desk.handle(a_take(0))) == 1
    assert desk.handle(a_take(0)) == []
    desk.disk(0)
    assert desk.handle(a_take(0)) == [NotifyEngine(AckTake, "r1", 0)]


def test_events_of_other_requests_are_passed_over() -> None:
    """An engine has more clients than this bridge."""
    desk = Desk()
    assert desk.handle(Cancelled(request_id="another")) == []
    assert desk.told == []

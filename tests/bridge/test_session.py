"""The session: whatever is lost, doubled or late, each request is made once and its end is told."""

import random
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.osc.addresses import PROTOCOL_VERSION
from bridge.osc.codec import OscError, OscMessage, decode, encode
from bridge.osc.request import encode_request
from bridge.session.book import MAX_OPEN, MAX_REPEATED, REPEATS_SECONDS
from bridge.session.effects import (
    CancelJob,
    Delivered,
    Effect,
    FindTakes,
    NotifyEngine,
    Prepare,
    Send,
    Submit,
    WriteTake,
)
from bridge.session.session import Session
from engine.errors import BadInputError
from engine.events import Accepted, Cancelled, Done, Failed, Progress, Sound, Stems, Superseded, Take
from engine.request import Control, Curve, LoopRequest, Notes, Point
from engine.service.messages import AckEnd, AckTake, Job, Priority, Status
from midi.notes import Note

PORT = 9_000


def _request(request_id: str = "r1") -> LoopRequest:
    points = tuple(Point(Fraction(n, 20), -20.0 - n % 7) for n in range(300))
    notes = tuple(Note(60 + n % 12, Fraction(n, 20), Fraction(1, 4)) for n in range(250))
    controls = (
        Control(kind="intensity", target=Curve(points=points)),
        Control(kind="melody", target=Notes(notes=notes)),
    )
    return LoopRequest(prompt="x", controls=controls, request_id=request_id)


class Desk:
    """Plays engine and disk for a session, and remembers what it was asked to do."""

    def __init__(self) -> None:
        self.session = Session("bridge", "1")
        self.done: list[Effect] = []
        self.now = 100.0

    def do(self, effects: Iterable[Effect]) -> list[Effect]:
        new = list(effects)
        self.done += new
        return new

    def say(self, path: str, *values: object) -> list[Effect]:
        (message,) = decode(encode(path, values))
        return self.do(self.session.receive(message, "127.0.0.1", self.now))

    def hello(self, instance: str = "live", nonce: str = "n1", port: int = PORT) -> list[Effect]:
        return self.say("/ditto/hello", PROTOCOL_VERSION, instance, nonce, port)

    def datagram(self, data: bytes) -> list[Effect]:
        return [
            effect
            for message in decode(data)
            for effect in self.do(self.session.receive(message, "127.0.0.1", self.now))
        ]

    def handle(self, event: object) -> list[Effect]:
        return self.do(self.session.handle(event, self.now))  # type: ignore[arg-type]

    def commit(self, request: LoopRequest, nonce: str = "n1") -> list[Effect]:
        encoded = encode_request(request, nonce)
        for data in encoded.parts.values():
            self.datagram(data)
        return self.datagram(encoded.commit)

    def submit(self, request: LoopRequest) -> None:
        self.hello()
        self.commit(request)
        self.do(self.session.prepared(request.request_id, request, Priority.INTERACTIVE, ("a note",), self.now))
        self.handle(Accepted(request_id=request.request_id))

    def tick(self, seconds: float) -> list[Effect]:
        self.now += seconds
        return self.do(self.session.tick(self.now))


def _sent(effects: Iterable[Effect]) -> list[OscMessage]:
    return [m for effect in effects if isinstance(effect, Send) for m in decode(effect.datagram, "bridge")]


def _paths(effects: Iterable[Effect]) -> list[str]:
    return [message.path for message in _sent(effects)]


def _take(request_id: str = "r1", number: int = 0) -> Take:
    return Take(
        request_id=request_id,
        take=number,
        sound=Sound(samples=bytes(8), sample_rate=44_100),
        scores={},
        noise=b"",
        record={},
    )


def _made(number: int = 0) -> Delivered:
    return Delivered(f"id{number}", number, "/takes/x.wav", 4, "120", "4/4", 1, 44_100, {"intensity_rho": 0.5})


def test_hello_is_welcomed_with_its_nonce_and_the_state() -> None:
    """A device knows from the echoed nonce that the answer is for this load of it, and sees the state."""
    welcome, state = _sent(Desk().hello())
    assert welcome.values[1] == "n1"
    assert state.values[0] == "no_engine"


def test_a_flood_of_requests_is_refused_in_words_and_not_kept() -> None:
    """Beyond what anybody waits for a commit is answered with an error, until an earlier request has its end."""
    desk = Desk()
    desk.hello()
    for number in range(MAX_OPEN + 300):
        desk.say("/ditto/loop/begin", f"q{number}", "n1")
        (*_, last) = desk.say("/ditto/loop/commit", f"q{number}", "n1", 0)
        assert isinstance(last, Prepare) is (number < MAX_OPEN)
    assert _sent([last])[0].values[:2] == (f"q{MAX_OPEN + 299}", "no_engine")
    desk.handle(Done(request_id="q0", takes=0))
    desk.say("/ditto/loop/begin", "late", "n1")
    assert isinstance(desk.say("/ditto/loop/commit", "late", "n1", 0)[-1], Prepare)


def test_progress_is_repeated_of_what_is_made_and_not_of_what_waits() -> None:
    """With a hundred requests whose takes are still to come, a tick says only the latest progress again."""
    desk = Desk()
    desk.handle(Status(engine_id="e", version="1", state="working"))
    desk.hello()
    for number in range(100):
        name = f"q{number}"
        desk.say("/ditto/loop/begin", name, "n1")
        desk.say("/ditto/loop/commit", name, "n1", 0)
        desk.now += 0.01
        desk.handle(Progress(request_id=name, take=0, step=1, steps=2, seconds_left=1.0, losses={}))
    said = [message.values[0] for message in _sent(desk.tick(1.0)) if message.path == "/ditto/progress"]
    assert said == [f"q{number}" for number in range(99, 99 - MAX_REPEATED, -1)]


def test_another_protocol_is_refused_in_words() -> None:
    """An older device is told to install the new one."""
    (message,) = _sent(Desk().say("/ditto/hello", 99, "live", "n1", PORT))
    assert message.path == "/ditto/error"
    assert "install-device" in str(message.values[3])


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.floats(0, 0.6))
def test_a_request_survives_loss_doubling_and_disorder(seed: int, loss: float) -> None:
    """Whatever happens to the datagrams, the request that comes out is the one that went in, once."""
    desk, encoded, chance = Desk(), encode_request(_request(), "n1"), random.Random(seed)
    desk.hello()
    pending = list(encoded.parts.values())
    for _round in range(200):
        arriving = [data for data in pending for _copy in range(chance.choice((1, 1, 2))) if chance.random() > loss]
        chance.shuffle(arriving)
        for data in arriving:
            desk.datagram(data)
        answers = desk.datagram(encoded.commit)
        missing = [message for message in _sent(answers) if message.path == "/ditto/missing"]
        pending = [
            data
            for m in missing
            for data in encoded.of(str(m.values[1]), str(m.values[2]), [int(group[0]) for group in m.groups])
        ]
        if not missing:
            break
    prepared = [effect for effect in desk.done if isinstance(effect, Prepare)]
    assert len(prepared) == 1
    curve = prepared[0].assembly.chunks["curve", "intensity"].whole()
    assert [round(value) for _, value in curve] == [round(p.value) for p in _request().controls[0].target.points]  # type: ignore[union-attr]
    assert len(prepared[0].assembly.chunks["notes", "melody"].whole()) == 250


def test_a_repeated_commit_changes_nothing_and_is_answered_alike() -> None:
    """The sender may ask at any time where its request stands."""
    desk, request = Desk(), _request()
    desk.submit(request)
    again = desk.commit(request)
    assert [effect for effect in again if not isinstance(effect, Send)] == []
    assert _paths(again) == ["/ditto/accepted"]
    assert sum(isinstance(effect, Submit) for effect in desk.done) == 1


def test_what_the_commit_does_not_name_is_left_out() -> None:
    """A stray chunk of a curve that does not belong to the request does no harm."""
    desk = Desk()
    desk.hello()
    desk.datagram(encode("/ditto/loop/curve", ("r1", "brightness", "hz", 0, 2), [(0.0, 1.0)]))
    (prepare,) = [effect for effect in desk.commit(_request()) if isinstance(effect, Prepare)]
    assert set(prepare.assembly.chunks) == {("curve", "intensity"), ("notes", "melody")}


def test_notes_for_the_producer_come_with_the_acceptance_and_stay_with_the_take() -> None:
    """What bridge and engine had to say about a request is not lost."""
    desk = Desk()
    desk.submit(_request())
    (accepted,) = [m for m in _sent(desk.done) if m.path == "/ditto/accepted"]
    assert accepted.groups == (("a note",),)
    desk.handle(Accepted(request_id="r1", notes=("In A.",)))
    (write,) = desk.handle(_take())
    assert write.remarks == ("a note", "In A.")  # type: ignore[union-attr]


def test_done_waits_for_the_files() -> None:
    """A device never hears of a take, or of the end, before the file is in its place."""
    desk = Desk()
    desk.submit(_request())
    (write,) = desk.handle(_take())
    assert isinstance(write, WriteTake)
    assert _paths(desk.handle(Done(request_id="r1", takes=1))) == []
    after = desk.do(desk.session.written("r1", _made(), desk.now))
    assert _paths(after) == ["/ditto/take", "/ditto/done"]
    assert NotifyEngine(AckTake, "r1", 0) in after
    assert NotifyEngine(AckEnd, "r1") in after


def test_an_end_is_repeated_until_it_is_seen() -> None:
    """Done and its takes come again a few times; `seen` ends that."""
    desk = Desk()
    desk.submit(_request())
    desk.handle(_take())
    desk.do(desk.session.written("r1", _made(), desk.now))
    desk.handle(Done(request_id="r1", takes=1))
    assert _paths(desk.tick(0.6)) == ["/ditto/accepted", "/ditto/take", "/ditto/done"]
    desk.say("/ditto/seen", "r1", "n1")
    assert all(_paths(desk.tick(1.0)) == [] for _ in range(20))
    assert not desk.session.busy


def test_an_end_is_not_repeated_for_ever() -> None:
    """A client that never says `seen` is left in peace after the last try."""
    desk = Desk()
    desk.submit(_request())
    desk.handle(Cancelled(request_id="r1"))
    ticks = [desk.tick(0.5) for _ in range(50) if desk.hello()]
    told = sum(_paths(tick).count("/ditto/cancelled") for tick in ticks)
    assert told == len(REPEATS_SECONDS)


def test_progress_comes_five_times_a_second_although_a_step_is_slow() -> None:
    """Between two steps the last progress is repeated, and its time left runs down."""
    desk = Desk()
    desk.submit(_request())
    desk.handle(Status(engine_id="e", version="1", state="working"))
    desk.handle(Progress(request_id="r1", take=0, step=1, steps=9, seconds_left=10.0, losses={"intensity": 1.0}))
    heard = [message for _ in range(20) for message in _sent(desk.tick(0.04)) if message.path == "/ditto/progress"]
    assert len(heard) >= 4  # in 0.8 s
    assert heard[-1].values[5] < 9.5


def test_a_flood_of_progress_is_thinned() -> None:
    """A thousand steps in a second are some thirty messages, since more would only stop Max."""
    desk = Desk()
    desk.submit(_request())
    desk.handle(Status(engine_id="e", version="1", state="working"))
    count = 0
    for step in range(1_000):
        desk.now += 0.001
        count += len(desk.handle(Progress(request_id="r1", take=0, step=step, steps=9, seconds_left=1.0, losses={})))
    assert 20 <= count <= 40


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (Cancelled(request_id="r1"), "/ditto/cancelled"),
        (Superseded(request_id="r1", by="r2"), "/ditto/superseded"),
        (Failed(request_id="r1", code="model", sentence="No such model.", remedy="Choose one."), "/ditto/error"),
    ],
)
def test_every_end_has_its_message(event: object, path: str) -> None:
    """A device hears how its request ended, whichever way."""
    desk = Desk()
    desk.submit(_request())
    assert _paths(desk.handle(event)) == [path]


def test_a_refused_request_may_be_mended_and_sent_again() -> None:
    """What could not be read was never accepted: its id is free again."""
    desk, request = Desk(), _request()
    desk.hello()
    desk.commit(request)
    assert _paths(desk.do(desk.session.refused("r1", BadInputError("No such file."), desk.now))) == ["/ditto/error"]
    assert any(isinstance(effect, Prepare) for effect in desk.commit(request))


def test_a_commit_without_hello_is_refused() -> None:
    """Nobody knows where to answer; the sender is told to say hello."""
    with pytest.raises(OscError, match="hello"):
        Desk().commit(_request())


def test_an_id_of_another_device_is_refused() -> None:
    """Two devices cannot take each other's requests for their own."""
    desk = Desk()
    desk.submit(_request())
    desk.hello(instance="other", nonce="n2", port=9_001)
    with pytest.raises(OscError, match="another device"):
        desk.commit(_request(), nonce="n2")


def test_answers_go_to_the_device_that_asked() -> None:
    """Of several instances each hears of its own requests only."""
    desk = Desk()
    desk.hello(instance="other", nonce="n2", port=9_001)
    desk.submit(_request())
    told = desk.handle(Cancelled(request_id="r1"))
    assert {effect.port for effect in told if isinstance(effect, Send)} == {PORT}


def test_after_a_restart_the_instance_hears_of_its_request() -> None:
    """A new bridge takes up what the engine still has, and tells the device when it says hello."""
    desk, request = Desk(), _request()
    desk.handle(Job(request=request, tag="live", created=0.0, finished=True))
    (write,) = desk.handle(_take())
    assert isinstance(write, WriteTake)
    assert write.may_exist
    desk.do(desk.session.written("r1", _made(), desk.now))
    desk.handle(Done(request_id="r1", takes=1))
    assert "/ditto/done" in _paths(desk.hello(nonce="after"))


def test_takes_delivered_before_a_restart_are_found_again() -> None:
    """When the engine has only the end left, the takes are looked up on disk."""
    desk = Desk()
    desk.submit(_request())
    effects = desk.handle(Done(request_id="r1", takes=1))
    assert [type(effect) for effect in effects] == [FindTakes]
    assert _paths(desk.do(desk.session.found("r1", [_made()], desk.now))) == ["/ditto/take", "/ditto/done"]


def test_stems_are_written_with_their_take_and_told_after_it() -> None:
    """A take waits for the stems that were asked for; each is told, and again with a repeated commit."""
    desk, request = Desk(), LoopRequest(prompt="x", stems=True, request_id="r1")
    desk.submit(request)
    assert not desk.handle(_take())
    stems = Stems(request_id="r1", take=0, layers=("bass",), samples=bytes(8), sample_rate=44_100)
    (write,) = desk.handle(stems)
    assert isinstance(write, WriteTake)
    assert write.stems == stems
    made = replace(_made(), stems=(("bass", "/t/x-bass.wav"),))
    written = desk.do(desk.session.written("r1", made, desk.now))
    assert [message.path for message in _sent(written)] == ["/ditto/take", "/ditto/stem"]
    assert _sent(written)[1].values == (made.take_id, "bass", "/t/x-bass.wav")
    assert any(isinstance(effect, NotifyEngine) and effect.kind is AckTake for effect in written)
    assert "/ditto/stem" in _paths(desk.commit(request))


def test_a_take_whose_stems_do_not_come_is_written_without() -> None:
    """The end, or the same take once more, says that none will: nothing waits for ever and nothing is lost."""
    for last in (Done(request_id="r1", takes=1), _take()):
        desk = Desk()
        desk.submit(LoopRequest(prompt="x", stems=True, request_id="r1"))
        desk.handle(_take())
        (write,) = [effect for effect in desk.handle(last) if isinstance(effect, WriteTake)]
        assert write.stems is None


def test_a_take_that_cannot_be_written_stays_with_the_engine() -> None:
    """A full disk is said, and the end is not acknowledged, so that nothing is lost."""
    desk = Desk()
    desk.submit(_request())
    desk.handle(_take())
    desk.handle(Done(request_id="r1", takes=1))
    effects = desk.do(desk.session.not_written("r1", 0, BadInputError("The disk is full."), desk.now))
    assert _paths(effects) == ["/ditto/error"]
    assert not any(isinstance(effect, NotifyEngine) and effect.kind is AckEnd for effect in effects)


def test_cancel_reaches_the_engine() -> None:
    """Cancel asks the engine; the answer comes when the engine has stopped."""
    desk = Desk()
    desk.submit(_request())
    assert desk.say("/ditto/loop/cancel", "r1", "n1") == [CancelJob("r1")]


def test_old_pieces_and_silent_devices_are_forgotten() -> None:
    """Memory does not grow with what was begun and left."""
    desk = Desk()
    desk.hello()
    for number in range(1_000):
        desk.say("/ditto/loop/begin", f"r{number}", "n1")
    assert len(desk.session._assemblies) <= 256
    desk.tick(1_000.0)
    assert not len(desk.session._assemblies)
    assert not len(desk.session._clients)

"""The session under fire: bounded memory over all, other clients' requests, cancels that come early, disks mended."""

import contextlib
from collections.abc import Callable
from fractions import Fraction

import pytest

from bridge.osc.addresses import PROTOCOL_VERSION, UNSIGNED_VERSION
from bridge.osc.assembly import MAX_VALUES, Assembly
from bridge.osc.codec import OscError, OscMessage, decode, encode
from bridge.osc.request import encode_request
from bridge.session.assemblies import MAX_TOTAL_BYTES, Assemblies, Place
from bridge.session.effects import (
    CancelJob,
    Effect,
    Favourite,
    NotifyEngine,
    Prepare,
    Send,
    Submit,
    WriteTake,
)
from bridge.session.session import Session
from engine.errors import BadInputError
from engine.events import Accepted, Cancelled, Done, Sound, Take
from engine.request import Control, Curve, LoopRequest, Point
from engine.service.messages import AckEnd, Job, Priority, Resend

PORT = 9_000
REQUEST = LoopRequest(
    request_id="r1", controls=(Control(kind="intensity", target=Curve(points=(Point(Fraction(0), -20.0),))),)
)


def _chunk(index: int, total: int, values: int, control: str = "intensity", request_id: str = "r1") -> OscMessage:
    groups = tuple((float(n), -20.0) for n in range(values))
    return OscMessage("/ditto/loop/curve", (request_id, control, "db", index, total), groups)


class Desk:
    """A session with two clients, `mine` and `other`."""

    def __init__(self, protocol: int = PROTOCOL_VERSION) -> None:
        self.session, self.protocol = Session("bridge", "1"), protocol
        self.say("/ditto/hello", protocol, "mine", "n1", PORT)
        self.say("/ditto/hello", protocol, "other", "n2", PORT + 1)

    def say(self, path: str, *values: object, last: str = "") -> list[Effect]:
        return self.datagram(encode(path, values, last=last))

    def datagram(self, data: bytes) -> list[Effect]:
        return [effect for m in decode(data) for effect in self.session.receive(m, "127.0.0.1", 1.0)]

    def commit(self, nonce: str = "n1", request: LoopRequest = REQUEST) -> list[Effect]:
        encoded = encode_request(request, nonce)
        for data in encoded.parts.values():
            self.piece(data)
        return self.datagram(encoded.commit)

    def piece(self, data: bytes) -> None:
        """Take in a piece, without its nonce where the devices are of the earlier version."""
        for m in decode(data):
            last = "" if self.protocol == UNSIGNED_VERSION else m.last
            list(self.session.receive(OscMessage(m.path, m.values, m.groups, last), "127.0.0.1", 1.0))

    def prepare(self) -> list[Effect]:
        return list(self.session.prepared("r1", REQUEST, Priority.INTERACTIVE, (), 1.0))

    def submitted(self) -> "Desk":
        self.commit()
        self.prepare()
        return self


def _paths(effects: list[Effect]) -> list[str]:
    return [m.path for effect in effects if isinstance(effect, Send) for m in decode(effect.datagram, "bridge")]


def test_a_chunk_that_comes_again_counts_with_what_it_holds_now() -> None:
    """Empty chunks first, full ones in their place: the limit of a request holds all the same."""
    assembly = Assembly(0.0)
    for index in range(600):
        assembly.add(_chunk(index, 600, 0))
    for index in range(MAX_VALUES // 800):
        assembly.add(_chunk(index, 600, 400))
    with pytest.raises(OscError, match="numbers"):
        assembly.add(_chunk(599, 600, 400))
    assert assembly.values <= MAX_VALUES
    assembly.add(_chunk(0, 600, 0))  # and what is taken back makes room
    assembly.add(_chunk(0, 600, 400))


def test_a_curve_that_begins_anew_does_not_count_twice() -> None:
    """Another total replaces all chunks of the curve, and what they held."""
    assembly = Assembly(0.0)
    for total in range(2, 200):
        assembly.add(_chunk(0, total, 5_000))
    assert assembly.values == 10_000


def test_all_open_requests_together_are_bounded() -> None:
    """However many are begun and filled to their limit, the oldest make room, and the newest is whole."""
    assemblies = Assemblies()
    piece = _chunk(0, 40, 500).groups
    for number in range(200):
        for index in range(10):
            message = OscMessage("/ditto/loop/curve", (f"r{number}", "intensity", "db", index, 40), piece * 10)
            assemblies.add(message, 1.0)
        assert assemblies.size_bytes <= MAX_TOTAL_BYTES
    assert 1 <= len(assemblies) < 200
    assert len(assemblies.at(Place("r199", ""), 1.0).chunks["curve", "intensity"].pieces) == 10
    for number in range(200):
        assemblies.drop(f"r{number}")
    assert assemblies.size_bytes == 0


@pytest.mark.parametrize(
    "attack",
    [
        lambda desk: desk.say("/ditto/loop/cancel", "r1", "n2"),
        lambda desk: desk.say("/ditto/loop/cancel", "r1", "nobody"),
        lambda desk: desk.commit("n2"),
    ],
)
def test_another_client_can_neither_cancel_nor_take_over(attack: Callable[[Desk], object]) -> None:
    """A known id is not enough: the nonce must be one that said hello, of the request's own instance."""
    desk = Desk().submitted()
    with pytest.raises(OscError, match=r"another device|hello"):
        attack(desk)
    assert desk.say("/ditto/loop/cancel", "r1", "n1") == [CancelJob("r1")]


@pytest.mark.parametrize("protocol", [UNSIGNED_VERSION, PROTOCOL_VERSION])
def test_another_client_can_neither_commit_nor_drop_an_open_request(protocol: int) -> None:
    """What is not committed yet belongs to the nonce that began it, whichever version its device speaks."""
    desk = Desk(protocol)
    desk.say("/ditto/loop/begin", "r1", "n1")
    for attack in (("/ditto/loop/begin", "r1", "n2"), ("/ditto/loop/cancel", "r1", "n2")):
        with contextlib.suppress(OscError):
            desk.say(*attack)
    with contextlib.suppress(OscError):
        assert not _prepared(desk.say("/ditto/loop/commit", "r1", "n2", 1))
    assert _prepared(desk.commit())


def _prepared(effects: list[Effect]) -> list[Prepare]:
    return [effect for effect in effects if isinstance(effect, Prepare)]


_INTRUDER = LoopRequest(
    request_id="r1",
    prompt="the intruder's",
    controls=(Control(kind="intensity", target=Curve(points=(Point(Fraction(0), -3.0),))),),
)


@pytest.mark.parametrize("nonce", ["", "n2", "nobody"])
@pytest.mark.parametrize("first", [True, False])
def test_no_piece_of_another_sender_is_mixed_into_a_request(nonce: str, first: bool) -> None:
    """Settings and chunks with no nonce, or with another, are never heard, before and after the request's own."""
    desk = Desk()
    foreign = [
        OscMessage(m.path, m.values, m.groups, nonce)
        for data in encode_request(_INTRUDER, "n2").parts.values()
        for m in decode(data)
        if m.path != "/ditto/loop/begin"
    ]

    def intrude() -> None:
        for message in foreign:
            list(desk.session.receive(message, "127.0.0.1", 1.0))

    encoded = encode_request(REQUEST, "n1")
    if first:
        intrude()
    for data in encoded.parts.values():
        desk.datagram(data)
    if not first:
        intrude()
    (prepare,) = _prepared(desk.datagram(encoded.commit))
    assert prepare.assembly.settings["prompt"] == ""
    assert [row[1] for row in prepare.assembly.rows["curve", "intensity"].rows] == [-20.0]


def test_pieces_of_another_sender_do_not_stand_in_for_what_was_lost() -> None:
    """A request whose own settings were lost asks for them, however many others have come in their place."""
    desk = Desk()
    encoded = encode_request(REQUEST, "n1")
    for (part, _, _), data in encoded.parts.items():
        if part != "set":
            desk.datagram(data)
        else:
            (message,) = decode(data)
            list(desk.session.receive(OscMessage(message.path, message.values), "127.0.0.1", 1.0))
    assert _paths(desk.datagram(encoded.commit)) == ["/ditto/missing"]
    for data in encoded.of("set", ""):
        desk.datagram(data)
    assert _prepared(desk.datagram(encoded.commit))


def test_a_device_that_was_loaded_anew_never_gets_the_settings_of_its_last_load() -> None:
    """The same id with a new nonce is a new request: what the older one had set and never committed is not in it."""
    desk = Desk()
    desk.say("/ditto/loop/begin", "r1", "n1")
    desk.say("/ditto/loop/set", "r1", "prompt", "of the older request", last="n1")
    desk.say("/ditto/hello", PROTOCOL_VERSION, "mine", "n3", PORT)
    (prepare,) = _prepared(desk.commit("n3"))
    assert prepare.assembly.settings["prompt"] == ""


def test_a_device_of_the_earlier_version_is_still_served() -> None:
    """It is welcomed in its own version, and its pieces without a nonce become its request."""
    desk = Desk(UNSIGNED_VERSION)
    welcome = desk.say("/ditto/hello", UNSIGNED_VERSION, "mine", "n1", PORT)[0]
    assert isinstance(welcome, Send)
    assert decode(welcome.datagram, "bridge")[0].values[0] == UNSIGNED_VERSION
    assert _prepared(desk.commit())


def test_a_favourite_is_taken_from_devices_that_are_there() -> None:
    """One with a nonce that nobody has said is refused; one without, as earlier devices send it, is taken."""
    desk = Desk()
    assert desk.say("/ditto/take/favourite", "t1", 1, last="n1") == [Favourite("t1", True, "n1")]
    assert desk.say("/ditto/take/favourite", "t1", 0) == [Favourite("t1", False)]
    with pytest.raises(OscError, match="hello"):
        desk.say("/ditto/take/favourite", "t1", 1, last="stranger")


def test_a_device_that_signs_though_it_speaks_the_earlier_version_is_served() -> None:
    """What counts is what it sends; whatever begin was taken for is asked for again until the request is whole."""
    desk = Desk(UNSIGNED_VERSION)
    encoded = encode_request(REQUEST, "n1")
    for data in encoded.parts.values():
        desk.datagram(data)
    for _ in range(2):
        if prepared := _prepared(desk.datagram(encoded.commit)):
            break
        for data in encoded.of("begin", ""):
            desk.datagram(data)
    assert prepared


def test_seen_by_another_client_does_not_silence_an_end() -> None:
    """An end is repeated until its own client has seen it."""
    desk = Desk().submitted()
    list(desk.session.handle(Cancelled(request_id="r1"), 1.0))
    desk.say("/ditto/seen", "r1", "n2")
    assert _paths(list(desk.session.tick(2.0))) == ["/ditto/cancelled"]
    desk.say("/ditto/seen", "r1", "n1")
    assert _paths(list(desk.session.tick(9.0))) == []


def test_a_cancel_while_files_are_read_is_remembered() -> None:
    """It is never submitted, and its end is cancelled; a repeated cancel says so again."""
    desk = Desk()
    desk.commit()
    assert desk.say("/ditto/loop/cancel", "r1", "n1") == []
    told = desk.prepare()
    assert not any(isinstance(effect, Submit) for effect in told)
    assert _paths(told) == ["/ditto/cancelled"]
    assert _paths(desk.say("/ditto/loop/cancel", "r1", "n1")) == ["/ditto/cancelled"]


def test_a_take_that_could_not_be_written_comes_when_it_is_asked_for_again() -> None:
    """The folder is mended, the same commit is repeated: the engine is asked, and the request ends well."""
    desk, take = Desk().submitted(), Take(
        request_id="r1", take=0, sound=Sound(samples=bytes(8), sample_rate=44_100), scores={}, noise=b"", record={}
    )  # fmt: skip
    list(desk.session.handle(take, 1.0))
    list(desk.session.handle(Done(request_id="r1", takes=1), 1.0))
    failed = list(desk.session.not_written("r1", 0, BadInputError("The disk is full."), 1.0))
    assert _paths(failed) == ["/ditto/error"]
    assert desk.commit() == [NotifyEngine(Resend, "r1")]  # its old end is not said again: it would be taken for the new
    list(desk.session.handle(Job(request=REQUEST, tag="mine", created=0.0, finished=True), 2.0))
    assert any(isinstance(effect, WriteTake) for effect in desk.session.handle(take, 2.0))
    assert NotifyEngine(AckEnd, "r1") not in list(desk.session.handle(Done(request_id="r1", takes=1), 2))


def test_why_there_is_no_engine_is_told_once_and_to_whoever_comes() -> None:
    """Each new reason is sent to all clients; a client that says hello later hears it too."""
    desk = Desk()
    sentence = "The engine does not start: the disk is full."
    told = list(desk.session.lost_engine(sentence))
    assert _paths(told) == ["/ditto/state", "/ditto/state"]
    assert list(desk.session.lost_engine(sentence)) == []
    (_welcome, state) = (e for e in desk.say("/ditto/hello", 1, "late", "n3", PORT) if isinstance(e, Send))
    (message,) = decode(state.datagram, "bridge")
    assert message.values[2] == sentence


def test_what_was_said_of_a_request_is_known_to_the_next_bridge() -> None:
    """The sentences travel with the submission, and come back: to the device, and to the take's own file."""
    desk = Desk()
    desk.commit()
    (submit,) = desk.session.prepared("r1", REQUEST, Priority.INTERACTIVE, ("Seed 3 was chosen.",), 1.0)
    assert isinstance(submit, Submit)
    assert submit.remarks == ("Seed 3 was chosen.",)

    later = Desk()
    job = Job(request=REQUEST, tag="mine", created=0.0, finished=False, remarks=(*submit.remarks, "In A minor."))
    told = list(later.session.handle(job, 2.0))
    (accepted,) = (m for e in told if isinstance(e, Send) for m in decode(e.datagram, "bridge"))
    assert (accepted.path, accepted.groups) == ("/ditto/accepted", (("Seed 3 was chosen.",), ("In A minor.",)))
    list(later.session.handle(Accepted(request_id="r1", notes=("In A minor.",)), 2.0))
    take = Take(
        request_id="r1", take=0, sound=Sound(samples=bytes(8), sample_rate=44_100), scores={}, noise=b"", record={}
    )
    (write,) = later.session.handle(take, 2.0)
    assert isinstance(write, WriteTake)
    assert tuple(dict.fromkeys(write.remarks)) == ("Seed 3 was chosen.", "In A minor.")


def test_a_take_that_cannot_be_marked_is_said_to_the_device_that_asked() -> None:
    """A folder that cannot be written, a take that is gone: not to another, and to nobody of the first version."""
    desk, error = Desk(), BadInputError("There is no take t1.", remedy="It was removed.")
    (told,) = desk.session.not_marked("n2", error)
    assert isinstance(told, Send)
    assert told.port == PORT + 1
    (message,) = decode(told.datagram, "bridge")
    assert message.values == ("", "bad_input", "There is no take t1.", "It was removed.")
    assert list(desk.session.not_marked("", error)) == []

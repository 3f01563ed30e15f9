"""Requests on their way in, taken alone: pieces in any order make one request, and nothing is submitted too late."""

from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.osc.codec import OscError, OscMessage, decode, encode
from bridge.osc.request import EncodedRequest, encode_request
from bridge.session.assemblies import Assemblies
from bridge.session.book import RequestBook
from bridge.session.clients import Clients
from bridge.session.commits import Commits
from bridge.session.effects import CancelJob, Effect, Prepare, Send, Submit
from bridge.session.state import ClientState
from engine.errors import BadInputError
from engine.request import Control, Curve, LoopRequest, Notes, Point
from engine.service.messages import Priority
from midi.notes import Note

POINTS = tuple(Point(Fraction(n, 20), -20.0 - n % 7) for n in range(300))
REQUEST = LoopRequest(
    request_id="r1",
    prompt="dub",
    controls=(
        Control(kind="intensity", target=Curve(points=POINTS)),
        Control(kind="melody", target=Notes(notes=(Note(60, Fraction(0), Fraction(1)),))),
    ),
)
ENCODED: EncodedRequest = encode_request(REQUEST, "n1")
PIECES = tuple(ENCODED.parts.values())


class Desk:
    """The part alone, with one client that is there."""

    def __init__(self) -> None:
        self.clients, self.book = Clients(), RequestBook()
        self.clients.add(ClientState("live", "n1", "127.0.0.1", 9_000, 0.0))
        self.part = Commits(self.clients, Assemblies(), self.book)

    def say(self, *datagrams: bytes) -> list[Effect]:
        messages = [message for datagram in datagrams for message in decode(datagram)]
        return [effect for one in messages for effect in self.part.answers[one.path](one, "127.0.0.1", 1.0)]

    def prepared(self) -> list[Effect]:
        return list(self.part.prepared("r1", REQUEST, Priority.INTERACTIVE, (), 2.0))


def sent(effects: Iterable[Effect]) -> list[OscMessage]:
    """Return the messages that a client gets."""
    return [m for one in effects if isinstance(one, Send) for m in decode(one.datagram, "bridge")]


@given(st.permutations(PIECES), st.lists(st.sampled_from(PIECES), max_size=5))
@settings(max_examples=40)
def test_pieces_in_any_order_and_more_than_once_make_one_request(pieces: list[bytes], again: list[bytes]) -> None:
    """UDP may turn round and double what it carries; the request that is read is the same."""
    (prepare,) = Desk().say(*pieces, *again, ENCODED.commit)
    (plain,) = Desk().say(*PIECES, ENCODED.commit)
    assert isinstance(prepare, Prepare)
    assert isinstance(plain, Prepare)
    assert (prepare.assembly.settings, prepare.assembly.rows) == (plain.assembly.settings, plain.assembly.rows)


@given(st.sets(st.sampled_from(sorted(ENCODED.parts)), min_size=1))
@settings(max_examples=40)
def test_what_was_lost_is_asked_for_and_then_the_request_is_whole(lost: set[tuple[str, str, int]]) -> None:
    """Whatever is lost: the bridge names it, the client sends that, and the same commit is taken."""
    desk = Desk()
    desk.say(*(data for place, data in ENCODED.parts.items() if place not in lost))
    asked = sent(desk.say(ENCODED.commit))
    assert {(str(m.values[1]), str(m.values[2])) for m in asked} == {(part, control) for part, control, _ in lost}
    for message in asked:
        indices = [int(group[0]) for group in message.groups]
        desk.say(*ENCODED.of(str(message.values[1]), str(message.values[2]), indices))
    (prepare,) = desk.say(ENCODED.commit)
    assert isinstance(prepare, Prepare)
    assert prepare.assembly.settings["prompt"] == "dub"


def test_a_request_that_is_cancelled_while_its_files_are_read_is_never_submitted() -> None:
    """The client hears that it is cancelled when the reader of files is done, and not before."""
    desk = Desk()
    desk.say(*PIECES, ENCODED.commit)
    assert desk.say(encode("/ditto/loop/cancel", ("r1", "n1"))) == []
    after = desk.prepared()
    assert [m.path for m in sent(after)] == ["/ditto/cancelled"]
    assert not any(isinstance(effect, Submit) for effect in after)


def test_a_submitted_request_is_cancelled_in_the_engine() -> None:
    """From its submission on the engine has it."""
    desk = Desk()
    desk.say(*PIECES, ENCODED.commit)
    assert [type(effect) for effect in desk.prepared()] == [Submit]
    assert desk.say(encode("/ditto/loop/cancel", ("r1", "n1"))) == [CancelJob("r1")]


def test_a_refused_request_frees_its_id() -> None:
    """What is wrong is told in a sentence, and the mended request may have the same id."""
    desk = Desk()
    desk.say(*PIECES, ENCODED.commit)
    (error,) = sent(desk.part.refused("r1", BadInputError("There is no such file."), 2.0))
    assert (error.path, error.values[2]) == ("/ditto/error", "There is no such file.")
    assert [type(effect) for effect in desk.say(*PIECES, ENCODED.commit)] == [Prepare]


def test_the_id_of_another_client_is_refused() -> None:
    """Neither a commit nor a cancel reaches a request of somebody else."""
    desk = Desk()
    desk.clients.add(ClientState("other", "n2", "127.0.0.1", 9_001, 0.0))
    desk.say(*PIECES, ENCODED.commit)
    for datagram in (encode_request(REQUEST, "n2").commit, encode("/ditto/loop/cancel", ("r1", "n2"))):
        with pytest.raises(OscError, match="another device"):
            desk.say(datagram)

"""Datagrams to a device: as much as fits, and always an end."""

from fractions import Fraction

import pytest

from bridge.osc import outgoing
from bridge.osc.addresses import MAX_DATAGRAM_BYTES
from bridge.osc.codec import OscMessage, decode
from bridge.session.effects import Delivered
from engine.events import Accepted, Cancelled, Done, Failed, Progress, Superseded
from engine.request import Curve, Point


def heard(datagram: bytes) -> OscMessage:
    assert len(datagram) <= MAX_DATAGRAM_BYTES
    (message,) = decode(datagram, "bridge")
    return message


def delivered(number: int = 0, path: str = "/takes/a.wav", **fields: object) -> Delivered:
    usual = {"take_id": f"t{number}", "take": number, "path": path, "bars": 4, "tempo_bpm": "120"}
    more = {"time_signature": "4/4", "samples": 8, "sample_rate": 44_100}
    return Delivered(**(usual | more | fields))  # type: ignore[arg-type]


def test_of_many_sentences_as_many_as_fit_are_told_once_each() -> None:
    """A model that says the same twice is heard once, and long sentences cost the last ones, not the message."""
    event = Accepted(request_id="r", queue_position=2, notes=("Twice.", "x" * 900))
    message = heard(outgoing.accepted(event, ("Twice.", *(f"{n} {'y' * 900}" for n in range(9)))))
    sentences = [group[0] for group in message.groups]
    assert message.values == ("r", 2)
    assert sentences[0] == "Twice."
    assert 1 < len(sentences) == len(set(sentences)) < 10


def test_losses_that_are_no_numbers_are_left_out() -> None:
    """A device is never sent what OSC cannot hold."""
    event = Progress(
        request_id="r", take=0, step=3, steps=9, seconds_left=1.0, losses={"a": 0.5, "b": float("inf"), "c": 1e39}
    )
    assert heard(outgoing.progress(event, -7.0)).groups == (("a", 0.5),)


def test_a_take_with_a_long_path_is_told_without_the_rest() -> None:
    """The path is what matters: scores and notes go where all do not fit."""
    notes = tuple("z" * 300 for _ in range(9))
    scores = {f"score-{number}": 1.0 for number in range(30)}
    message = heard(outgoing.take("r", delivered(path="/" + "p" * 1_000, notes=notes, scores=scores)))
    assert message.values[3] == "/" + "p" * 1_000
    stems = [heard(one).path for one in outgoing.landed("r", delivered(stems=(("bass", "/b.wav"),)))]
    assert stems == ["/ditto/take", "/ditto/stem"]


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (Done(request_id="r", takes=1), "/ditto/done"),
        (Cancelled(request_id="r"), "/ditto/cancelled"),
        (Superseded(request_id="r", by="other"), "/ditto/superseded"),
        (Failed(request_id="r", code="", sentence="It failed.", remedy=""), "/ditto/error"),
    ],
)
def test_each_end_has_its_message(event: outgoing.End, path: str) -> None:
    """Also one that another version sends without a code."""
    assert heard(outgoing.end(event, {0: delivered()})).path == path


def test_an_end_without_a_take_is_an_error() -> None:
    """Done with nothing on disk would leave a device waiting for a clip; the best take there is counts otherwise."""
    assert heard(outgoing.end(Done(request_id="r", takes=1), {})).path == "/ditto/error"
    message = heard(outgoing.end(Done(request_id="r", takes=2, best=1), {0: delivered(0)}))
    assert message.values[2:4] == (0, "t0")


def test_a_long_lane_comes_in_chunks_that_are_counted() -> None:
    """No point is lost or doubled; an empty part of a lane is one chunk."""
    points = tuple(Point(Fraction(n), float(n)) for n in range(701))
    chunks = [heard(one) for one in outgoing.lane_curve("n", "0:701", 5, Curve(points=points))]
    assert [chunk.values[-2:] for chunk in chunks] == [(0, 3), (1, 3), (2, 3)]
    assert [group[0] for chunk in chunks for group in chunk.groups] == [float(n) for n in range(701)]


def test_an_engine_that_does_not_answer_is_a_state() -> None:
    """With the reason, where it is known."""
    assert heard(outgoing.state(None)).values[0] == "no_engine"
    assert heard(outgoing.state(None, "It is off.")).values[2] == "It is off."

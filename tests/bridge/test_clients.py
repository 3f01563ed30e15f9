"""Clients and requests of a session: who is there, and what is said again."""

import pytest

from bridge.osc.codec import OscError, OscMessage, Value
from bridge.session.clients import CLIENT_SECONDS, MAX_CLIENTS, Clients
from bridge.session.effects import Delivered, Send
from bridge.session.state import ClientState, RequestPhase, RequestState
from engine.errors import BadInputError
from engine.events import Done


def client(nonce: str, *, seen: float = 0.0, port: int = 9000) -> ClientState:
    return ClientState(f"instance of {nonce}", nonce, "127.0.0.1", port, seen)


def test_the_one_that_was_silent_longest_makes_room() -> None:
    """However many say hello, so many are kept, and the new one is among them."""
    clients = Clients()
    for number in range(MAX_CLIENTS):
        clients.add(client(f"n{number}", seen=float(number + 1)))
    clients.add(client("n5", seen=9_999.0))
    assert len(clients) == MAX_CLIENTS
    clients.add(client("new", seen=0.5))
    assert len(clients) == MAX_CLIENTS
    assert "new" in clients
    assert "n0" not in clients


def test_who_does_not_say_hello_is_forgotten_and_has_to_say_it_first() -> None:
    """Half a minute of silence is the end; a message of a stranger is refused with what to do."""
    clients = Clients()
    clients.add(client("a", seen=0.0))
    clients.forget_silent(CLIENT_SECONDS)
    assert clients.require("a").nonce == "a"
    assert clients.nonce_of("instance of a") == "a"
    clients.forget_silent(CLIENT_SECONDS + 1)
    with pytest.raises(OscError) as refused:
        clients.require("a")
    assert "hello" in refused.value.remedy
    assert clients.nonce_of("instance of a") == ""


def test_only_the_client_of_a_request_hears_of_it() -> None:
    """All hear of the engine; a request whose client has gone is told nobody."""
    clients = Clients()
    clients.add(client("a", port=1))
    clients.add(client("b", port=2))
    state = RequestState("r", "instance of a", "a")
    assert list(clients.send(state, b"x", b"y")) == [Send("127.0.0.1", 1, b"x"), Send("127.0.0.1", 1, b"y")]
    assert [one.port for one in clients.broadcast(b"z") if isinstance(one, Send)] == [1, 2]
    clients.remove("a")
    assert list(clients.send(state, b"x")) == []


@pytest.mark.parametrize(
    ("path", "values", "meant"),
    [
        ("/ditto/loop/set", ("r", "prompt", "", "a"), ("r", 9_001)),
        ("/ditto/loop/set", ("", "prompt", "x", "a"), ("", 9_001)),
        ("/ditto/loop/set", (12.0, "prompt", "", 7.0), ("12", 9_007)),  # Max makes numbers of what looks like one
        ("/ditto/lane/watch", ("a", "", "", ""), ("", 9_001)),
        ("/ditto/loop/set", ("r", "prompt", "", "stranger"), None),
        ("/ditto/hello", (2, "", "new", 9_005), ("", 9_005)),
        ("/ditto/hello", (2.0, "", "", "", "new", 9_005.0), ("", 9_005)),
        ("/ditto/hello", (2, "desk", "a", ""), ("", 9_001)),
        ("/ditto/hello", (2, "desk", "new", 70_000), None),
    ],
)
def test_a_refused_message_is_answered_where_its_client_listens(
    path: str, values: tuple[Value, ...], meant: tuple[str, int] | None
) -> None:
    """By its nonce, wherever that stands; a hello says its port itself. A stranger is answered where it sent from."""
    clients = Clients()
    clients.add(client("a", port=9_001))
    clients.add(client("7", port=9_007))
    assert clients.reply_to_refused(OscMessage(path, values), "127.0.0.1") == meant
    assert path == "/ditto/hello" or clients.reply_to_refused(OscMessage(path, values), "10.0.0.1") is None


def test_what_is_said_again_is_in_order_and_reopening_forgets_the_end() -> None:
    """Acceptance, takes by number, end; a request whose take was not written waits once more as if it had no end."""
    state = RequestState("r", "i", "n", accepted=b"accepted")
    for number in (1, 0):
        state.takes[number] = Delivered(f"t{number}", number, "/a.wav", 4, "120", "4/4", 8, 44_100)
    state.end_with(b"end", 5.0, 0.5)
    said = state.said()
    assert said[0] == b"accepted"
    assert b"t0" in said[1]
    assert b"t1" in said[2]
    assert said[3] == b"end"
    state.final, state.unwritten = Done(request_id="r", takes=2), BadInputError("The disk is full.")
    state.reopen()
    assert state.phase is RequestPhase.SUBMITTED
    assert (state.end, state.final, state.unwritten, state.repeat_at) == (b"", None, None, float("inf"))

"""Watched lanes, taken alone: a curve for each save, and one error for a file that rests and cannot be read."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.codec import OscMessage, decode
from bridge.session.clients import Clients
from bridge.session.effects import CheckLane, Effect, Send, Stamp
from bridge.session.state import ClientState
from bridge.session.watches import Watches
from engine.errors import BadInputError, DittoError
from engine.request import Curve, Point

LANE, BEATS = "song.als#Lead/Filter/Frequency", "0:16"
BROKEN = BadInputError("The set is not whole.")
States = st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=30)  # which save lies there; can it be read


def a_curve(save: int) -> Curve:
    return Curve(points=(Point(Fraction(0), -float(save)),))


class Desk:
    """The part alone, with one client that watches a lane."""

    def __init__(self) -> None:
        clients = Clients()
        clients.add(ClientState("live", "n1", "127.0.0.1", 9_000, 0.0))
        self.part, self.now = Watches(clients), 0.0
        (self.check,) = self.part.watch(OscMessage("/ditto/lane/watch", ("n1", LANE, BEATS, 0)), "127.0.0.1", self.now)

    def look(self, stamp: Stamp, found: Curve | DittoError) -> list[OscMessage]:
        """Answer the check that is open as a disk would, and return what the client gets; the next check is open."""
        assert isinstance(self.check, CheckLane)
        effects: list[Effect] = list(self.part.seen(self.check, stamp, None if stamp == self.check.known else found))
        self.now += 1.0
        (self.check,) = self.part.tick(self.now)
        return [m for one in effects if isinstance(one, Send) for m in decode(one.datagram, "bridge")]


@given(States)
def test_each_save_is_told_once(states: list[tuple[int, bool]]) -> None:
    """A readable file is a curve when it has changed; a broken one is an error once, from the second look on."""
    desk, known, doubted = Desk(), 0, 0
    for save, readable in states:
        told = [m.path.rpartition("/")[2] for m in desk.look((save, 100), a_curve(save) if readable else BROKEN)]
        if save == known:
            expected = []
        elif readable:
            expected, known, doubted = ["curve"], save, 0
        elif doubted == save:
            expected, known, doubted = ["error"], save, 0
        else:
            expected, doubted = [], save
        assert told == expected


def test_a_client_that_lacks_the_curve_gets_it_again() -> None:
    """It names the mark of what it has; another mark than the last one is answered with the curve."""
    desk = Desk()
    (curve,) = desk.look((1, 100), a_curve(1))
    mark = int(curve.values[2])
    for known, copies in ((mark, 0), (0, 1), (mark + 1, 1)):
        message = OscMessage("/ditto/lane/watch", ("n1", LANE, BEATS, known))
        assert len(list(desk.part.watch(message, "127.0.0.1", desk.now))) == copies


def test_an_answer_about_another_lane_is_passed_over() -> None:
    """The client has chosen another one while the file was read."""
    desk = Desk()
    before = desk.check
    list(desk.part.watch(OscMessage("/ditto/lane/watch", ("n1", "other.als#A/B/C", BEATS, 0)), "127.0.0.1", desk.now))
    assert isinstance(before, CheckLane)
    assert list(desk.part.seen(before, (1, 100), a_curve(1))) == []

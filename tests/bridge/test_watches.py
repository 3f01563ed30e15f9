"""Lanes of saved sets are there again after each save, and nothing but whole sets is believed."""

import gzip
import os
import socket
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.addresses import MAX_DATAGRAM_BYTES
from bridge.osc.codec import OscError, OscMessage, decode, encode
from bridge.requests.live_lane import LaneReference, read_lane
from bridge.requests.saved_lane import MAX_POINTS, check_lane
from bridge.session.effects import CheckLane, Effect, Send
from bridge.session.session import Session
from bridge.testing import Service
from engine.request import Curve, Point
from midi.live.testing import envelope_xml, max_device_xml, set_xml, track_xml

Points = list[tuple[float, float]]
NAME = "Lead/Ditto Live/Intensity"
RISE: Points = [(0.0, -30.0), (8.0, -14.0)]
FALL: Points = [(0.0, -14.0), (8.0, -30.0)]


def _set(points: Points) -> bytes:
    devices = max_device_xml("Ditto Live.amxd", "Intensity", 50, -60.0, 0.0)
    return gzip.compress(set_xml(track_xml("Lead", devices=devices, lanes=envelope_xml(50, points))), mtime=0)


def _save(path: Path, content: bytes) -> None:
    """Save as Live does: beside it, then renamed over it."""
    beside = path.with_suffix(".tmp")
    beside.write_bytes(content)
    beside.replace(path)


# -- the file


def test_a_changed_file_is_read_and_one_that_rests_is_not(tmp_path: Path) -> None:
    """The lane at first, nothing while the file is the same, the new lane after a save."""
    path = tmp_path / "song.als"
    _save(path, _set(RISE))
    stamp, found = check_lane(CheckLane("n", f"{path}#{NAME}", "0:8", None))
    assert found == read_lane(LaneReference(path, NAME), Fraction(8))
    assert check_lane(CheckLane("n", f"{path}#{NAME}", "0:8", stamp)) == (stamp, None)
    _save(path, _set(FALL))
    os.utime(path, ns=(stamp[0] + 1, stamp[0] + 1))  # in the same second
    later, found = check_lane(CheckLane("n", f"{path}#{NAME}", "0:8", stamp))
    assert later != stamp
    assert isinstance(found, Curve)
    assert [(float(p.beat), p.value) for p in found.points] == FALL


def test_only_a_file_is_opened(tmp_path: Path) -> None:
    """A pipe would never end, a folder is no set; both are said, and so is what is not there."""
    os.mkfifo(tmp_path / "pipe.als")
    (tmp_path / "folder.als").mkdir()
    for name, words in (("pipe", "not a file"), ("folder", "not a file"), ("gone", "cannot be read")):
        found = check_lane(CheckLane("n", f"{tmp_path / name}.als#{NAME}", "0:8", None))[1]
        assert words in str(getattr(found, "sentence", "")), name


@pytest.mark.parametrize("beats", ["", "8", "8:0", "-1:4", "nan:4", "0:1e9", "0:1e999999999", "x:y"])
def test_beats_that_mean_nothing_are_said(tmp_path: Path, beats: str) -> None:
    """Whatever a client sends as beats ends in a sentence."""
    path = tmp_path / "song.als"
    _save(path, _set(RISE))
    found = check_lane(CheckLane("n", f"{path}#{NAME}", beats, None))[1]
    assert getattr(found, "sentence", "")


def test_a_lane_of_many_points_is_thinned_to_what_is_sent(tmp_path: Path) -> None:
    """A hand on a fader for an hour gives more points than anybody sees."""
    path = tmp_path / "song.als"
    _save(path, _set([(n / 100, -30 + (n * 7919 % 160) / 10) for n in range(6_000)]))
    found = check_lane(CheckLane("n", f"{path}#{NAME}", "0:60", None))[1]
    assert isinstance(found, Curve)
    assert 2 <= len(found.points) <= MAX_POINTS


# -- the session


class Desk:
    """A session with one client, and a clock."""

    def __init__(self) -> None:
        self.session = Session("bridge", "1")
        self.now = 100.0
        self.say("/ditto/hello", 1, "live", "n1", 9_000)

    def say(self, path: str, *values: object) -> list[Effect]:
        (message,) = decode(encode(path, values))  # type: ignore[arg-type]
        return list(self.session.receive(message, "127.0.0.1", self.now))

    def watch(self, lane: str = "a.als#x", beats: str = "0:4", known: int = 0) -> list[Effect]:
        return self.say("/ditto/lane/watch", "n1", lane, beats, known)

    def tick(self, seconds: float = 1.0) -> list[Effect]:
        self.now += seconds
        return list(self.session.tick(self.now))

    def check(self) -> CheckLane:
        (check,) = [effect for effect in self.tick() if isinstance(effect, CheckLane)]
        return check


def _sent(effects: list[Effect]) -> list[OscMessage]:
    return [m for effect in effects if isinstance(effect, Send) for m in decode(effect.datagram, "bridge")]


CURVE = Curve(points=(Point(Fraction(0), -20.0), Point(Fraction(4), -10.0)))
DAMAGED = OscError("a.als is damaged.")


def test_a_lane_is_looked_at_once_a_second_and_never_twice_at_a_time() -> None:
    """A disk that hangs gets no second look on top."""
    desk = Desk()
    (first,) = desk.watch()
    assert isinstance(first, CheckLane)
    assert desk.tick() == []
    list(desk.session.lane_seen(first, (1, 1), CURVE))
    assert desk.check().known == (1, 1)


def test_every_save_sends_the_curve_and_a_client_that_lost_it_gets_it_again() -> None:
    """The mark says which curve has arrived; the same one is not sent in vain."""
    desk = Desk()
    (check,) = desk.watch()
    assert isinstance(check, CheckLane)
    (told,) = _sent(list(desk.session.lane_seen(check, (1, 1), CURVE)))
    assert (told.path, told.values[:2], told.groups) == ("/ditto/lane/curve", ("n1", "0:4"), ((0, -20), (4, -10)))
    mark = int(told.values[2])
    assert _sent(desk.watch()) == [told]
    assert desk.watch(known=mark) == []
    again = desk.check()
    assert _sent(list(desk.session.lane_seen(again, (2, 1), CURVE))) == [told]


def test_a_set_that_is_being_written_is_read_again_and_a_damaged_one_is_one_sentence() -> None:
    """Nothing is said at the first look, one sentence at the second, none after; the next save counts again."""
    desk = Desk()
    desk.watch()
    desk.now += 1
    said: list[str] = []
    for stamp in ((1, 1), (2, 9), (2, 9), (2, 9), (3, 4)):
        check = CheckLane("n1", "a.als#x", "0:4", None)
        found = CURVE if stamp == (3, 4) else DAMAGED if len(said) == 0 else None
        said += [message.path for message in _sent(list(desk.session.lane_seen(check, stamp, found)))]
    assert said == ["/ditto/error", "/ditto/lane/curve"]


def test_a_watch_ends_with_an_empty_lane_another_lane_or_the_session() -> None:
    """What comes late of the old lane is not sent as the new one."""
    desk = Desk()
    (old,) = desk.watch()
    (new,) = desk.watch(lane="b.als#x")
    assert isinstance(old, CheckLane)
    assert isinstance(new, CheckLane)
    assert list(desk.session.lane_seen(old, (1, 1), CURVE)) == []
    assert _sent(list(desk.session.lane_seen(new, (1, 1), CURVE)))
    desk.watch(lane="")
    assert desk.tick() == []
    desk.watch()
    desk.say("/ditto/bye", "n1")
    assert desk.tick() == []
    with pytest.raises(OscError, match="hello"):
        desk.watch()


@given(st.lists(st.floats(-60, 0), min_size=1, max_size=MAX_POINTS))
def test_any_curve_fits_its_datagrams(values: list[float]) -> None:
    """All points arrive, in order, in chunks that Max takes."""
    desk = Desk()
    (check,) = desk.watch()
    assert isinstance(check, CheckLane)
    curve = Curve(points=tuple(Point(Fraction(n, 4), value) for n, value in enumerate(values)))
    effects = list(desk.session.lane_seen(check, (1, 1), curve))
    assert all(len(effect.datagram) <= MAX_DATAGRAM_BYTES for effect in effects if isinstance(effect, Send))
    told = _sent(effects)
    assert [message.values[4] for message in told] == list(range(int(told[0].values[5])))
    assert [value for message in told for _, value in message.groups] == pytest.approx(values, abs=1e-4)


# -- a real bridge and real saves


def _heard(device: socket.socket, path: str) -> Iterator[OscMessage]:
    while True:
        yield from (message for message in decode(device.recv(65_535), "bridge") if message.path == path)


def test_after_each_save_the_lane_is_there(service: Service, tmp_path: Path) -> None:
    """Saved twice by rename, then damaged, then saved whole: two lanes, one sentence, a third lane."""
    path = tmp_path / "mein Lied.als"
    _save(path, _set(RISE))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.1", 0))
        device.settimeout(30)
        device.connect(("127.0.0.1", service.port))
        device.send(encode("/ditto/hello", (1, "live-w", "watcher", device.getsockname()[1])))
        next(_heard(device, "/ditto/welcome"))
        device.send(encode("/ditto/lane/watch", ("watcher", f"{path}#{NAME}", "0:8", 0)))
        first = next(_heard(device, "/ditto/lane/curve"))
        assert list(first.groups) == RISE
        _save(path, _set(FALL))
        second = next(_heard(device, "/ditto/lane/curve"))
        assert list(second.groups) == FALL
        assert second.values[2] != first.values[2]
        _save(path, _set(RISE)[:-40])
        assert "mein Lied.als" in str(next(_heard(device, "/ditto/error")).values[2])
        _save(path, _set(RISE))
        third = next(_heard(device, "/ditto/lane/curve"))
        assert third.values == first.values
        device.send(encode("/ditto/bye", ("watcher",)))

"""Requests and events to bytes and back: the same, or refused in a sentence."""

import random
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadRequestError
from engine.events import Accepted, Cancelled, Done, Event, Failed, Progress, Sound, Superseded, Take
from engine.request import Audio, Budget, Control, Curve, LoopRequest, Notes, Onsets, Point, Start, Words
from engine.service import wire
from midi.grooves.rhythm import Onset
from midi.notes import Note
from midi.tempo import Meter

beats = st.fractions(0, 16, max_denominator=960)
levels = st.floats(-60, 0)
points = st.lists(st.builds(Point, beats, levels), min_size=1, max_size=8).map(
    lambda found: tuple(sorted(found, key=lambda point: point.beat))
)
lengths = st.fractions(Fraction(1, 16), 4, max_denominator=960)
targets = st.one_of(
    st.builds(Curve, points=points, unit=st.sampled_from(["db", "hz", "unit"])),
    st.builds(Notes, notes=st.lists(st.builds(Note, st.integers(0, 127), beats, lengths), max_size=5).map(tuple)),
    st.builds(Onsets, onsets=st.lists(st.builds(Onset, beats, st.floats(0, 1)), max_size=5).map(tuple)),
    st.builds(Words, text=st.text(max_size=20)),
    st.builds(Audio, samples=st.binary(min_size=1, max_size=8).map(lambda b: b * 8), sample_rate=st.just(44_100)),
)
controls = st.builds(Control, kind=st.text(max_size=20), target=targets, weight=st.floats(0.01, 1000))
requests = st.builds(
    LoopRequest,
    prompt=st.text(max_size=50),
    tempo_bpm=st.fractions(60, 999, max_denominator=1000),  # slower ones of 16 long bars are too large to be sent
    meter=st.sampled_from([Meter(4, 4), Meter(16, 4)]),
    bars=st.integers(4, 16),
    key=st.sampled_from([None, "A minor", "C# dorian"]),
    seed=st.integers(0, 2**53 - 1),
    count=st.integers(1, 8),
    budget=st.builds(Budget, steps=st.none() | st.integers(0, 100), seconds=st.none() | st.floats(0.1, 60)),
    controls=st.lists(controls, max_size=3).map(tuple),
    start=st.none() | st.builds(Start, noise=st.binary(max_size=20), variation=st.floats(0, 1)),
)
EVENTS: list[Event] = [
    Accepted(request_id="a", notes=("Half time.",), queue_position=2),
    Progress(request_id="a", take=0, step=3, steps=10, seconds_left=1.5, losses={"melody": 0.25}),
    Take(
        request_id="a",
        take=1,
        sound=Sound(samples=bytes(8), sample_rate=44_100),
        scores={"seam_ratio": None},
        noise=b"x",
        record={"model": "pocket"},
    ),
    Done(request_id="a", takes=2, best=1),
    Cancelled(request_id="a"),
    Superseded(request_id="a", by="b"),
    Failed(request_id="a", code="model", sentence="No.", remedy="Yes."),
]


@given(requests)
def test_a_request_comes_back_the_same(request: LoopRequest) -> None:
    """Every field survives msgpack and JSON exactly, thirds of beats too."""
    assert wire.decode_request(wire.encode(request)) == request
    assert wire.from_json(wire.to_json(request), LoopRequest) == request


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_its_own_kind(event: Event) -> None:
    """The tag tells one kind from another."""
    assert wire.decode_event(wire.encode(event)) == event


@settings(max_examples=300)
@given(st.binary(max_size=400).filter(lambda data: data != b"\x80"))
def test_noise_on_the_line_is_refused_in_our_own_words(data: bytes) -> None:
    """Random bytes give `BadRequestError` and nothing else; the one byte of an empty map asks for the default loop."""
    for decode in (wire.decode_request, wire.decode_event):
        with pytest.raises(BadRequestError):
            decode(data)


@settings(max_examples=75)
@given(requests, st.integers(0, 2**32 - 1))
def test_a_damaged_request_is_valid_or_refused(request: LoopRequest, seed: int) -> None:
    """Cut or with bytes changed in eight ways, a message is either a valid request or a `BadRequestError`."""
    whole, draw = wire.encode(request), random.Random(seed)
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 5)):
            damaged[draw.randrange(len(whole))] = draw.randrange(256)
        try:
            decoded = wire.decode_request(bytes(damaged[: draw.choice((len(whole), draw.randint(1, len(whole))))]))
        except BadRequestError:
            continue
        assert decoded.samples > 0


@pytest.mark.parametrize("number", ["1e999999999", "nan", "inf", "1/0", "--1", "9" * 100, "", True, None, [1], {}])
def test_a_tempo_that_is_no_number_is_refused_at_once(number: object) -> None:
    """A short text can stand for a billion digits; nobody writes them out."""
    with pytest.raises(BadRequestError):
        wire.decode_request(msgspec.msgpack.encode({"tempo_bpm": number}))


def test_decimals_stay_the_numbers_that_were_written() -> None:
    """93.7 is 937/10, as text and as a float."""
    for written in ("93.7", "937/10", 93.7):
        assert wire.decode_request(msgspec.msgpack.encode({"tempo_bpm": written})).tempo_bpm == Fraction(937, 10)


def test_what_nobody_defined_is_refused_by_name() -> None:
    """A field from another version is not dropped in silence."""
    with pytest.raises(BadRequestError, match="loudness"):
        wire.decode_request(msgspec.msgpack.encode({"loudness": 11}))
    with pytest.raises(BadRequestError, match=r"Bars may be 1 to 16"):
        wire.decode_request(msgspec.msgpack.encode({"bars": 99}))


def test_only_our_own_types_travel() -> None:
    """A set or an open file has no place in a message."""
    with pytest.raises(TypeError, match="no place on the wire"):
        wire.encode({"what": object()})


@given(requests, st.text(st.characters(categories=["Cs"]), min_size=1, max_size=1))
def test_half_a_letter_goes_as_a_sign_and_all_else_as_it_is(request: LoopRequest, half: str) -> None:
    """A sentence or a path may name a file whose name is not UTF-8: no take is lost for that, by either way."""
    broken, whole = (msgspec.structs.replace(request, prompt=f"caf{sign}.mid") for sign in (half, "\ufffd"))
    assert wire.decode_request(wire.encode(broken)) == whole
    assert wire.from_json(wire.to_json(broken), LoopRequest) == whole
    assert msgspec.msgpack.decode(wire.encode({half: [half, b"\x00\xff"]})) == {"\ufffd": ["\ufffd", b"\x00\xff"]}

"""A request that exists is valid; what is not gets one sentence."""

import math
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import BadRequestError, DittoError
from engine.request import (
    LAYERS,
    MAX_SOUND_BYTES,
    Audio,
    Budget,
    Control,
    Curve,
    LoopRequest,
    Method,
    Notes,
    Point,
    Quality,
    Start,
    Words,
    new_id,
)
from engine.service import wire
from midi.tempo import Meter

METERS = [Meter(4, 4), Meter(3, 4), Meter(5, 4), Meter(6, 8), Meter(7, 8), Meter(12, 8), Meter(1, 1)]


def curve(*pairs: tuple[float, float]) -> Curve:
    """Return a curve in dB."""
    return Curve(points=tuple(Point(Fraction(beat).limit_denominator(), value) for beat, value in pairs))


@given(
    st.integers(1, 16),
    st.sampled_from(METERS),
    st.decimals(20, 999, places=2).map(Fraction) | st.just(Fraction(937, 10)),
    st.sampled_from([8_000, 44_100, 48_000, 96_000, 192_000]),
)
def test_a_loop_is_as_long_as_the_formula_says(bars: int, meter: Meter, tempo_bpm: Fraction, rate: int) -> None:
    """round(bars * 4 * num/den * 60 / bpm * sample_rate), rounded once."""
    exact = Fraction(bars * 4 * meter.numerator * 60 * rate, meter.denominator) / tempo_bpm
    assume(8 * round(exact) <= MAX_SOUND_BYTES)
    request = LoopRequest(bars=bars, meter=meter, tempo_bpm=tempo_bpm, sample_rate=rate)
    assert request.samples == round(exact)
    assert math.isclose(request.seconds * rate, exact, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("bars", 0, "Bars may be 1 to 16, not 0."),
        ("seed", -1, "Seed may be 0 to 9,007,199,254,740,991, not -1."),
        ("seed", 2**53, "Seed may be 0 to 9,007,199,254,740,991, not 9,007,199,254,740,992."),
        ("seed", 10**4_000, "Seed may be 0 to 9,007,199,254,740,991, not something far larger."),
        ("bars", 17, "Bars may be 1 to 16, not 17."),
        ("tempo_bpm", Fraction(19), "Tempo may be 20 to 999 BPM, not 19."),
        ("tempo_bpm", Fraction(1000), "Tempo may be 20 to 999 BPM, not 1,000."),
        ("count", 0, "Count may be 1 to 8, not 0."),
        ("count", 9, "Count may be 1 to 8, not 9."),
        ("seed", -1, "Seed may be 0 to"),
        ("seed", 2**53, "Seed may be 0 to"),
        ("sample_rate", 4_000, "Sample rate may be 8,000 to 192,000 Hz"),
        ("key", "H major", "is not a key"),
        ("prompt", "x" * 2001, "The prompt has 2001 characters; it may have 2000."),
        ("request_id", "../../etc", "A request id is"),
        ("request_id", "", "A request id is"),
    ],
)
def test_a_value_that_is_not_allowed_is_said_with_what_is(field: str, value: object, sentence: str) -> None:
    """The sentence names the field, the value and the range."""
    with pytest.raises(DittoError) as error:
        LoopRequest(**{field: value})  # type: ignore[arg-type]
    assert sentence in error.value.sentence
    assert error.value.remedy


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], "at least one breakpoint"),
        ([(0, math.nan)], "The value at beat 0 is nan"),
        ([(0, math.inf)], "The value at beat 0 is inf"),
        ([(4, -20), (2, -20)], "Beat 2 comes after 4"),
    ],
)
def test_a_curve_without_a_meaning_is_refused(pairs: list[tuple[float, float]], sentence: str) -> None:
    """No points, no number, or time that runs back."""
    with pytest.raises(BadRequestError, match=sentence):
        curve(*pairs)


@pytest.mark.parametrize(
    "pairs", [[(0, -20)], [(3.5, -20)], [(0, -20), (16, -20)], [(4, -9), (4, -30)], [(0, -math.inf)]]
)
def test_one_breakpoint_flat_curves_jumps_and_silence_are_fine(pairs: list[tuple[float, float]]) -> None:
    """What a producer may well draw is allowed."""
    control = Control(kind="intensity", target=curve(*pairs))
    assert LoopRequest(controls=(control,)).controls == (control,)


@pytest.mark.parametrize("beat", [-1.0, 16.5, 400.0])
def test_a_breakpoint_outside_the_loop_is_said_with_the_loops_beats(beat: float) -> None:
    """The sentence has the beat and where the loop ends."""
    with pytest.raises(BadRequestError, match=rf"beat {beat:g}; this loop has beats 0 to 16"):
        LoopRequest(controls=(Control(kind="intensity", target=curve((beat, -20))),))


def test_a_range_of_beats_must_lie_in_the_loop() -> None:
    """A control that holds where the loop has ended is a slip."""
    with pytest.raises(BadRequestError, match="must rise from 0"):
        Control(kind="melody", target=Notes(notes=()), within=(Fraction(8), Fraction(4)))
    late = Control(kind="melody", target=Notes(notes=()), within=(Fraction(8), Fraction(32)))
    with pytest.raises(BadRequestError, match="are 8:32, but the loop ends at 16"):
        LoopRequest(controls=(late,))


@pytest.mark.parametrize("weight", [0.0, -1.0, 1001.0, math.nan, math.inf])
def test_a_weight_counts_for_something(weight: float) -> None:
    """Above 0, and finite."""
    with pytest.raises(BadRequestError, match="above 0 up to 1000"):
        Control(kind="melody", target=Notes(notes=()), weight=weight)


@pytest.mark.parametrize("limit", [{"steps": -1}, {"steps": 10_001}, {"seconds": 0.0}, {"seconds": math.nan}])
def test_a_budget_has_limits(limit: dict[str, float]) -> None:
    """A search may be short or long, but not endless or less than nothing."""
    with pytest.raises(BadRequestError, match="may be"):
        Budget(**limit)  # type: ignore[arg-type]


@pytest.mark.parametrize("variation", [-0.1, 1.1, math.nan])
def test_a_variation_is_a_share(variation: float) -> None:
    """0 is the take itself, 1 is another."""
    with pytest.raises(BadRequestError, match="Variation may be 0 to 1"):
        Start(noise=b"", variation=variation)


@pytest.mark.parametrize(
    "wrong", [{"samples": b""}, {"samples": b"12345"}, {"channels": 3}, {"sample_rate": 100}, {"sample_rate": 10**6}]
)
def test_reference_audio_is_whole_frames_of_one_or_two_channels(wrong: dict[str, object]) -> None:
    """Eight bytes are one frame of stereo."""
    right = {"samples": bytes(8), "sample_rate": 44_100, "channels": 2}
    assert Audio(**right).channels == 2  # type: ignore[arg-type]
    with pytest.raises(BadRequestError):
        Audio(**right | wrong)  # type: ignore[arg-type]


def test_a_changed_request_is_checked_again() -> None:
    """`replace` cannot smuggle in what the constructor refuses."""
    with pytest.raises(BadRequestError, match="Bars"):
        msgspec.structs.replace(LoopRequest(), bars=0)


@given(st.sampled_from(Method), st.sampled_from(Quality))
def test_a_method_is_a_member_whether_it_was_written_or_sent(method: Method, quality: Quality) -> None:
    """From Python, msgpack and JSON a name becomes the same member, and it travels as its name."""
    named = LoopRequest(method=method.value, quality=quality.value, seed=1, request_id="r")  # type: ignore[arg-type]
    sent = wire.decode_request(wire.encode(named))
    for request in (named, sent, wire.from_json(wire.to_json(named), LoopRequest)):
        assert request.method is method
        assert request.quality is quality
    plain = msgspec.msgpack.decode(wire.encode(named))
    assert (plain["method"], plain["quality"]) == (method.value, quality.value)
    assert wire.to_json(named) == wire.to_json(msgspec.structs.replace(named, method=method, quality=quality))


@pytest.mark.parametrize("name", ["magic", "", "Draft", None, 3, []])
def test_a_method_that_nobody_has_is_refused_with_the_names(name: object) -> None:
    """In Python and on the wire; the names are listed to whoever wrote it."""
    for field, names in (("method", Method), ("quality", Quality)):
        with pytest.raises(BadRequestError) as fault:
            LoopRequest(**{field: name})  # type: ignore[arg-type]
        assert fault.value.sentence == f"{field} of LoopRequest is {name!r}; write {', '.join(names)}."
        with pytest.raises(BadRequestError, match=field):
            wire.decode(msgspec.msgpack.encode({field: name}), LoopRequest)


def test_ids_do_not_meet() -> None:
    """A thousand requests have a thousand ids, each fit for a file's name."""
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(LoopRequest(request_id=one).request_id == one for one in list(ids)[:10])


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"tempo_bpm": 20, "bars": 16, "meter": Meter(16, 4), "sample_rate": 44_100}, False),
        ({"tempo_bpm": 20, "bars": 16, "sample_rate": 176_400}, False),
        ({"tempo_bpm": 20, "bars": 16, "sample_rate": 44_100}, True),
        ({"tempo_bpm": 20, "bars": 8, "sample_rate": 192_000}, True),
    ],
)
def test_a_loop_whose_take_no_message_holds_is_refused(fields: dict[str, Any], allowed: bool) -> None:
    """It would be made and never arrive; the sentence says how much it takes and what to change."""
    fields = fields | {"tempo_bpm": Fraction(fields["tempo_bpm"])}
    if allowed:
        assert 8 * LoopRequest(**fields).samples <= MAX_SOUND_BYTES
        return
    with pytest.raises(BadRequestError, match="240 MB is the most"):
        LoopRequest(**fields)


FORM = Words(text="AB")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"layers": ["guitar"]}, "layers names 'guitar', which is no layer."),
        ({"layers": 3}, "layers of LoopRequest is 3; write names of layers such as drums, bass."),
        ({"layers": "mix, bass"}, "The full mix is one sound and has no layers beside it."),
        ({"layers": "mix", "stems": True}, "stems needs layers, and the full mix has none."),
        ({"layers": "mix", "chords": "Am"}, "chords needs layers, and the full mix has none."),
        (
            {"layers": "mix", "beside": Audio(samples=bytes(8), sample_rate=44_100)},
            "A recording beside the loop needs layers, and the full mix has none.",
        ),
        ({"layers": "drums", "mute": "bass"}, "mute names bass, but the layers are drums."),
        ({"layers": "drums", "mute": "drums"}, "All layers are muted, so that nothing would be heard."),
        ({"mute": LAYERS}, "All layers are muted, so that nothing would be heard."),
        ({"again": "bass"}, "again bass makes layers of an earlier take anew, and no take is given."),
        ({"chords": "H"}, "'H' is not a chord that is known here."),
        ({"chords": "i VI"}, "'i' is a degree of a key, and no key is given."),
        ({"chords": "Am | F | C"}, "The chords have 3 bars, which a loop of 4 does not hold a whole number of times."),
        ({"chords": 5}, "chords of LoopRequest is 5; write a text."),
        ({"beside": 5}, "beside of LoopRequest is 5; write reference audio."),
        ({"budget": {"steps": 3}}, "budget of LoopRequest is {'steps': 3}; write a Budget"),
        ({"start": b"noise"}, "start of LoopRequest is b'noise'; write a Start"),
        ({"stems": 1}, "stems of LoopRequest is 1; write True or False."),
        ({"stems": True, "bars": 16, "tempo_bpm": 20}, "With stems a loop of 192 s at 44,100 Hz takes 388 MB"),
    ],
)
def test_layers_that_cannot_be_are_refused_in_a_sentence(fields: dict[str, Any], sentence: str) -> None:
    """What is wrong with layers, chords and what goes with them is said when the request is made."""
    with pytest.raises(DittoError) as error:
        LoopRequest(**fields)
    assert error.value.sentence.startswith(sentence)


@pytest.mark.parametrize("layers", ["drums", "mix"])
def test_a_control_is_given_to_layers_that_the_loop_has(layers: str) -> None:
    """A control on a layer that the request leaves out is refused."""
    control = Control(kind="melody", target=FORM, on=("lead",))
    with pytest.raises(DittoError, match="The control melody"):
        LoopRequest(controls=(control,), layers=(layers,))
    assert LoopRequest(controls=(control,), layers=(layers, "lead") if layers != "mix" else ())


@given(st.lists(st.sampled_from([str(layer) for layer in LAYERS])))
def test_layers_stand_in_their_order_once(names: list[str]) -> None:
    """A list and a text with commas make the same layers, each once, in the order in which they are sampled."""
    request = LoopRequest(layers=names)  # type: ignore[arg-type]
    assert request.layers == tuple(layer for layer in LAYERS if layer in names)
    assert LoopRequest(layers=", ".join(names)).layers == request.layers  # type: ignore[arg-type]


def test_a_request_of_an_earlier_build_has_no_layers() -> None:
    """A request without the fields of layers decodes, and its layers are open."""
    plain = msgspec.json.decode(wire.to_json(LoopRequest(seed=1)))
    earlier = {name: plain[name] for name in plain if name not in ("layers", "chords", "again", "mute", "stems")}
    earlier.pop("beside")
    assert wire.from_json(msgspec.json.encode(earlier), LoopRequest).layers == ()


def test_degrees_may_wait_for_a_key_in_the_prompt() -> None:
    """Roman numerals need a key: the request's, or one that the prompt may hold."""
    assert LoopRequest(chords="i VI", key="A minor").chords == "i VI"
    assert LoopRequest(chords="i VI", prompt="house in A minor").chords == "i VI"

"""A request written as settings and read again is the same request."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.requests.fields import BY_NAME
from bridge.requests.reader import read_request
from bridge.requests.written import exact_text, settings_of
from engine.request import LAYERS, Budget, LoopRequest, Method, Quality
from midi.tempo import Meter

PROMPTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(
    prompt=PROMPTS,
    negative_prompt=PROMPTS | st.just(""),
    tempo_bpm=st.fractions(20, 999, max_denominator=1_000),
    meter=st.builds(Meter, st.integers(2, 12), st.sampled_from([4, 8])),
    bars=st.integers(1, 4),
    seed=st.integers(0, 2**53 - 1),
    count=st.integers(1, 8),
    quality=st.sampled_from(Quality),
    method=st.sampled_from(sorted({*Method} - {Method.DITTO_PAPER})),
    layers=st.sets(st.sampled_from([layer.value for layer in LAYERS]), min_size=2),
    loop=st.booleans(),
    stems=st.booleans(),
    sample_rate=st.sampled_from([8_000, 44_100, 48_000]),
    budget=st.builds(
        Budget, steps=st.none() | st.integers(0, 99), seconds=st.none() | st.floats(0.5, 99),
        until_tolerance=st.booleans(), plain_start=st.booleans(),
    ),
)  # fmt: skip
@settings(max_examples=50)
def test_settings_ask_for_the_request_that_they_are_of(layers: set[str], **fields: object) -> None:
    """Every scalar field comes back, whatever it holds; none of them needs a setting that does not exist."""
    request = LoopRequest(layers=tuple(layers), mute=tuple(sorted(layers)[:1]), key="A minor", **fields)  # type: ignore[arg-type]
    texts = settings_of(request)
    assert set(texts) <= set(BY_NAME)
    assert read_request(texts, request_id=request.request_id).request == request


@given(st.fractions(-(10**6), 10**6))
@settings(max_examples=50)
def test_a_fraction_is_written_exactly(value: Fraction) -> None:
    """As a decimal where there is one, else as a fraction."""
    assert Fraction(exact_text(value)) == value

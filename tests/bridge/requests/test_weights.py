"""A control's strength over time: read from settings, sent on, and counted frame by frame."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.request import weight_text
from bridge.requests.fields import Frontend
from bridge.requests.reader import read_request
from engine import controls
from engine.curves import asked
from engine.errors import DittoError
from engine.request import Control, Curve, LoopRequest

FRAMES = 64


def read(**settings: str) -> LoopRequest:
    named = {"intensity": "0:-30 16:-12", **{name.replace("_", "."): text for name, text in settings.items()}}
    return read_request(named, {}, frontend=Frontend.OSC, takes=None, request_id="a", instance="b").request


def context(control: Control) -> controls.Context:
    request = LoopRequest(controls=(control,), seed=1)
    return controls.Context(request=request, model=None, within=control.within, weight_curve=control.weight_curve)  # type: ignore[arg-type]


def curved(*points: tuple[float, float], **more: object) -> Control:
    return Control(kind="intensity", target=Curve([(0, -30), (16, -12)]), weight_curve=points, **more)  # type: ignore[arg-type]


def test_a_weight_may_be_a_curve() -> None:
    """Pairs of beat and weight are read like any curve, and a plain number as before."""
    (control,) = read(intensity_weight="0:1 8:0.25 16:1").controls
    assert [(float(point.beat), point.value) for point in control.weight_curve] == [(0, 1), (8, 0.25), (16, 1)]
    (plain,) = read(intensity_weight="2.5").controls
    assert (plain.weight, plain.weight_curve) == (2.5, ())


@given(st.lists(st.tuples(st.integers(0, 64), st.floats(0, 1000)), min_size=1, max_size=8), st.floats(0.01, 900))
def test_what_is_sent_is_read_back(rows: list[tuple[int, float]], weight: float) -> None:
    """The text of a curve of weights means the same weights to whoever reads it."""
    points = sorted({beat: value for beat, value in rows}.items())
    if not 0 < max(value for _, value in points) * weight <= 1000:
        return
    control = curved(*((beat / 4, value) for beat, value in points), weight=weight)
    (again,) = read(intensity_weight=weight_text(control)).controls
    wanted = [(point.beat, point.value * weight) for point in control.weight_curve]
    assert [(point.beat, point.value * again.weight) for point in again.weight_curve] == wanted


@given(st.floats(0.01, 1000))
def test_a_flat_curve_is_a_number(weight: float) -> None:
    """A curve that stays at one weight counts as that weight, everywhere alike."""
    made = context(curved((0, weight), (16, weight)))
    assert made.mean_weight == pytest.approx(weight)
    assert torch.allclose(made.frame_weights(FRAMES), torch.ones(FRAMES, dtype=torch.float64))


def test_frames_count_as_the_curve_says() -> None:
    """Full at its highest, less in proportion, nothing at 0 and outside the control's beats."""
    made = context(curved((0, 2), (8, 0), (12, 0), (16, 1), within=(0, 14)))
    found = made.frame_weights(FRAMES).numpy()
    assert found[0] == 1
    assert found[16] == pytest.approx(0.5)
    assert not found[32:48].any()
    assert not found[56:].any()
    free = ~asked(curved((0, 2), (8, 0), (12, 0), (16, 1)), LoopRequest(seed=1).beats, FRAMES)
    assert np.flatnonzero(free).tolist() == list(range(32, 49))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0:0 16:0", "is 0 all along"),
        ("0:-1", "it may be 0 to 1000"),
        ("0:1 20:1", "Beat 20 is outside the loop"),
        ("0:1 8:loud", "loud"),
        ("0", "above 0"),
    ],
)
def test_weights_that_cannot_be_are_refused_in_a_sentence(text: str, words: str) -> None:
    """A curve that leaves the control out, goes below 0 or leaves the loop."""
    with pytest.raises(DittoError, match=words) as refused:
        read(intensity_weight=text)
    assert refused.value.sentence.endswith(".")

"""The command line on a card asks for the same loop: read again, it is the same request."""

import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.cli.main import parse
from bridge.cli.options import typed_settings
from bridge.page.spelled import command_line
from bridge.requests.fields import Frontend
from bridge.requests.reader import read_request
from engine.request import Audio, Budget, Control, Curve, LoopRequest, Notes, Onsets, Point, Quality, Words
from midi.grooves.rhythm import Onset
from midi.notes import Note
from midi.tempo import Meter

BEATS = st.integers(0, 63).map(lambda sixteenth: Fraction(sixteenth, 4))
LEVELS = st.floats(-60, -3).map(lambda value: round(value, 3))
PROMPTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=40).map(str.strip)


def again(request: LoopRequest, folder: Path) -> LoopRequest:
    """Return what `ditto-live render` makes of the line that is shown."""
    line = shlex.split(command_line(request, folder, "take"))
    assert line[:2] == ["ditto-live", "render"]
    typed = typed_settings(parse("render", line[2:]))  # type: ignore[arg-type]  # render's dataclass
    return read_request(typed, frontend=Frontend.COMMAND_LINE, request_id=request.request_id).request


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    beats = sorted(draw(st.lists(BEATS, min_size=1, max_size=6)))
    return Curve(points=tuple(Point(beat, draw(LEVELS)) for beat in beats))


@given(
    prompt=PROMPTS,
    tempo_bpm=st.sampled_from([Fraction(120), Fraction("133.37"), Fraction(400, 3)]),
    bars=st.integers(4, 16),
    meter=st.sampled_from([Meter(4, 4), Meter(6, 4)]),
    seed=st.integers(0, 2**53 - 1),
    intensity=curves(),
    weight=st.sampled_from([1.0, 0.3, 2.5]),
    within=st.sampled_from([None, (Fraction(0), Fraction(8)), (Fraction(1, 3), Fraction(4))]),
    quality=st.sampled_from(Quality),
    layers=st.sampled_from([(), ("drums", "bass"), ("mix",)]),
    chords=st.sampled_from(["", "Am F C G/B", "N.C. C#m7b5"]),
    stems=st.booleans(),
    weight_curve=st.sampled_from([(), ((0, 1.0), (4, 0.25)), ((Fraction(1, 3), 2.0),)]),
    on=st.sampled_from([(), ("bass",)]),
    budget=st.sampled_from([Budget(), Budget(steps=12), Budget(seconds=3.5)]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_drawn_request_comes_back_as_it_was(
    tmp_path: Path, intensity: Curve, weight: float, within: object, weight_curve: Any, on: Any, **fields: Any
) -> None:
    """Words of any script, any tempo, any curve: what the line asks for is what the page asked for."""
    if fields["layers"] == ("mix",):
        on, fields = (), {**fields, "chords": "", "stems": False}
    weight = 1.0 if weight_curve else weight  # a curve and a factor are said as one curve
    more = {"weight": weight, "within": within, "weight_curve": weight_curve, "on": on}
    control = Control(kind="intensity", target=intensity, **more)  # type: ignore[arg-type]  # one of each field
    request = LoopRequest(key="A minor", controls=(control,), **fields)
    assert again(request, tmp_path) == request


def test_notes_and_hits_lie_beside_as_midi(tmp_path: Path) -> None:
    """A tune and a drum grid come back note by note, their words with them."""
    notes = tuple(
        Note(pitch=p, start=Fraction(s, 3), duration=Fraction(1, 3), velocity=90)
        for p, s in [(60, 0), (64, 4), (67, 7)]
    )
    hits = (
        Onset(Fraction(0), 1.0, "kick"),
        Onset(Fraction(1, 4), 1.0, "hat"),
        Onset(Fraction(1), 1.0, "snare"),
        Onset(Fraction(3, 2), 1.0, "perc"),
    )
    request = LoopRequest(
        prompt='it\'s "dub"; rm -rf $HOME `x`',
        key="C major",
        seed=3,
        controls=(
            Control(kind="melody", target=Notes(notes=notes)),
            Control(kind="rhythm", target=Onsets(onsets=hits)),
            Control(kind="structure", target=Words(text="AABA")),
            Control(kind="text", target=Words(text="glassy bells"), weight=0.5),
        ),
    )
    assert again(request, tmp_path) == request


@pytest.mark.parametrize(
    ("kind", "keep"),
    [
        ("inpaint", ((Fraction(0), Fraction(4)), (Fraction(6), Fraction(7)))),
        ("outpaint", ((Fraction(0), Fraction(8)),)),
        ("timbre", ()),
    ],
)
def test_a_reference_lies_beside_sample_by_sample(tmp_path: Path, kind: str, keep: object) -> None:
    """The sound that was dropped is written as it is, and the beats that stay are named."""
    sound = np.random.default_rng(0).uniform(-1, 1, (4 * 22_050, 2)).astype("<f4")  # two bars at 120 BPM
    target = Audio(samples=sound.tobytes(), sample_rate=22_050, keep=keep)  # type: ignore[arg-type]  # ranges of beats
    request = LoopRequest(prompt="dub", seed=3, controls=(Control(kind=kind, target=target),))
    assert again(request, tmp_path) == request


def test_a_curve_of_shares_is_said_in_decibels(tmp_path: Path) -> None:
    """What a device sends as 0 to 1 of a range stands on the line in the control's own unit."""
    shares = Curve(points=(Point(Fraction(0), 0.0), Point(Fraction(8), 1.0)), unit="unit", low=-40.0, high=-10.0)
    found = again(LoopRequest(prompt="dub", seed=3, controls=(Control(kind="intensity", target=shares),)), tmp_path)
    assert found.controls[0].target == Curve(points=(Point(Fraction(0), -40.0), Point(Fraction(8), -10.0)))

"""All scores of a loop in one table, apart from what is optimised."""

import ast
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine.metrics
from engine import controls
from engine.events import Scores
from engine.metrics import Metric, Verdict
from engine.metrics.verdict import Grade
from engine.request import Control, LoopRequest, Notes, Onsets, Point, Words
from midi.grooves.rhythm import Onset

RATE = 22_050


def score(audio: np.ndarray[Any, Any], rate: int, request: LoopRequest) -> Scores:
    return engine.metrics.score(audio, rate, request, controls.metrics())


def noise(seconds: float = 4.0) -> np.ndarray[Any, Any]:
    return (0.05 * np.random.default_rng(0).normal(size=(2, round(seconds * RATE)))).astype(np.float32)


def test_every_key_is_there_and_what_was_not_asked_is_none(ask: Any) -> None:
    """A loop without controls has its seam and nothing else."""
    scores = score(noise(), RATE, ask.request())
    names = {name for metric in controls.metrics().values() for name in metric.names}
    assert set(scores) == {*names, "seam_ratio"}
    assert {name for name, value in scores.items() if value is not None} == {"seam_ratio"}
    assert score(noise(), RATE, ask.request(loop=False))["seam_ratio"] is None


def test_each_control_has_its_scores(ask: Any) -> None:
    """All finite, for any sound."""
    onsets = Onsets(onsets=(Onset(Fraction(0), 1.0), Onset(Fraction(9, 2), 0.5)))
    request = ask.request(
        ask.intensity(),
        ask.melody(),
        Control(kind="rhythm", target=onsets, within=(Fraction(0), Fraction(4))),
        Control(kind="structure", target=Words(text="AABA")),
        Control(kind="brightness", target=ask.curve((0, 800.0), unit="hz")),
        Control(kind="harmony", target=Words(text="Am | F")),
    )
    scores = score(noise(), RATE, request)
    assert all(value is not None and np.isfinite(value) for value in scores.values())


def test_the_worst_of_two_counts(ask: Any) -> None:
    """Two curves in their own beats: the score is that of the one that is missed."""
    sound = noise()
    near = Control(kind="intensity", target=ask.curve((0, -26.0)), within=(Fraction(0), Fraction(4)))
    far = Control(kind="intensity", target=ask.curve((0, -46.0)), within=(Fraction(4), Fraction(8)))
    alone = score(sound, RATE, ask.request(far))["intensity_mse"]
    assert alone is not None
    assert score(sound, RATE, ask.request(near, far))["intensity_mse"] == pytest.approx(alone)
    assert score(sound, RATE, ask.request(far, near))["intensity_mse"] == pytest.approx(alone)


FREE_LATER = (Point(Fraction(0), 1.0), Point(Fraction(4), 1.0), Point(Fraction(4), 0.0), Point(Fraction(8), 0.0))
HALVES = {"within": (Fraction(0), Fraction(4))}, {"weight_curve": FREE_LATER}


def clicks(beats: Iterable[float]) -> np.ndarray[Any, Any]:
    """Return four seconds, eight beats, with a click at each of `beats`."""
    draws, loop = np.random.default_rng(0), 1e-4 * np.random.default_rng(1).normal(size=4 * RATE)
    for beat in beats:
        at = round(beat * RATE / 2) + np.arange(2_000)
        loop[at % len(loop)] += 0.3 * draws.normal(size=2_000) * np.exp(-np.arange(2_000) / 250)
    return np.stack([loop, loop])


@pytest.mark.parametrize("half", HALVES, ids=["range", "weight of 0"])
def test_hits_count_only_where_a_rhythm_is_asked(ask: Any, half: dict[str, Any]) -> None:
    """Where its weight is 0 the loop is free, as outside its range: hits there are neither wanted nor wrong."""
    strokes = Onsets(onsets=tuple(Onset(Fraction(beat), 1.0) for beat in range(8)))
    control = Control(kind="rhythm", target=strokes, **half)
    request = ask.request(control)
    assert score(clicks((0, 1, 2, 3, 4.5, 5.3, 6.6)), RATE, request)["rhythm_f1"] == 1
    assert score(clicks((0, 1, 2, 3)), RATE, request)["rhythm_f1"] == 1
    assert score(clicks((0, 1, 4, 5, 6, 7)), RATE, request)["rhythm_f1"] == pytest.approx(2 / 3)
    early = score(clicks((-0.03, 1, 2, 3, 3.97)), RATE, request)["rhythm_f1"]
    assert early == 1, "a hit at an edge counts, or not, as its stroke does"
    (verdict,) = engine.metrics.judge(clicks((0, 1, 2, 3, 4.5)), RATE, request, controls.metrics())
    assert verdict.grade == "good"


@pytest.mark.parametrize("half", HALVES, ids=["range", "weight of 0"])
def test_chords_and_sections_count_only_where_they_are_asked(ask: Any, half: dict[str, Any]) -> None:
    """The free half may hold another chord and another sound."""
    time = np.arange(4 * RATE) / RATE
    triad = sum(np.sin(2 * np.pi * 220 * 2 ** (step / 12) * time) for step in (0, 3, 7)) / 10
    other = sum(np.sin(2 * np.pi * 220 * 2 ** (step / 12) * time) for step in (6, 10, 13)) / 10
    sound = np.where(time < 2, triad, other)[None].repeat(2, 0)
    for target, expected in (("Am | F", 1.0), ("F | Eb", 0.0)):
        request = ask.request(Control(kind="harmony", target=Words(text=target), **half))
        assert score(sound, RATE, request)["chords_recognised"] == expected
    noisy = np.where(time % 1 < 0.5, triad, 0.3 * np.random.default_rng(0).normal(size=len(time)))
    sound = np.where(time < 2, noisy, 0.02 * other)[None].repeat(2, 0)
    control = Control(kind="structure", target=Words(text="ABABABAB"), **half)
    asked, whole = (
        score(sound, RATE, ask.request(one))["structure_mse"]
        for one in (control, Control(kind="structure", target=control.target))
    )
    assert asked is not None
    assert whole is not None
    assert asked < whole


def test_rests_and_muted_notes_have_no_accuracy(ask: Any) -> None:
    """None, not a division by nothing."""
    request = ask.request(Control(kind="melody", target=Notes(notes=())))
    assert score(noise(), RATE, request)["melody_accuracy"] is None


def test_metrics_never_meet_the_controls() -> None:
    """No file of the package imports torch, the controls, or anything that does."""
    folder = Path(engine.metrics.__file__).parent
    allowed = {
        "collections",
        "dataclasses",
        "enum",
        "fractions",
        "functools",
        "itertools",
        "msgspec",
        "numba",
        "numpy",
        "scipy",
        "midi",
        "curves",
        "events",
        "errors",
        "request",
    }
    own = {file.stem for file in folder.rglob("*.py")} | {None, "", "hearing"}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, file.name
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed | own, f"{file.name}: {node.module}"


def test_a_control_without_a_measure_of_its_own_is_said_to_have_none() -> None:
    """Newcomer B3's kind: no control is passed over in silence; those that are judged have their verdicts."""
    own = Metric(measure=lambda *_: {}, names=("bass_share",))
    kinds = ["intensity", "timbre", "text", "timbre", "inpaint", "structure", "bass-share"]
    found = {"bass_share": 0.2, "structure_mse": None}
    verdicts = [Verdict(Grade.GOOD, "intensity: followed within 0.3 dB.")]
    *said, scored = engine.metrics.unjudged(kinds, {**controls.metrics(), "bass-share": own}, found, verdicts)
    assert [sentence.partition(":")[0] for sentence in said] == ["timbre", "text", "inpaint", "structure"]
    assert all("listen to it" in sentence for sentence in said)
    assert scored == "bass-share: bass_share tells how closely it is followed."

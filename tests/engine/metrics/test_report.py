"""All scores of a loop in one table, apart from what is optimised."""

import ast
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine.metrics
from engine import controls
from engine.events import Scores
from engine.request import Control, LoopRequest, Notes, Onsets, Words
from midi.rhythm import Onset

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

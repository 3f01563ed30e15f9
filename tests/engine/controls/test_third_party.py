"""A control in a file outside the tree is treated as one of our own, and its faults are told as its own."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import controls
from engine.errors import BadInputError, BadRequestError
from engine.events import Take
from engine.models.testing import TinyModel
from engine.pipeline import make_loop
from engine.pocket import condition
from engine.pocket.model import Pocket
from engine.pocket.network import PocketNetwork
from engine.request import Budget, Control, LoopRequest, Number, Words
from engine.settings import Settings
from engine.training.inputs import fitted

LEVEL = """
import numpy as np
import torch

from engine.controls import Term, control
from engine.metrics import Metric
from engine.request import Number


def offset_db(audio, sample_rate, request, part):
    return part.target.value - 10 * np.log10(np.mean(np.square(audio, dtype=np.float64)))


def measure(audio, sample_rate, request, part):
    return {"steady_error_db": abs(offset_db(audio, sample_rate, request, part))}


@control(
    "steady", Number, unit="dB", tolerance=0.3, help="The loop is as loud as that.", asks_level=True,
    metric=Metric(measure=measure, names=("steady_error_db",)MORE),
)
def steady(target, scene, context):
    def off(spectrum, latent):
        return 10 * torch.log10(spectrum.power.sum(1).mean(1) + 1e-9) - target.value

    return Term(loss=lambda s, z: off(s, z).square() / 100, distance=lambda s, z: off(s, z).abs())
"""


def written(folder: Path, text: str, name: str = "theirs.py") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def with_body(body: str, columns: str = "") -> str:
    """Return a file with the control `theirs`, whose function has the lines `body`."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"""
import sys
import torch
from engine.controls import Term, control
from engine.metrics import Metric
from engine.request import Number, Words

@control("theirs", Number, unit="share", tolerance=0.05, help="Theirs.", {columns})
def theirs(target, scene, context):
{lines}
"""


def rendered(control: Control, model: Any) -> Take:
    """Return one bar after three steps of a search for the control."""
    request = LoopRequest(bars=1, controls=(control,), sample_rate=16_000, budget=Budget(steps=3))
    settings = Settings(device="cpu", dtype="float32")
    return next(event for event in make_loop(request, model, settings) if isinstance(event, Take))


@pytest.fixture(scope="module")
def pocket() -> Pocket:
    """Return the real classes at toy size with fixed random weights."""
    torch.manual_seed(0)
    network = PocketNetwork(channels=12, width=32, depth=2, heads=2, condition_channels=condition.CHANNELS)
    bands = torch.randn(512, 295).cumsum(0) * 0.1
    return Pocket(network, fitted(bands, channels=12))


@pytest.mark.parametrize("measured", [True, False])
def test_a_level_asked_for_outside_the_tree_has_the_limiter_and_the_right_gain(
    tmp_path: Path, pocket: Pocket, *, measured: bool
) -> None:
    """One gain brings the loop to it where its metric says how; without one, the searched level stays as it is."""
    text = LEVEL.replace("MORE", ", offset_db=offset_db" if measured else "")
    controls.load_file(written(tmp_path, text))
    control = Control(kind="steady", target=Number(value=-32.0))
    scene = pocket.scene(LoopRequest(bars=1, controls=(control,)))
    assert scene.inputs.limits
    assert scene.loudness_lufs is not None  # to which a loop without a level is brought
    take = rendered(control, pocket)
    if measured:
        assert take.scores["steady_error_db"] == pytest.approx(0, abs=0.01)
    else:
        assert take.record["gain_db"] == 0
    assert take.scores["seam_ratio"] is not None


def test_a_fault_in_a_gain_or_a_metric_does_not_cost_the_loop(tmp_path: Path, tiny: TinyModel) -> None:
    """The loop is delivered at the searched level, its score is empty, and a sentence names file and error."""
    text = LEVEL.replace("MORE", ", offset_db=offset_db").replace("return part.target.value -", "return 1 / 0 -")
    controls.load_file(written(tmp_path, text))
    take = rendered(Control(kind="steady", target=Number(value=-32.0)), tiny)
    assert take.record["gain_db"] == 0
    assert take.scores["steady_error_db"] is None
    assert take.notes[0] == "The control steady of theirs.py failed with ZeroDivisionError: division by zero."


def test_a_metric_comes_with_its_control(tmp_path: Path, tiny: TinyModel) -> None:
    """From the same file, beside the scores that are there already; infinity is no score."""
    body = "return Term(lambda s, z: s.power.sum((1, 2)), lambda s, z: s.power.sum((1, 2)))"
    measure = 'lambda *_: {"theirs_a": 3, "theirs_b": float("inf")}'
    columns = f'metric=Metric(measure={measure}, names=("theirs_a", "theirs_b"))'
    controls.load_file(written(tmp_path, with_body(body, columns)))
    scores = rendered(Control(kind="theirs", target=Number(value=1.0)), tiny).scores
    assert (scores["theirs_a"], scores["theirs_b"]) == (3.0, None)
    assert {"intensity_mse", "seam_ratio"} <= set(scores)


IMPORTS = "from engine.controls import control\nfrom engine.request import Words\n"
LOADING = {
    "def (": "SyntaxError",
    "import nothing_of_the_kind": "ModuleNotFoundError: No module named 'nothing_of_the_kind'",
    "import sys\nsys.exit(3)": "SystemExit: 3",
    "raise RuntimeError('it rained')": "RuntimeError: it rained",
    "1 / 0": "ZeroDivisionError: division by zero",
    f"{IMPORTS}control('x', int, help='', unit='', tolerance=1)": "must be among Audio, Curve",
    f"{IMPORTS}control('x', help='', unit='', tolerance=1)": "must be among Audio, Curve",
    f"{IMPORTS}control('x', Words, help='', unit='', tolerance=0)": "must be above 0",
    f"{IMPORTS}control('melody', Words, help='', unit='', tolerance=1)(lambda *_: None)": "is a control melody already",
}


@pytest.mark.parametrize(("text", "sentence"), LOADING.items())
def test_a_file_that_cannot_be_loaded_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """In one sentence with the error, and nothing of the file is left in the registry."""
    before = controls.rows()
    with pytest.raises(BadInputError) as caught:
        controls.load_file(written(tmp_path, text))
    assert caught.value.sentence.startswith("The controls in theirs.py cannot be loaded: ")
    assert sentence in caught.value.sentence
    assert "theirs.py" in caught.value.remedy
    assert controls.rows() == before


def test_a_file_without_a_control_is_said(tmp_path: Path) -> None:
    """With the way to make one."""
    with pytest.raises(BadInputError, match=r"theirs.py adds no control") as caught:
        controls.load_file(written(tmp_path, "x = 1"))
    assert "@control" in caught.value.remedy


def test_ctrl_c_stops_a_file_that_does_not_end(tmp_path: Path) -> None:
    """It is not taken for a fault of the file."""
    with pytest.raises(KeyboardInterrupt):
        controls.load_file(written(tmp_path, "raise KeyboardInterrupt"))


RUNNING = {
    "return None": "returned nothing.",
    "return torch.tensor(0.5)": "returned a tensor of shape [].",
    "1 / 0": "failed with ZeroDivisionError: division by zero.",
    "sys.exit(2)": "failed with SystemExit: 2.",
    "return Term(None, None)": "failed with TypeError: 'NoneType' object is not callable.",
    "return Term(lambda s, z: None, lambda s, z: s.power.sum((1, 2)))": "has a loss that returned nothing.",
    "return Term(lambda s, z: s.power.mean(), lambda s, z: s.power.mean())": "returned a tensor of shape [].",
    "return Term(lambda s, z: s.power, lambda s, z: s.power)": "returned a tensor of shape [1, ",
    "return Term(lambda s, z: 0.5, lambda s, z: 0.5)": "returned a value of the type float.",
    "return Term(lambda s, z: s.power.detach().sum((1, 2)), lambda s, z: s.power.sum((1, 2)))": "carries no gradient.",
    "return Term(lambda s, z: s.power.sum((1, 2)), lambda s, z: s.colour)": "has no attribute 'colour'.",
}


@pytest.mark.parametrize(("body", "sentence"), RUNNING.items())
def test_a_control_that_fails_is_named(tmp_path: Path, tiny: TinyModel, body: str, sentence: str) -> None:
    """With its file, and never with our traceback."""
    controls.load_file(written(tmp_path, with_body(body)))
    with pytest.raises(BadInputError) as caught:
        rendered(Control(kind="theirs", target=Number(value=0.5)), tiny)
    assert caught.value.sentence.startswith("The control theirs of theirs.py ")
    assert sentence in caught.value.sentence


def test_the_line_of_a_fault_is_in_its_remedy(tmp_path: Path, tiny: TinyModel) -> None:
    """So that it is found at once."""
    file = written(tmp_path, with_body("\n1 / 0"))
    line = file.read_text().splitlines().index("    1 / 0") + 1
    controls.load_file(file)
    with pytest.raises(BadInputError) as caught:
        rendered(Control(kind="theirs", target=Number(value=0.5)), tiny)
    assert caught.value.remedy == f"Look at line {line} of theirs.py."


def test_a_refusal_in_the_authors_own_words_stays(tmp_path: Path, tiny: TinyModel) -> None:
    """A `BadRequestError` that the control raises is what the producer reads."""
    body = 'from engine.errors import BadRequestError\nraise BadRequestError("Air may be 0 to 1.")'
    controls.load_file(written(tmp_path, with_body(body)))
    with pytest.raises(BadRequestError, match=r"^Air may be 0 to 1\.$"):
        rendered(Control(kind="theirs", target=Number(value=2.0)), tiny)


def row_of(*targets: type) -> controls.Row:
    build = controls.find("text").build
    return controls.Row(
        kind="air", targets=targets, build=build, help="Air.", unit="share", tolerance=1.0, tolerance_with_others=1.0
    )


@given(value=st.floats(-1e6, 1e6))
def test_a_number_arrives_as_words_too(value: float) -> None:
    """And the other way round: a sender need not know what the control takes."""
    assert row_of(Number).read(Words(text=repr(value))) == Number(value=value)
    words = row_of(Words).read(Number(value=value))
    assert isinstance(words, Words)
    assert math.isclose(float(words.text), value, rel_tol=1e-5, abs_tol=1e-9)


@pytest.mark.parametrize("text", ["much", "", "nan", "inf", "1,5"])
def test_words_that_are_no_number_are_refused(text: str) -> None:
    """In a sentence that says what the control takes."""
    with pytest.raises(BadRequestError, match="number"):
        row_of(Number).read(Words(text=text))

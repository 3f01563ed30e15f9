"""The registry: what is there, and how a third party adds to it."""

import ast
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import controls
from engine.controls import registry
from engine.errors import BadInputError
from engine.models.testing import TinyModel
from engine.request import BUILTIN_CONTROLS, Control, LoopRequest, Words, targets_of
from engine.search.report import Step

Searched = Callable[[Control], list[Step]]

THIRD_PARTY = '''
"""Width of the sound, made by somebody else."""
from engine.controls import Term, control
from engine.request import Words

@control("quiet-bass", Words, unit="share", tolerance=0.05, help="No more than so much of the energy is under 200 Hz.")
def quiet_bass(target, scene, context):
    wanted = float(target.text)

    def loss(spectrum, latent):
        low = spectrum.power[:, spectrum.frequencies_hz < 200].sum((1, 2)) / spectrum.power.sum((1, 2))
        return (low - wanted).relu().square() * 100

    return Term(loss, loss)
'''


def test_a_request_is_read_for_the_targets_that_its_control_takes() -> None:
    """The table that readers know without torch has a row for each of its controls, with the same targets."""
    rows = controls.rows()
    for kind, builtin in BUILTIN_CONTROLS.items():
        assert builtin.kind == kind
        assert rows[kind].targets == builtin.targets == targets_of(kind)
        assert rows[kind].source == ""


def test_all_controls_of_the_design_are_there() -> None:
    """One row each, with help, a unit and a tolerance, and the papers' versions by name."""
    rows = controls.rows()
    wanted = {
        "intensity",
        "melody",
        "rhythm",
        "structure",
        "brightness",
        "timbre",
        "text",
        "inpaint",
        "outpaint",
        "loop",
        "intensity-paper",
        "intensity-corr",
        "melody-octave",
        "melody-paper",
    }
    assert wanted <= set(rows)
    for row in rows.values():
        assert row.help.endswith(".")
        assert row.unit
        assert row.tolerance > 0


def test_a_control_out_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, searched: Searched) -> None:
    """A third party's file, named in the environment, is followed by the optimiser without a change to the engine."""
    file = tmp_path / "my_controls.py"
    file.write_text(THIRD_PARTY)
    monkeypatch.setenv("DITTO_CONTROLS", str(file))
    steps = searched(Control(kind="quiet-bass", target=Words(text="0.02")))
    assert steps[-1].losses["quiet-bass"] < 0.5 * steps[0].losses["quiet-bass"]


def test_a_package_brings_a_control(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the entry point group, loaded with the rest."""
    loaded: list[str] = []

    class Point(EntryPoint):
        def load(self) -> Any:
            loaded.append(self.name)

    points = [Point(name="theirs", value="theirs:control", group=registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])
    registry._load_packages.cache_clear()
    controls.rows()
    assert loaded == ["theirs"]


def test_a_broken_package_keeps_nobody_elses_controls_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is set aside with a line in the log, even where it ends the program when it is imported."""

    class Point(EntryPoint):
        def load(self) -> Any:
            raise SystemExit(3)

    points = [Point(name="broken", value="broken:control", group=registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry._load_packages.cache_clear()
    assert "intensity" in controls.rows()
    assert "The controls of the package broken were not loaded: 3" in caplog.text


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """Not with a traceback."""
    with pytest.raises(BadInputError, match="not a Python file"):
        controls.load_file(tmp_path / "none.py")


def test_nothing_asks_for_a_controls_name() -> None:
    """Outside the controls' own files no name of one stands in the engine, but in the vocabulary of prompts.

    The table of their targets, which readers know without torch, has each name once and nothing else of theirs.
    A field of the request may be called as a control is: `loop` says whether a loop is asked for at all.
    """
    engine = Path(controls.__file__).parents[1]
    names = set(controls.rows()) - set(LoopRequest.__struct_fields__)
    pocket = engine / "pocket"
    words = {pocket / "arrangement.py", pocket / "repertoire.py", *(engine / "pocket" / "languages").iterdir()}
    for file in engine.rglob("*.py"):
        if file in words or {"controls", "training"} & set(file.relative_to(engine).parts):
            continue
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        found = [node.value for node in nodes if isinstance(node, ast.Constant) and node.value in names]
        assert found == (list(BUILTIN_CONTROLS) if file == engine / "request" / "builtin.py" else []), file


def test_beats_outside_the_range_are_free(ask: Any, tiny: TinyModel) -> None:
    """The weights of frames are those beats, and everything where no range is given."""
    request = ask.request()
    whole = controls.Context(request=request, model=tiny)
    part = controls.Context(request=request, model=tiny, within=(2, 4))
    assert whole.frame_weights(16).sum() == 16
    assert torch.equal(part.frame_weights(16).nonzero()[:, 0], torch.arange(4, 8))

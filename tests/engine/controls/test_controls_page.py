"""The pages about controls: every control is there with its unit, and the example works as it stands."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from bridge.cli.main import run
from engine import controls
from engine.controls.row import NOUNS
from engine.errors import BadRequestError
from engine.request import Control, Number, Words
from engine.search.report import Step

DOCS = Path(__file__).parents[3] / "docs"
PAGE, EXTENDING = ((DOCS / name).read_text(encoding="utf-8") for name in ("controls.md", "extending.md"))
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL)
(COMMAND,) = re.findall(r"^    (ditto-live .*)$", EXTENDING, re.MULTILINE)


@pytest.mark.parametrize("kind", sorted(controls.rows()))
def test_every_control_is_on_the_page(kind: str) -> None:
    """By its name in code marks; those with a row of their own are said to be done at their tolerance."""
    assert f"`{kind}`" in PAGE
    row = re.search(rf"^\| `{kind}` \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)
    if row is not None:
        known = controls.find(kind)
        for tolerance in (known.tolerance, known.tolerance_with_others):
            assert any(said in row[1] for said in (f"{tolerance:g}", f"{100 * tolerance:g} %")), row[1]


def test_every_column_and_type_is_on_the_page() -> None:
    """A contributor need not read the registry to know what a row may say."""
    own = {"build", "source", "targets", "kind", "unit", "tolerance", "help"}
    for column in {field.name for field in fields(controls.Row)} - own:
        assert f"| `{column}` |" in EXTENDING
    for target in NOUNS:
        assert f"`{target.__name__}`" in EXTENDING


def test_the_pages_command_works_through_the_shell(
    tmp_path: Path, typed: "Callable[..., subprocess.CompletedProcess[str]]"
) -> None:
    """Typed as written, but for a short search, it makes a loop that has the example's own score."""
    name = re.search(r"Save this as `(\S+)`", EXTENDING)
    assert name is not None
    (tmp_path / name[1]).write_text(EXAMPLE, encoding="utf-8")
    done = typed(f"{COMMAND} --bars 1 --steps 2 --out loop.wav")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "loop.wav").exists()
    scores = json.loads((tmp_path / "loop.json").read_text(encoding="utf-8"))["scores"]
    assert 0 < scores["bass_share"] < 1


def test_the_example_steers(tmp_path: Path, searched: Callable[[Control], list[Step]]) -> None:
    """Copied from the page into a file, it is followed by the search, and it refuses bad numbers and words."""
    file = tmp_path / "bass.py"
    file.write_text(EXAMPLE, encoding="utf-8")
    controls.load_file(file)
    steps = searched(Control(kind="bass-share", target=Number(value=0.02)))
    assert steps[-1].losses["bass-share"] < 0.5 * steps[0].losses["bass-share"]
    with pytest.raises(BadRequestError, match="takes a number, not 'much'"):
        searched(Control(kind="bass-share", target=Words(text="much")))
    with pytest.raises(BadRequestError, match="above 0 up to 1, not 2"):
        searched(Control(kind="bass-share", target=Words(text="2")))


def test_a_file_that_ends_the_program_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its line, and the command goes on to its own end."""
    file = tmp_path / "bass.py"
    file.write_text("import sys\nsys.exit(4)", encoding="utf-8")
    assert run(["render", "--controls", str(file), "--control", "bass-share=0.1"]) == 2
    said = "The controls in bass.py cannot be loaded: SystemExit: 4.\nLook at line 2 of bass.py.\n"
    assert capsys.readouterr().err == said


def test_ctrl_c_ends_a_file_that_never_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code of an interruption, and nobody is blamed."""
    file = tmp_path / "bass.py"
    file.write_text("raise KeyboardInterrupt", encoding="utf-8")
    assert run(["render", "--controls", str(file), "--control", "bass-share=0.1"]) == 130
    assert "bass.py" not in capsys.readouterr().err

"""The page about controls: every control is on it with its unit, and its example works as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest

from engine import controls, methods, targets
from engine.controls import registry
from engine.errors import BadRequestError
from engine.optimize import minimize
from engine.request import Budget, Control, Words
from engine.testing import TinyModel, tiny_noise

PAGE = (Path(__file__).parents[3] / "docs" / "controls.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _rows_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    controls.rows()
    monkeypatch.setattr(registry, "_rows", dict(registry._rows))
    monkeypatch.setattr(registry, "_seen_files", set())


@pytest.mark.parametrize("kind", sorted(controls.rows()))
def test_every_control_is_on_the_page(kind: str) -> None:
    """By its name in code marks; those with a row of their own are said to be done at their tolerance."""
    assert f"`{kind}`" in PAGE
    row = re.search(rf"^\| `{kind}` \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)
    if row is not None:
        tolerance = controls.find(kind).tolerance
        assert any(said in row[1] for said in (f"{tolerance:g}", f"{100 * tolerance:g} %")), row[1]


def test_the_example_steers(tmp_path: Path, tiny: TinyModel, ask: Any) -> None:
    """Copied from the page into a file, it is followed by the search and refuses what is no number."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "bass.py"
    file.write_text(example, encoding="utf-8")
    controls.load_file(file)
    request = ask.request(
        Control(kind="bass-share", target=Words(text="0.02")), method="ditto", budget=Budget(steps=15)
    )
    scene = tiny.scene(request)
    objective = targets.build(request, scene, tiny)
    steps = list(minimize(methods.plan(request, tiny, objective), objective, tiny, scene, tiny_noise(tiny, scene)))
    assert steps[-1].losses["bass-share"] < 0.5 * steps[0].losses["bass-share"]
    with pytest.raises(BadRequestError, match="not 'much'"):
        targets.build(ask.request(Control(kind="bass-share", target=Words(text="much"))), scene, tiny)

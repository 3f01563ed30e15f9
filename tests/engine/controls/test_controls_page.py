"""The page about controls: every control is on it with its unit, and its example works as it stands."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import controls
from engine.errors import BadRequestError
from engine.request import Control, Words
from engine.search.minimize import Step

PAGE = (Path(__file__).parents[3] / "docs" / "controls.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", sorted(controls.rows()))
def test_every_control_is_on_the_page(kind: str) -> None:
    """By its name in code marks; those with a row of their own are said to be done at their tolerance."""
    assert f"`{kind}`" in PAGE
    row = re.search(rf"^\| `{kind}` \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)
    if row is not None:
        known = controls.find(kind)
        for tolerance in (known.tolerance, known.beside_others):
            assert any(said in row[1] for said in (f"{tolerance:g}", f"{100 * tolerance:g} %")), row[1]


def test_the_example_steers(tmp_path: Path, searched: Callable[[Control], list[Step]]) -> None:
    """Copied from the page into a file, it is followed by the search and refuses what is no number."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "bass.py"
    file.write_text(example, encoding="utf-8")
    controls.load_file(file)
    steps = searched(Control(kind="bass-share", target=Words(text="0.02")))
    assert steps[-1].losses["bass-share"] < 0.5 * steps[0].losses["bass-share"]
    with pytest.raises(BadRequestError, match="not 'much'"):
        searched(Control(kind="bass-share", target=Words(text="much")))

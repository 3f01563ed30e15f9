"""Rows are kept as they come, and the tables of the pages are made from them."""

import re
from pathlib import Path

import pytest

from benchmarks.markdown import Bar, Table, cell
from benchmarks.rows import OtherWeightsError, Rows, mean_interval
from benchmarks.tables import MARKED, pages, rewritten

ROOT = Path(__file__).parents[2]
HISTORY = ("search.md", "training.md")  # what was tried on the way, told with figures of then


def test_a_stopped_benchmark_goes_on_where_it_was(tmp_path: Path) -> None:
    """A row is on disk as soon as it is measured, and is not measured again."""
    file, measured = tmp_path / "deep" / "some.json", list[int]()
    for _ in range(2):
        rows = Rows(file, weights="w")
        for seed in range(3):
            rows.get(f"task/none/{seed}", lambda seed=seed: measured.append(seed) or {"error": seed / 3, "judge": None})
    assert measured == [0, 1, 2]
    assert Rows(file)["task/none/1"] == {"error": 0.33333}
    assert list(Rows(file).below("task/none")) == ["0", "1", "2"]


def test_two_benchmarks_keep_rows_in_one_file(tmp_path: Path) -> None:
    """Neither takes away what the other has kept meanwhile."""
    one, other = (Rows(tmp_path / "rows.json") for _ in range(2))
    one.put("a", {"value": 1.0})
    other.put("b", {"value": 2.0})
    one.put("c", {"value": 3.0})
    assert {*Rows(tmp_path / "rows.json")} == {"a", "b", "c"}


def test_a_row_says_where_it_is_from(tmp_path: Path) -> None:
    """Date, weights and machine stand in the file once for all rows of a run."""
    rows = Rows(tmp_path / "some.json", weights="pocket 12345678", command="python -m benchmarks some")
    rows.put("a", {"x": 1.0})
    rows.put("b", {"x": 2.0})
    (run,) = Rows(tmp_path / "some.json").runs.values()
    assert run["weights"] == "pocket 12345678"
    assert {"date", "machine", "command"} <= set(run)


def test_rows_of_other_weights_are_not_mixed(tmp_path: Path) -> None:
    """A file that holds rows of other weights is left as it is, and the sentence says what to do."""
    Rows(tmp_path / "some.json", weights="old").put("a", {"x": 1.0})
    with pytest.raises(OtherWeightsError, match=r"holds rows of the weights old; these are new\. Give another --out"):
        Rows(tmp_path / "some.json", weights="new")
    assert Rows(tmp_path / "some.json")["a"] == {"x": 1.0}


def test_a_mean_has_an_interval_round_it() -> None:
    """The bootstrap's interval holds the mean, and there is none without values."""
    mean, low, high = mean_interval([1.0, 2.0, None, 3.0]) or (0, 0, 0)
    assert low <= mean == 2.0 <= high
    assert mean_interval([None]) is None


def test_a_figure_that_misses_its_bar_is_bold() -> None:
    """At most and at least both hold; trailing zeros stay."""
    assert cell(0.704, 2, Bar(0.6)) == "**0.70**"
    assert cell(0.5, 2, Bar(0.6), span=(0.4, 0.52)) == "0.50 (0.40-0.52)"
    assert cell(96.0, 3, Bar(95, least=True)) == "96.0"
    with pytest.raises(ValueError, match="2 columns"):
        Table(head=("a", "b"), body=[("1",)], bar="").markdown()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_those_of_the_rows(page: Path) -> None:
    """No figure of a table is copied by hand: `python -m benchmarks tables` changes nothing."""
    text = page.read_text("utf-8")
    assert rewritten(text) == text, f"{page.name} is out of date: python -m benchmarks tables"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_says_what_its_bar_is(page: Path) -> None:
    """Above each table stands one line with the bar and where it comes from."""
    for found in MARKED.finditer(page.read_text("utf-8")):
        first = found[0].splitlines()[2]
        assert re.match(r"(Bars?( |:)|No bar)", first), f"{found['name']}: {first}"


def test_measured_tables_are_all_made_from_rows() -> None:
    """A table with figures outside the marks would be one that somebody copied."""
    for page in (ROOT / "benchmarks").rglob("*.md"):
        if page.name not in HISTORY:
            rest = MARKED.sub("", page.read_text("utf-8"))
            lines = [line for line in rest.splitlines() if re.search(r"^\|.*\| \**\d", line)]
            assert not lines, f"{page.name}: {lines[0]}"

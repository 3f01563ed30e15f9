"""What CONTRIBUTING promises of the code holds."""

import ast
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest

from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "bridge", "midi", "max_for_live")
READS_THE_ENVIRONMENT = {"engine/settings.py", "engine/__init__.py"}


@cache
def parsed(file: Path) -> ast.Module:
    """Return the tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the path and the tree of each Python file."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), parsed(file)


def names_in(tree: ast.AST) -> set[str]:
    """Return every name and attribute that a tree mentions."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}


def test_one_place_reads_the_environment() -> None:
    """Only `engine/settings.py` reads variables; `engine/__init__.py` sets those that must stand before torch."""
    found = {path for path, tree in sources(*PACKAGES) if names_in(tree) & {"environ", "getenv", "putenv", "environb"}}
    assert found - {"engine/controls/registry.py"} == READS_THE_ENVIRONMENT


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """Return how many lines a function or class has, without its docstring."""
    first = node.body[0]
    said = first if ast.get_docstring(node) is not None else None
    return node.end_lineno - node.lineno + 1 - (said.end_lineno - said.lineno + 1 if said else 0)


def test_no_function_is_long() -> None:
    """A function has at most 40 lines without its docstring, in the product and the benchmarks."""
    functions = [
        (f"{path}: {node.name}", lines_of(node))
        for path, tree in sources(*PACKAGES, "benchmarks")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name, lines in functions if lines > 40] == []


def test_no_class_is_long() -> None:
    """A class has at most 120 lines without its docstring, in all that runs for a user."""
    classes = [
        (f"{path}: {node.name}", lines_of(node))
        for path, tree in sources(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not path.startswith("engine/training/")
    ]
    assert [name for name, lines in classes if lines > 120] == []


def test_no_folder_and_no_file_is_crowded() -> None:
    """A file has at most 400 lines, a folder 24 entries; the tops of the packages have fewer."""
    for path, _tree in sources(*PACKAGES, "benchmarks", "tests"):
        assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= 400, path
    for folder in {(ROOT / path).parent for path, _tree in sources(*PACKAGES, "benchmarks")}:
        most = {"engine": 20, "bridge": 14, "midi": 14}.get(folder.relative_to(ROOT).as_posix(), 24)
        entries = [entry.name for entry in folder.iterdir() if not entry.name.startswith(("__pycache__", "."))]
        assert len(entries) <= most, f"{folder.relative_to(ROOT)}: {len(entries)}"


def test_every_setting_reaches_the_worker() -> None:
    """A setting that was made in Python, not by the environment, is the same in the worker's process."""
    changed = {
        field.name: _other(getattr(Settings(), field.name))
        for field in fields(Settings)
        if not field.name.endswith("_port")  # a worker has no sockets
    }
    settings = replace(Settings(), **changed)
    assert WorkerOptions.of(settings).settings() == settings


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case Path():
            return value / "elsewhere"
        case str():
            return f"not {value}"
        case tuple():
            return (*value, Path("elsewhere"))
    raise AssertionError(f"no other value of {value!r} is known here")


def test_the_glossary_is_short() -> None:
    """A newcomer has at most 25 words to learn, one a line."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Words")[2].partition("## ")[0]
    words = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert 10 < len(words) <= 25
    assert all(word.count("`") == 2 for word in words)


@pytest.mark.parametrize("folder", ["tests"])
def test_nothing_sleeps_and_hopes(folder: str) -> None:
    """A test waits for an event, or looks again and again for a condition; it never sleeps for a time and goes on."""
    for path, tree in sources(folder):
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.While | ast.For | ast.AsyncFor)]
        looking = {id(call) for loop in loops for call in _sleeps(loop)}
        for call in _sleeps(tree):
            assert id(call) in looking, f"{path}:{call.lineno} sleeps"


def _sleeps(tree: ast.AST) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        call
        for call in calls
        if (isinstance(call.func, ast.Attribute) and call.func.attr == "sleep")
        or (isinstance(call.func, ast.Name) and call.func.id == "sleep")
    ]

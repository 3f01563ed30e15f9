"""What people install is what runs: no training, no build tools, no test doubles, and nothing is missing."""

import ast
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "bridge", "midi", "max_for_live")
DOUBLES = {
    "engine/models/testing.py", "engine/service/workers/toy.py", "bridge/testing.py", "midi/live/testing.py",
    "bridge/osc/reference.py",
}  # fmt: skip
DEVICE = {"__init__.py", "py.typed", "errors.py", "install.py", "Ditto Live.amxd"}
NOT_BUILT = (".py", ".typed", ".json", ".safetensors", ".amxd", ".html", ".css", ".js", ".svg")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build the wheel once, by hatchling's own interface and without a network."""
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    with zipfile.ZipFile(built) as file:
        yield file


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    """Return the files of the packages that are in the wheel."""
    return {name for name in wheel.namelist() if name.split("/")[0] in PACKAGES}


def test_the_workshop_stays_in_the_repository(names: set[str]) -> None:
    """Training, what builds the device and test doubles are not installed."""
    assert not {name for name in names if name.startswith("engine/training")}
    assert not names & DOUBLES
    assert {name.removeprefix("max_for_live/") for name in names if name.startswith("max_for_live/")} == DEVICE
    assert {name for name in DOUBLES if (ROOT / name).is_file()} == DOUBLES, "a double that moved would slip in"


def test_everything_else_is_in_it(names: set[str]) -> None:
    """Each module and each file of weights of the other packages is installed, and nothing that is left over."""
    for package in ("engine", "bridge", "midi"):
        there = {
            file.relative_to(ROOT).as_posix()
            for file in (ROOT / package).rglob("*")
            if file.suffix in NOT_BUILT and "training" not in file.relative_to(ROOT).parts
        }
        assert there - DOUBLES == {name for name in names if name.startswith(f"{package}/")}


def test_nothing_imports_what_is_left_out(wheel: zipfile.ZipFile, names: set[str]) -> None:
    """Every import of our own packages, at the top of a module or inside a function, finds a module of the wheel.

    `build-device` is the one exception: it says in a sentence that it needs the repository.
    """
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names}
    for name in sorted(name for name in names if name.endswith(".py")):
        if name == "bridge/cli/commands/build_device.py":
            continue
        for module in imported(wheel.read(name), name):
            assert module in modules, f"{name} imports {module}"


def imported(source: bytes, name: str) -> Iterator[str]:
    """Yield the modules of our own that a module imports from, as absolute names."""
    package = name.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in PACKAGES)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module.split(".")[0] in PACKAGES:
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names if is_module(module, alias.name))


def is_module(package: str, name: str) -> bool:
    """Whether `from package import name` would import a module of the repository."""
    folder = ROOT.joinpath(*package.split("."))
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def test_types_are_told(names: set[str]) -> None:
    """Each package says that it is typed, so that a host's own checker reads the annotations."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_the_metadata_invents_nothing(wheel: zipfile.ZipFile) -> None:
    """Classifiers name what was tried; an address that does not exist is not given; extras for the workshop are."""
    data = metadata(wheel)
    assert data["Name"] == "ditto-live"
    assert data["License-Expression"] == "MIT"
    assert "Typing :: Typed" in data.get_all("Classifier", [])
    assert data.get_all("Project-URL") is None
    assert {"models", "cluster", "device", "mcp", "dev"} == set(data.get_all("Provides-Extra", []))


def metadata(wheel: zipfile.ZipFile) -> Message:
    """Return the wheel's METADATA."""
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return HeaderParser().parsestr(wheel.read(name).decode())

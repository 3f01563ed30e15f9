"""The installed names are this repository's, and what is installed is what the README promises."""

import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "bridge", "midi", "max_for_live")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_common_name_is_ours(name: str) -> None:
    """Another distribution with a top-level `midi` would hide or overwrite our own."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve() == (ROOT / name / "__init__.py").resolve()


def test_only_our_packages_are_installed_at_the_top() -> None:
    """Tests, benchmarks and docs stay in the repository."""
    assert not list((ROOT / "tests").rglob("__init__.py")), "tests/engine would become `engine`"
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(PACKAGES)


def test_the_command_is_installed() -> None:
    """`ditto-live` is the one command, and it starts in this module."""
    (entry,) = [entry for entry in metadata.entry_points(group="console_scripts") if entry.name == "ditto-live"]
    assert entry.value == "bridge.cli.start:main"
    assert callable(entry.load())


def test_importing_the_packages_costs_nothing() -> None:
    """The tops of the packages load neither torch nor anything else that is large."""
    probe = f"import sys, {', '.join(PACKAGES)}; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-Ic", probe], timeout=60, check=False).returncode == 0


def test_no_large_file_is_in_the_repository() -> None:
    """All of `pocket` is at most 32 MiB, the page to listen to 4 MiB, and nothing else is above 2 MiB."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a clone but a copy without git")
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    weights = [path for path in files if path.is_relative_to(ROOT / "engine" / "pocket" / "weights")]
    assert sum(path.stat().st_size for path in weights) <= 32 * 2**20
    page = ROOT / "docs" / "listen" / "index.html"
    assert page.stat().st_size <= 4 * 2**20
    others = [path for path in files if path not in (*weights, page)]
    assert [path.name for path in others if path.stat().st_size > 2 * 2**20] == []

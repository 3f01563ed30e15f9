"""Style, types and import rules hold; they are part of the suite, so that one command is all there is."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# As modules, not as scripts: they run with this Python, whatever PATH says.
CHECKS = {
    "ruff": ["-m", "ruff", "check", "--output-format", "concise"],
    "mypy": ["-m", "mypy", "--hide-error-context", "--no-pretty"],
    "import-linter": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_the_code_is_clean(name: str) -> None:
    """With the configuration in pyproject.toml: no complaint, no unused exception."""
    command = [sys.executable, *CHECKS[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if ": note:" not in line]
    assert done.returncode == 0, "\n".join(lines[-60:])

"""Standard output that is closed, full or read by somebody who leaves: one sentence at most, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LINE = f"{sys.executable} -c 'from bridge.cli.main import main; main()'"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    ("line", "codes", "said"),
    [
        ("--help | true", (0,), ""),
        ("--help >&-", (0,), ""),
        ("models >&-", (0,), ""),
        ("models | head -1", (0,), ""),
        ("--help > /dev/full", (1,), "cannot be written"),
        ("models > /dev/full", (1,), "cannot be written"),
        ("--version 2>&-", (0,), ""),
    ],
)
def test_output_that_goes_nowhere_is_no_fault_of_ours(line: str, codes: tuple[int, ...], said: str) -> None:
    """The exit code is that of our command, and what is said fits in a sentence."""
    done = subprocess.run(
        ["bash", "-c", f"{LINE} {line}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in codes, done.stderr
    assert "Traceback" not in done.stderr
    assert "inside Ditto Live" not in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_old_pipe_gets_what_it_can_show(encoding: str) -> None:
    """Trial 41: letters that a pipe cannot carry become signs, and the command ends as it would elsewhere."""
    done = subprocess.run(
        [sys.executable, "-c", "from bridge.cli.main import main; main()", "words", "piano"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"Heard: piano")
    assert b"Japanese: ???" in done.stdout
    assert b"Traceback" not in done.stderr

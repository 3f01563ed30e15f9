"""Ctrl-C before the command line has begun: one line, and no traceback."""

import signal
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from bridge.cli import start

PRESSED = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
LOADING = f"""
import sys
wanted = sys.argv[1]
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            {PRESSED}
from bridge.cli.start import main
sys.meta_path.insert(0, Pressed())
sys.argv = ["ditto-live", *sys.argv[2:]]
main()
"""
unix = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal that a process sends itself")


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-Pc", code, *arguments], capture_output=True, text=True, timeout=60)


@unix
@pytest.mark.parametrize("module", ["bridge.cli.main", "bridge.cli.guard", "typer", "bridge.cli.commands.words"])
def test_ctrl_c_while_something_is_loaded_is_one_line(module: str) -> None:
    """Whatever is being loaded when it comes, the command line's own modules and libraries alike."""
    done = run(LOADING, module, "words", "--help")
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


@unix
def test_ctrl_c_at_the_very_end_is_one_line() -> None:
    """When the command is done, and Python is on its way out."""
    done = run(f"import atexit; from bridge.cli.start import main\natexit.register(lambda: exec({PRESSED!r}))\nmain()")
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


@unix
def test_an_ignored_ctrl_c_stays_ignored() -> None:
    """As in a job in the background: `nohup`, or `&` in a script."""
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nfrom bridge.cli import start\n{PRESSED}"
    done = run(f"{ignoring}\nstart.main()")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_runs_is_interrupted_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command hears `KeyboardInterrupt`, so that it keeps its best take."""
    heard = []
    monkeypatch.setattr("bridge.cli.main.main", lambda: heard.append(signal.getsignal(signal.SIGINT)))
    start.main()
    assert heard == [signal.default_int_handler]
    start.interrupt(raises=True)


def test_the_program_begins_here() -> None:
    """The installed `ditto-live` loads nothing else first."""
    (entry,) = (one for one in entry_points(group="console_scripts") if one.name == "ditto-live")
    assert entry.value == "bridge.cli.start:main"

"""The command line's door: it answers at once, and nobody meets a traceback."""

import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.cli.guard import exit_code, guarded
from bridge.cli.main import COMMANDS, run
from engine.errors import BadInputError, BadRequestError, DittoError, InternalError, ModelError, OutOfMemoryError
from midi.errors import MidiError

HEAVY = ("torch", "diffusers", "numba", "matplotlib", "scipy", "numpy", "typer", "rich")


def loaded_after(statement: str) -> set[str]:
    """Return which heavy packages a fresh Python has loaded after `statement`."""
    probe = f"import sys; {statement}; print('|' + ' '.join(n for n in {HEAVY} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-Ic", probe], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.rpartition("|")[2].split())


def test_help_answers_without_loading_anything_heavy() -> None:
    """The list of commands comes from a table; none of them is imported for it."""
    assert loaded_after("from bridge.cli.main import run; run(['--help'])") == set()


def test_a_commands_help_does_not_load_torch() -> None:
    """Torch is for those who render."""
    loaded = loaded_after("from bridge.cli.main import run; run(['render', '--help'])")
    assert loaded.isdisjoint({"torch", "diffusers", "numba", "matplotlib"})


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """What is in the table is in the help, with a sentence."""
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in said
        assert command.summary in said
    assert run([]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row of the table has a module with a command that has help."""
    assert find_spec(f"bridge.cli.commands.{COMMANDS[name].module}") is not None
    import_module(f"bridge.cli.commands.{COMMANDS[name].module}")
    assert run([name, "--help"]) == 0
    assert "Usage: ditto-live " + name in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_typed_with_hyphens(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No option has an underscore, and so has none that switches off."""
    assert run([name, "--help"]) == 0
    options = re.findall(r"--[\w-]+", capsys.readouterr().out)
    assert options
    assert not [option for option in options if "_" in option]


def test_an_unknown_command_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the list."""
    assert run(["rendr"]) == 2
    said = capsys.readouterr().err
    assert "no command 'rendr'" in said
    assert "render, play" in said


@pytest.mark.parametrize("name", ["engine", "serve"])
def test_an_unknown_executor_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt one would otherwise run on this computer alone, without a word."""
    assert run([name, "--executor", "rya"]) == 2
    error = capsys.readouterr().err
    assert "'rya' is not one of 'local', 'ray'" in error


@pytest.mark.parametrize(
    ("command", "value"),
    [
        (["serve", "--port"], "65536"), (["serve", "--port"], "-5"), (["serve", "--engine-port"], "99999"),
        (["serve", "--engine-port"], "-1"), (["serve", "--page-port"], "70000"), (["serve", "--page-port"], "-1"),
        (["install-service", "--port"], "70000"), (["install-service", "--engine-port"], "70000"),
        (["install-service", "--page-port"], "70000"), (["bridge", "--port"], "70000"), (["engine", "--port"], "-1"),
        (["send", "--prompt", "house", "--osc", "--port"], "70000"), (["serve", "--workers"], "0"),
        (["engine", "--workers"], "-3"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused_before_anything_starts(
    command: list[str], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No engine that is started again and again without end, and none that accepts requests and makes none."""
    assert run([*command, value]) == 2
    said = capsys.readouterr().err
    assert command[-1] in said
    assert ("the highest number is 65535" if int(value) > 0 else "the lowest number is ") in said


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """As a report of a fault needs it."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ditto-live ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequestError("Bars."), 2),
        (BadInputError("File."), 2),
        (ModelError("Model."), 2),
        (MidiError("x", "Clip.", "Mend it."), 2),
        (OutOfMemoryError("Full."), 1),
        (InternalError("Ours."), 1),
    ],
)
def test_what_the_producer_can_mend_is_2_and_the_rest_1(
    error: DittoError | MidiError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence and what to do go to stderr, a line each."""

    def fail() -> int:
        raise error

    assert guarded(fail) == exit_code(error) == code
    assert capsys.readouterr().err.splitlines() == [error.sentence, error.remedy]


def test_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    """As shells have it."""

    def stop() -> int:
        raise KeyboardInterrupt

    assert guarded(stop) == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.parametrize(("name", "said"), [("render", "Stopped; nothing was kept.\n"), ("words", "Stopped.\n")])
@pytest.mark.parametrize("moment", ["while it loads", "while it runs"])
def test_ctrl_c_is_never_silent(
    name: str, said: str, moment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Newcomer C: one line, whether the command was being loaded or worked, within the option parser or after it."""

    def command() -> int:
        raise KeyboardInterrupt

    def load(*_: object) -> SimpleNamespace:
        return SimpleNamespace(command=command) if moment == "while it runs" else SimpleNamespace(command=command())

    monkeypatch.setattr("bridge.cli.main.import_module", load)
    assert run([name]) == 130
    assert capsys.readouterr().err == said


def test_a_fault_of_ours_is_kept_for_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The person reads sentences; the traceback lies in a file that they name."""
    monkeypatch.setenv("DITTO_HOME", str(tmp_path))

    def fail() -> int:
        raise ZeroDivisionError("a fault of ours")

    assert guarded(fail) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert str(tmp_path / "last-fault.txt") in said
    assert "a fault of ours" in (tmp_path / "last-fault.txt").read_text(encoding="utf-8")

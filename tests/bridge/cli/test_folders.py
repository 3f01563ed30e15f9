"""Folders that are files, not there or not named: said before anything is begun."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli.main import run
from engine.settings import Settings

FOLDERS = ("DITTO_HOME", "DITTO_TAKES")


@pytest.mark.parametrize("command", [["takes"], ["serve"], ["bridge"], ["takes", "replay", "latest"]])
def test_a_file_as_the_folder_of_takes_is_said(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not that there are no takes, nor later that one cannot be written."""
    file = tmp_path / "takes"
    file.write_text("mine")
    assert run([*command, "--takes", str(file)]) == 2
    assert f"{file} is a file, not a folder." in capsys.readouterr().err


def test_a_file_as_the_data_folder_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by an option or by the environment."""
    file = tmp_path / "home"
    file.write_text("mine")
    assert run(["engine", "--home", str(file)]) == 2
    assert f"{file} is a file" in capsys.readouterr().err
    monkeypatch.setenv("DITTO_HOME", str(file))
    assert run(["serve"]) == 2
    assert f"{file} is a file" in capsys.readouterr().err


def test_a_folder_of_takes_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it was named; a misspelt name is not an empty folder."""
    assert run(["takes", "--takes", str(tmp_path / "taeks")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_no_code_is_shown_where_no_key_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody types sixteen letters for a pairing that cannot be."""
    (tmp_path / "keys").write_text("in the way")
    assert run(["engine", "--pair", "--home", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "cannot be made" in said
    assert "--pair" not in said


def test_an_empty_name_of_a_folder_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """`DITTO_HOME= ditto-live serve` keeps its journal in the usual place, not in whatever folder one is in."""
    usual = Settings()
    for name in ("DITTO_HOME", "DITTO_TAKES", "DITTO_MODELS"):
        monkeypatch.setenv(name, "")
    assert Settings().home.is_absolute()
    assert Settings().models.is_absolute()
    assert Settings().takes.is_absolute()
    assert usual.home.is_absolute()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows always has one")
def test_a_user_without_a_home_folder_is_told(tmp_path: Path) -> None:
    """As in some containers: one sentence, no folder named ~, and with the folders named all works."""
    program = (
        "import pwd, sys\n\n"
        "def unknown(_):\n    raise KeyError\n\n"
        "pwd.getpwuid = pwd.getpwnam = unknown\n"
        "from bridge.cli.main import run\nsys.exit(run(['takes']))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", *FOLDERS)}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (2, "This user has no home folder.")
    assert list(tmp_path.iterdir()) == []
    environment |= {name: str(tmp_path / name) for name in FOLDERS}
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def test_a_data_folder_that_cannot_be_made_is_said_with_the_variable_that_names_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `open`, too; its disk need not be gone for that."""
    (tmp_path / "file").write_text("in the way")
    assert run(["open", "--print", "--home", str(tmp_path / "file" / "home")]) == 2
    said = capsys.readouterr().err
    assert f"The folder {tmp_path / 'file' / 'home'} cannot be made" in said
    assert "DITTO_HOME" in said


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of folders are always Unicode there")
@pytest.mark.parametrize("command", ["serve", "bridge", "engine"])
def test_a_folder_whose_name_is_not_utf_8_is_said_at_once(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other process, device or page could be told it."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    monkeypatch.setenv("DITTO_HOME", str(tmp_path / "home"))
    assert run([command, "--home", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "is not UTF-8" in said
    assert "DITTO_HOME" in said


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of folders are always Unicode there")
def test_a_folder_that_python_cannot_spell_in_this_locale_is_not_said_to_be_wrong(tmp_path: Path) -> None:
    """What is wrong is the locale, and that Python was told to use it."""
    odd = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "bridge.cli.main", "serve", "--home", str(tmp_path / "café")]
    done = subprocess.run(command, env=os.environ | odd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Python reads names of files as ascii here, not as UTF-8" in done.stderr
    assert "PYTHONUTF8" in done.stderr

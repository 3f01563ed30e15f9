"""The engine at login: the texts each platform reads, and the commands that install, start and remove it."""

import plistlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.login import control, launchd, systemd, windows
from bridge.cli.login.control import Launchd, Ran, ServiceError, Systemd, Tasks
from bridge.cli.login.program import Program, folder_options, serving
from bridge.cli.main import run
from bridge.session.identity import alone
from engine.errors import BadInputError

STRANGE = 'a folder/100 % of "$HOME" & <Ü>\\'
PROGRAM = Program(("/usr/bin/env", "-P", STRANGE), {"DITTO_HOME": STRANGE}, Path("/logs") / "serve.log")
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
SETTINGS = {
    "AllowStartOnDemand", "RestartOnFailure", "MultipleInstancesPolicy", "DisallowStartIfOnBatteries",
    "StopIfGoingOnBatteries", "AllowHardTerminate", "StartWhenAvailable", "NetworkProfileName",
    "RunOnlyIfNetworkAvailable", "WakeToRun", "Enabled", "Hidden", "DeleteExpiredTaskAfter", "IdleSettings",
    "NetworkSettings", "ExecutionTimeLimit", "Priority", "RunOnlyIfIdle",
}  # fmt: skip  # settingsType of the schema
TOLD = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1).filter(str.isprintable)


class Commands:
    """Stands in for the platform's commands: notes each, and answers as `answer` says."""

    def __init__(self, answer: Callable[[Sequence[str]], Ran] = lambda _: Ran(0)) -> None:
        self.lines: list[str] = []
        self._answer = answer

    def __call__(self, command: Sequence[str]) -> Ran:
        self.lines.append(" ".join(command))
        return self._answer(command)


def _children(element: Element) -> list[str]:
    return [child.tag.removeprefix(NAMESPACE) for child in element]


# -- the texts


def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` reads it without a word, strange folders included."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this computer")
    path = tmp_path / systemd.UNIT_NAME
    path.write_text(systemd.unit(PROGRAM))
    command = ["systemd-analyze", "verify", "--user", "--man=no", "--recursive-errors=no", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env={"XDG_RUNTIME_DIR": str(tmp_path)}, check=False)
    assert [line for line in done.stderr.splitlines() if systemd.UNIT_NAME in line] == []
    assert done.returncode == 0


def _read_back(line: str) -> str:
    """Read a quoted word as systemd.syntax(7) and systemd.service(5) have it."""
    assert line[0] == line[-1] == '"'
    word, rest = "", iter(line[1:-1])
    for letter in rest:
        assert letter != '"'
        following = next(rest) if letter in "\\%$" else letter
        assert letter == "\\" or following == letter  # %% and $$ stand for themselves
        word += following
    return word


@given(TOLD)
def test_a_unit_gives_back_every_word(word: str) -> None:
    """Whatever letters a folder's name has, systemd reads them as they are."""
    unit = systemd.unit(Program(("/python", word)))
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    assert _read_back(line.removeprefix('ExecStart="/python" ')) == word


def test_a_line_break_is_refused_in_words() -> None:
    """No service file can hold one, and a second line could be another setting."""
    with pytest.raises(BadInputError, match="line break"):
        Program(("/python", "a\nExecStartPre=/bin/false"))


def test_a_launchd_agent_has_the_documented_keys_and_types() -> None:
    """As launchd.plist(5) has them; a program that ended well is not started again."""
    found = plistlib.loads(launchd.agent(PROGRAM))
    types = {
        "Label": str, "ProgramArguments": list, "EnvironmentVariables": dict, "RunAtLoad": bool, "KeepAlive": dict,
        "ThrottleInterval": int, "ProcessType": str, "LimitLoadToSessionType": str, "StandardOutPath": str,
        "StandardErrorPath": str,
    }  # fmt: skip
    assert {key: type(value) for key, value in found.items()} == types
    assert found["ProgramArguments"] == list(PROGRAM.command)
    assert found["EnvironmentVariables"] == {"DITTO_HOME": STRANGE}
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["ProcessType"] in ("Standard", "Background", "Adaptive", "Interactive")


def test_a_windows_task_has_the_elements_in_the_order_of_the_schema() -> None:
    """Task Scheduler Schema 1.2: triggers and restarts are sequences, and Windows refuses another order."""
    text = windows.task(PROGRAM, "STUDIO\\zoë & co")
    task = fromstring(text.encode(windows.ENCODING))
    assert task.tag == f"{NAMESPACE}Task"
    assert task.get("version") == "1.2"
    assert _children(task) == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    registered, logon = list(task[1])
    assert _children(registered) == ["Enabled", "Repetition"]
    assert _children(logon) == ["Enabled", "Repetition", "UserId"]
    assert set(_children(task[3])) <= SETTINGS
    assert _children(task[3][-1]) == ["Interval", "Count"]
    assert int(task[3][-1][1].text or "") <= 255  # an unsigned byte
    assert task.findtext(f"{NAMESPACE}Principals/{NAMESPACE}Principal/{NAMESPACE}RunLevel") == "LeastPrivilege"
    assert task.findtext(f"{NAMESPACE}Settings/{NAMESPACE}MultipleInstancesPolicy") == "IgnoreNew"
    assert task.findtext(f"{NAMESPACE}Settings/{NAMESPACE}ExecutionTimeLimit") == "PT0S"  # never ended by Windows
    assert task.findtext(f"{NAMESPACE}Actions/{NAMESPACE}Exec/{NAMESPACE}Command") == "/usr/bin/env"
    arguments = task.findtext(f"{NAMESPACE}Actions/{NAMESPACE}Exec/{NAMESPACE}Arguments")
    assert arguments == subprocess.list2cmdline(["-P", STRANGE])


def test_tasks_of_two_users_have_two_names() -> None:
    """All users of a computer share the list of tasks, and a name may not hold a backslash."""
    names = {windows.task_name(user) for user in ("STUDIO\\ann", "STUDIO\\bob")}
    assert len(names) == 2
    assert not any(set(name) & set('\\/:*?"<>|') for name in names)


# -- the program


def test_the_folders_of_this_shell_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session at login has not read the shell's start-up files, so they go along, absolute."""
    monkeypatch.setenv("DITTO_HOME", "data")
    program = serving(["--model", "x"])
    assert program.environment["DITTO_HOME"] == str(Path("data").absolute())
    assert program.command[-4:] == ("serve", "--wait", "--model", "x")
    assert Path(program.command[0]).is_absolute()
    assert all(name.startswith("DITTO_") for name in program.environment)
    assert folder_options()[:2] == ("--home", str(Path("data").absolute()))


def test_a_service_waits_for_a_bridge_that_runs(tmp_path: Path) -> None:
    """`serve --wait` beside a `serve` in a terminal takes over when that ends, and is not started in vain."""
    program = (
        "import pathlib\nfrom bridge.session import identity\n"
        "identity.POLL_SECONDS = 0.05\nprint('waits', flush=True)\n"
        f"with identity.alone(pathlib.Path({str(tmp_path)!r}), wait=True): print('has it', flush=True)"
    )
    with alone(tmp_path):
        second = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert second.stdout.readline() == "waits\n"
        assert second.poll() is None
    assert second.communicate(timeout=60)[0] == "has it\n"


def test_a_log_goes_on_where_it_was_and_moves_aside_when_it_is_long(tmp_path: Path) -> None:
    """Windows keeps no log of a task: what the process and its children say lands in the file."""
    log = tmp_path / "folder" / "serve.log"
    program = (
        "import pathlib, subprocess, sys\nfrom bridge.cli.login.log import speak_to\n"
        f"speak_to(pathlib.Path({str(log)!r}))\nprint('out')\nprint('err', file=sys.stderr)\n"
        "sys.stdout.flush()\nsubprocess.run([sys.executable, '-c', 'print(\"child\")'])"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True)
    assert sorted(log.read_text().split()) == sorted(["out", "err", "child"] * 2)
    with log.open("ab") as file:
        file.truncate(6_000_000)
    subprocess.run([sys.executable, "-c", program], check=True)
    assert len(log.read_text().split()) == 3
    assert log.with_suffix(".old.log").stat().st_size == 6_000_000


# -- the commands


def test_the_service_lives_in_a_real_systemd_session(tmp_path: Path) -> None:
    """Installed, makes a loop, is killed and comes back, is stopped, opened, installed again, and removed."""
    if not all(shutil.which(name) for name in ("systemd", "systemctl", "unshare")):
        pytest.skip("systemd and unshare are not on this computer")
    program = Path(__file__).parents[2] / "support" / "user_session.py"
    ports = [str(_free_port()) for _ in range(3)]
    done = subprocess.run(
        [sys.executable, "-P", str(program), "outside", str(tmp_path), *ports],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this computer allows no namespaces with a control group of their own")
    assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_a_systemd_session_the_command_for_the_desktop_is_said(tmp_path: Path) -> None:
    """Nothing is written, and the sentence holds what to start at login."""
    service = Systemd(tmp_path, Commands(lambda _: Ran(1, "Failed to connect to bus")))
    with pytest.raises(ServiceError, match="no systemd user session") as refused:
        service.install([])
    assert "bridge.cli.main serve" in refused.value.remedy
    assert not service.is_installed()


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    """The producer reads the platform's own words."""
    fail = Commands(lambda command: Ran(1, "Unit is masked.") if "enable" in command else Ran(0))
    with pytest.raises(ServiceError, match=r"systemctl --user enable.*Unit is masked"):
        Systemd(tmp_path, fail).install([])


def test_an_agent_is_loaded_again_until_the_old_one_is_gone(tmp_path: Path) -> None:
    """An agent is taken down in launchd's own time, and the new one is refused until then."""
    busy = iter([5, 5, 0])
    commands = Commands(lambda command: Ran(next(busy)) if "bootstrap" in command else Ran(0))
    pauses: list[float] = []
    service = Launchd(tmp_path, commands, pauses.append)
    installed = service.install([])
    assert len(pauses) == 2
    assert [line.split()[1] for line in commands.lines] == ["bootout", "enable", *["bootstrap"] * 3]
    assert plistlib.loads(service.path.read_bytes())["Label"] == launchd.LABEL
    assert "Library/Logs" in installed.log
    assert service.is_installed()
    service.start()
    assert commands.lines[-1].startswith("launchctl kickstart gui/")
    service.remove()
    assert not service.is_installed()


def test_a_task_is_registered_from_its_xml_and_removed(tmp_path: Path) -> None:
    """As a file in UTF-16, which is what schtasks reads."""
    read: list[str] = []

    def answer(command: Sequence[str]) -> Ran:
        if "/Create" in command:
            read.append(Path(command[command.index("/XML") + 1]).read_text(windows.ENCODING))
        return Ran(0)

    commands = Commands(answer)
    service = Tasks(tmp_path, "STUDIO\\ann", commands)
    service.install(["--model", "x"])
    arguments = fromstring(read[0].encode(windows.ENCODING)).findtext(f".//{NAMESPACE}Arguments") or ""
    assert f"--log {tmp_path / 'serve.log'}" in arguments
    assert "--home" in arguments  # a task has no variables of its own
    service.start()
    service.remove()
    assert [line.split()[1] for line in commands.lines] == ["/End", "/Create", "/Run", "/End", "/Delete"]


@pytest.mark.parametrize("command", ["install-service", "remove-service"])
def test_root_is_refused(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A service of root's would write takes that the producer cannot touch."""
    monkeypatch.setattr(control.os, "geteuid", lambda: 0)
    assert run([command]) == 1
    said = capsys.readouterr().err
    assert "never runs as root" in said
    assert "without sudo" in said

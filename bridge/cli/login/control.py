"""Installs, starts and removes the service with the platform's own commands."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import platformdirs

from engine.errors import DittoError
from engine.files import publish
from engine.settings import Settings

from . import launchd, systemd, windows
from .program import Program, folder_options, serving

RETRIES = 20  # launchd takes an agent down in its own time
RETRY_SECONDS = 0.25


class ServiceError(DittoError):
    """The engine cannot be started at login; the sentence says why."""

    code = "service"
    remedy = "Start it with `ditto-live serve`, and leave that running."


@dataclass(frozen=True, slots=True)
class Ran:
    """Exit code and output of a command of the platform's."""

    code: int
    said: str = ""


Run = Callable[[Sequence[str]], Ran]


def run_command(command: Sequence[str]) -> Ran:
    """Run one of the platform's commands; one that is not there ends like a shell's, with 127."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        return Ran(127, f"{command[0]} is not on this computer")
    return Ran(done.returncode, (done.stderr or done.stdout).strip())


@dataclass(frozen=True, slots=True)
class Installed:
    """The file or task that was written, and the commands that show its state and its log."""

    written: str
    state: str
    log: str


class Service(Protocol):
    """The service on one platform; what goes wrong raises `ServiceError`."""

    def install(self, options: Sequence[str]) -> Installed:
        """Write it, start it now and at each login; a service that was there is replaced."""

    def is_installed(self) -> bool:
        """Whether it was installed for this user."""

    def start(self) -> None:
        """Start it, if it does not run."""

    def remove(self) -> str:
        """Stop it and take it away; return what was removed."""


@dataclass(frozen=True, slots=True)
class Systemd:
    """A systemd user unit."""

    config: Path = field(default_factory=platformdirs.user_config_path)
    run: Run = run_command

    @property
    def path(self) -> Path:
        """The unit's file."""
        return systemd.unit_file(self.config)

    def install(self, options: Sequence[str]) -> Installed:
        """Write the unit, enable and (re)start it."""
        program = serving(options)
        self._session(program)
        _write(self.path, systemd.unit(program).encode())
        for words in (("daemon-reload",), ("enable", systemd.UNIT_NAME), ("restart", systemd.UNIT_NAME)):
            self._do(*words)
        name = systemd.UNIT_NAME.removesuffix(".service")
        return Installed(str(self.path), f"systemctl --user status {name}", f"journalctl --user -u {name} -e")

    def is_installed(self) -> bool:
        """Whether the unit's file is there."""
        return self.path.is_file()

    def start(self) -> None:
        """Start the unit."""
        self._do("start", systemd.UNIT_NAME)

    def remove(self) -> str:
        """Stop and disable the unit, and delete its file, also where no session runs."""
        if self.run(("systemctl", "--user", "show-environment")).code == 0:
            self._do("disable", "--now", systemd.UNIT_NAME)
        self.path.unlink()
        self.run(("systemctl", "--user", "daemon-reload"))
        return str(self.path)

    def _session(self, program: Program) -> None:
        """Raise where this login has no systemd session of its own, with what can be done instead."""
        if self.run(("systemctl", "--user", "show-environment")).code == 0:
            return
        words = [word for word in program.command if word != "--wait"]
        raise ServiceError(
            "This login has no systemd user session, which would start the engine.",
            remedy="Let your desktop start this command at login (its Startup Applications, or a file in "
            f"~/.config/autostart): {subprocess.list2cmdline(words)}",
        )

    def _do(self, *words: str) -> None:
        _succeed(self.run, ("systemctl", "--user", *words))


@dataclass(frozen=True, slots=True)
class Launchd:
    """A launchd agent."""

    home: Path = field(default_factory=Path.home)
    run: Run = run_command
    pause: Callable[[float], None] = time.sleep

    @property
    def path(self) -> Path:
        """The agent's file."""
        return launchd.agent_file(self.home)

    @property
    def _target(self) -> str:
        return f"{self._domain}/{launchd.LABEL}"

    @property
    def _domain(self) -> str:
        return f"gui/{os.getuid()}" if sys.platform != "win32" else "gui"

    def install(self, options: Sequence[str]) -> Installed:
        """Write the agent and load it; launchd starts it at once."""
        log = launchd.log_file(self.home)
        log.parent.mkdir(parents=True, exist_ok=True)
        _write(self.path, launchd.agent(serving(options, log=log)))
        self.run(("launchctl", "bootout", self._target))  # fails where there is none
        self.run(("launchctl", "enable", self._target))
        self._load()
        return Installed(str(self.path), f"launchctl print {self._target}", f'tail "{log}"')

    def is_installed(self) -> bool:
        """Whether the agent's file is there."""
        return self.path.is_file()

    def start(self) -> None:
        """Load the agent, if it is not, and start it."""
        if self.run(("launchctl", "print", self._target)).code != 0:
            self._load()
        _succeed(self.run, ("launchctl", "kickstart", self._target))

    def remove(self) -> str:
        """Unload the agent, which stops it, and delete its file."""
        self.run(("launchctl", "bootout", self._target))
        self.path.unlink()
        return str(self.path)

    def _load(self) -> None:
        load = ("launchctl", "bootstrap", self._domain, str(self.path))
        for _ in range(RETRIES):  # the one before may still be on its way out
            if self.run(load).code == 0:
                return
            self.pause(RETRY_SECONDS)
        _succeed(self.run, load)


@dataclass(frozen=True, slots=True)
class Tasks:
    """A scheduled task of Windows."""

    data: Path = field(default_factory=lambda: Settings().home)
    user: str = field(default_factory=lambda: run_command(("whoami",)).said)  # DOMAIN\name
    run: Run = run_command

    @property
    def name(self) -> str:
        """The task's name."""
        return windows.task_name(self.user)

    def install(self, options: Sequence[str]) -> Installed:
        """Register the task, which starts it."""
        log = self.data / "serve.log"
        program = serving((*folder_options(), *options), windowless=True, log=log)
        self.run(("schtasks", "/End", "/TN", self.name))  # fails where there is none
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "task.xml")
            path.write_text(windows.task(program, self.user), encoding=windows.ENCODING)
            _succeed(self.run, ("schtasks", "/Create", "/TN", self.name, "/XML", str(path), "/F"))
        return Installed(
            f"the scheduled task ‘{self.name}’", f'schtasks /Query /TN "{self.name}" /V /FO LIST', f'type "{log}"'
        )

    def is_installed(self) -> bool:
        """Whether the task is registered."""
        return self.run(("schtasks", "/Query", "/TN", self.name)).code == 0

    def start(self) -> None:
        """Start the task."""
        _succeed(self.run, ("schtasks", "/Run", "/TN", self.name))

    def remove(self) -> str:
        """Stop the task and delete it."""
        self.run(("schtasks", "/End", "/TN", self.name))
        _succeed(self.run, ("schtasks", "/Delete", "/TN", self.name, "/F"))
        return f"the scheduled task ‘{self.name}’"


def own_service(platform: str = sys.platform) -> Service:
    """Return the service of this platform; raises `ServiceError` where there is none."""
    if platform == "darwin":
        return Launchd()
    if platform == "win32":
        return Tasks()
    if shutil.which("systemctl") is None:
        command = subprocess.list2cmdline([sys.executable, "-P", "-m", "bridge.cli.main", "serve"])
        raise ServiceError(
            "This computer has no systemd, which would start the engine.",
            remedy=f"Let your desktop, or the init system that you have, start this command at login: {command}",
        )
    return Systemd()


def installed_service() -> Service | None:
    """Return this user's service where one is installed."""
    try:
        service = own_service()
    except ServiceError:
        return None
    return service if service.is_installed() else None


def refuse_root(user_id: int | None = None) -> None:
    """Raise `ServiceError` for root: takes, keys and Live belong to the producer."""
    if user_id is None:
        user_id = os.geteuid() if sys.platform != "win32" else 1
    if user_id == 0:
        raise ServiceError(
            "The engine never runs as root, and a service of root's is of no use to Live.",
            remedy="Run the command as yourself, without sudo.",
        )


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, content, overwrite=True)
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror}.") from error


def _succeed(run: Run, command: Sequence[str]) -> None:
    ran = run(command)
    if ran.code != 0:
        raise ServiceError(f"`{subprocess.list2cmdline(command)}` failed: {ran.said or f'exit code {ran.code}'}")

"""What is started at login: a command and the environment that names the producer's folders."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import BadInputError

PURPOSE = "Ditto Live: makes the loops that the device in Ableton Live asks for"
RESTART_SECONDS = 5  # between a crash and the next start


@dataclass(frozen=True, slots=True)
class Program:
    """A command, its program first and absolute, and the variables it needs; `log` where the platform keeps none."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None

    def __post_init__(self) -> None:
        for text in (*self.command, *self.environment.values(), str(self.log or "")):
            if not text.isprintable():
                raise BadInputError(
                    f"{text!r} holds a line break or another character that no service file can hold.",
                    remedy="Rename the folder, and try again.",
                )


def serving(options: Sequence[str] = (), *, windowless: bool = False, log: Path | None = None) -> Program:
    """Return `ditto-live serve --wait` with this Python and this shell's DITTO_ folders.

    `-P` keeps files that lie in the home folder from being imported. `windowless` takes the Python that opens no
    console window, which has no standard error: it needs a `log`.
    """
    python = Path(sys.executable)
    if windowless and (quiet := python.with_name("pythonw.exe")).is_file():
        python = quiet
    logged = ("--log", str(log)) if log is not None else ()
    command = (str(python), "-P", "-m", "bridge.cli.main", "serve", "--wait", *logged, *options)
    return Program(command, own_folders(os.environ), log)


def own_folders(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the DITTO_ variables: a session that begins at login has not read a shell's start-up files."""
    named = {name: value for name, value in sorted(environment.items()) if name.startswith("DITTO_")}
    return {name: _absolute(value) if name in _FOLDERS else value for name, value in named.items()}


def folder_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the options of `serve` for the folders that are named by variables, where no variable can be given."""
    named = own_folders(environment)
    pairs = (("--home", named.get("DITTO_HOME")), ("--takes", named.get("DITTO_TAKES")))
    return tuple(word for flag, folder in pairs if folder for word in (flag, folder))


_FOLDERS = ("DITTO_HOME", "DITTO_TAKES", "DITTO_MODELS")


def _absolute(folder: str) -> str:
    return str(Path(folder).absolute()) if folder else folder

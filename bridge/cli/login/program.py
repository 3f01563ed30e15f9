"""The program that a login starts: a command and the environment that names the producer's folders."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import BadInputError
from engine.settings import own_variables

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
    """Return `ditto-live serve --wait` with this Python and the DITTO_ variables, which a login does not have.

    `-P` keeps files that lie in the home folder from being imported. `windowless` takes the Python that opens no
    console window, which has no standard error: it needs a `log`.
    """
    python = Path(sys.executable)
    if windowless and (quiet := python.with_name("pythonw.exe")).is_file():
        python = quiet
    logged = ("--log", str(log)) if log is not None else ()
    command = (str(python), "-P", "-m", "bridge.cli.main", "serve", "--wait", *logged, *options)
    return Program(command, own_variables(), log)


def folder_options() -> tuple[str, ...]:
    """Return the options of `serve` for the folders that are named by variables, where no variable can be given."""
    named = own_variables()
    pairs = (("--home", named.get("DITTO_HOME")), ("--takes", named.get("DITTO_TAKES")))
    return tuple(word for flag, folder in pairs if folder for word in (flag, folder))

"""`ditto-live open`: the studio page in the browser; what is missing is started first."""

import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.errors import EngineUnavailableError
from engine.settings import Settings

from ..guard import say
from ..running import placed

PATIENCE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.1


class Found(msgspec.Struct):
    """What the running page has left word of."""

    port: int
    token: str
    pid: int


def open_(
    print_only: Annotated[bool, typer.Option("--print", help="Only print the address, as the last word.")] = False,
    home: Annotated[Path | None, typer.Option(help="Where the journal, keys and logs lie.")] = None,
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
) -> int:
    """Open the studio page, starting bridge and engine where they do not run yet."""
    settings = placed(Settings(), home, takes)
    found = running(settings)
    if found is None:
        say("Starting the engine …")
        _start(home, takes, settings)
        found = _wait(settings)
    from bridge.page.app import address

    where = address(found.port, found.token)
    if print_only:
        sys.stdout.write(f"{where}\n")
    elif not webbrowser.open(where):
        say(f"No browser could be opened. The page is at {where}")
    return 0


def running(settings: Settings) -> Found | None:
    """Return the page that runs on this computer, None where none answers."""
    import socket

    from bridge.page.server import page_file

    try:
        found = msgspec.json.decode(page_file(settings).read_bytes(), type=Found)
        with socket.create_connection(("127.0.0.1", found.port), timeout=2):
            return found
    except (OSError, msgspec.DecodeError):
        return None


def _start(home: Path | None, takes: Path | None, settings: Settings) -> None:
    """Start `ditto-live serve` as a process of its own, its words in the log folder."""
    command = [sys.executable, "-m", "bridge.cli.main", "serve"]
    command += ["--home", str(home)] if home else []
    command += ["--takes", str(takes)] if takes else []
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "serve.log").open("ab") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _wait(settings: Settings) -> Found:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = running(settings)
        if found is not None:
            return found
        time.sleep(LOOK_AGAIN_SECONDS)
    raise EngineUnavailableError(
        "The engine did not start within a minute.", remedy=f"Read {settings.home / 'serve.log'}, or try `serve`."
    )

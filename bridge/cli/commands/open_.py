"""`ditto-live open`: the studio page in the browser; what is missing is started first.

The service that `install-service` made is started where there is one, unless other folders are named.
"""

import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from engine.errors import EngineUnavailableError
from engine.files import make_folder
from engine.settings import Settings

from ..guard import say
from ..login.control import installed_service
from ..running import placed

PATIENCE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.1


class Found(msgspec.Struct):
    """The file that a running page leaves: its port, its token and its process."""

    port: int
    token: str
    pid: int


def open_(
    print_only: Annotated[bool, typer.Option("--print", help="Only print the address, as the last word.")] = False,
    home: Annotated[Path | None, typer.Option(help="Folder of the journal, keys and logs.")] = None,
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
) -> int:
    """Open the studio page, starting bridge and engine where they do not run yet."""
    settings = placed(Settings(), home, takes)
    found = running(settings)
    if found is None:
        say("Starting the engine …")
        service = None if home or takes else installed_service()
        if service is not None:
            service.start()
        started = None if service is not None else _start(home, takes, settings)
        found = _wait(settings, started, "" if service else f"Read {settings.home / 'serve.log'}.")
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


def _start(home: Path | None, takes: Path | None, settings: Settings) -> "subprocess.Popen[bytes]":
    """Start `ditto-live serve` as a process of its own, its words in the log folder."""
    command = [sys.executable, "-P", "-m", "bridge.cli.main", "serve"]
    command += ["--home", str(home)] if home else []
    command += ["--takes", str(takes)] if takes else []
    make_folder(settings.home, "DITTO_HOME")
    with (settings.home / "serve.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _wait(settings: Settings, started: "subprocess.Popen[bytes] | None", remedy: str) -> Found:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = running(settings)
        if found is not None:
            return found
        if started is not None and started.poll() is not None:
            words = (settings.home / "serve.log").read_text("utf-8", errors="replace").strip().splitlines()[-2:]
            raise EngineUnavailableError(f"The engine does not start. {' '.join(words)}".strip(), remedy=remedy)
        time.sleep(LOOK_AGAIN_SECONDS)
    raise EngineUnavailableError(
        "The engine did not start within a minute.",
        remedy=remedy or "`ditto-live install-service` says where its log is.",
    )

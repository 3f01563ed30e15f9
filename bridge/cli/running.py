"""Common options, and a common start, of the commands that load a model or keep running."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import BadInputError
from engine.settings import MAX_PORT, ExecutorKind, Settings

if TYPE_CHECKING:
    from bridge.page.server import Page
    from bridge.server import Bridge
    from engine.service.options import EngineOptions
    from engine.service.workers.worker_options import WorkerOptions

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16 or float16.")]
FirstModel = Annotated[str, typer.Option(help="Model to load at once; others are loaded when they are asked for.")]
Executor = Annotated[ExecutorKind, typer.Option(help="local, or ray for a cluster.")]
OscPort = Annotated[int, typer.Option(min=0, max=MAX_PORT, help="UDP port for OSC; if taken, the next free one.")]
EnginePort = Annotated[
    int, typer.Option(min=0, max=MAX_PORT, help="TCP port of the engine; if taken, the next free one.")
]
PagePort = Annotated[
    int, typer.Option(min=0, max=MAX_PORT, help="TCP port of the studio page; if taken, the next free one.")
]
Workers = Annotated[int, typer.Option(min=1, help="How many loops are made at once; one for each GPU.")]
JobsName = Annotated[str, typer.Option("--jobs", help="What makes the loops, as module:name.", hidden=True)]
Home = Annotated[Path | None, typer.Option(help="Folder of the journal, keys and logs.")]


def placed(settings: Settings, home: Path | None, takes: Path | None = None) -> Settings:
    """Return the settings with other folders where some are named; raises `BadInputError` where one is a file."""
    if home is not None:
        settings = replace(settings, home=home)
    if takes is not None:
        settings = replace(settings, takes=takes)
    for folder, what in ((settings.home, "the data folder"), (settings.takes, "the folder of takes")):
        if folder.exists() and not folder.is_dir():
            raise BadInputError(f"{folder} is a file, not a folder.", remedy=f"Name {what}.")
    return settings


def spelled(settings: Settings) -> None:
    """Raise `BadInputError` for a folder whose name is not UTF-8: no other process, device or page could be told it."""
    named = {"--home or DITTO_HOME": settings.home, "--takes or DITTO_TAKES": settings.takes}
    for option, folder in (named | {"DITTO_MODELS": settings.models}).items():
        try:
            str(folder.absolute()).encode()
        except UnicodeEncodeError as error:
            sentence, remedy = f"The name of the folder {folder} is not UTF-8.", "Rename it, or name another"
            if _is_utf_8(folder):  # PYTHONUTF8=0 in a C locale
                sentence = f"Python reads names of files as {sys.getfilesystemencoding()} here, not as UTF-8: {folder}."
                remedy = "Unset PYTHONUTF8 or set another locale, or name another folder"
            raise BadInputError(sentence, remedy=f"{remedy} with {option}.") from error


def _is_utf_8(folder: Path) -> bool:
    """Return whether a folder's name on the disk is UTF-8, however Python reads it."""
    try:
        os.fsencode(folder).decode()
    except UnicodeError:
        return False
    return True


def worker_options(settings: Settings, jobs: str, model: str) -> "WorkerOptions":
    """Return a worker's options; `jobs` is empty for real models. Raises `BadInputError` as `spelled` does."""
    spelled(settings)
    from engine.service.workers.worker_options import DEFAULT_JOBS, WorkerOptions

    return WorkerOptions.of(settings, jobs=jobs or DEFAULT_JOBS, model=model)


def run_bridge(
    settings: Settings,
    *,
    engine: "EngineOptions | None" = None,
    engine_address: str = "",
    engine_key: bytes | None = None,
    page: bool = True,
    wait: bool = False,
) -> int:
    """Run a bridge, with an engine as its child or one elsewhere, and the page, until Ctrl-C.

    With `wait` it begins when no other one holds the data folder.
    """
    from bridge.client import Peer
    from bridge.page.server import Page
    from bridge.requests.file_threads import leave_what_hangs
    from bridge.server import BridgeOptions
    from bridge.session.identity import alone
    from bridge.studio import run_studio
    from engine.service.access import ENGINE, Keys
    from engine.service.logs import log_to_stderr
    from engine.service.transport import run
    from engine.service.version import own_version

    spelled(settings)
    log_to_stderr()
    if engine is not None:  # our own child, whatever was paired with at this address
        engine_key = Keys(settings.home / "keys").pair(ENGINE)[0]
    with alone(settings.home, wait=wait) as owner:
        options = BridgeOptions(
            settings=settings, owner=owner, version=own_version(), engine_address=engine_address, engine_key=engine_key
        )
        address = engine_address or f"tcp://127.0.0.1:{settings.engine_port}"
        peer = Peer(address, engine_key, Keys(settings.home / "keys"))
        shown = Page(settings, peer) if page else None
        run(run_studio(options, engine, lambda started: _say(started, settings, shown), shown))
    leave_what_hangs(0)
    return 0


def _say(bridge: "Bridge", settings: Settings, page: "Page | None") -> None:
    if page is not None and page.ready.is_set():
        sys.stderr.write(f"The studio page: {page.address}\n")
    sys.stderr.write(
        f"The bridge listens for OSC on 127.0.0.1, UDP port {bridge.port}. Takes go to {settings.takes}.\n"
        "Put the Ditto Live device on a track; Ctrl-C stops.\n"
    )

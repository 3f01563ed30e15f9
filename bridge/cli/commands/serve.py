"""`ditto-live serve`: bridge and engine on this computer, for the device in Live."""

from pathlib import Path
from typing import Annotated

import typer

from engine.settings import DEFAULT_ENGINE_PORT, DEFAULT_OSC_PORT, DEFAULT_PAGE_PORT, ExecutorKind, Settings

from ..login.log import speak_to
from ..running import (
    Device,
    EnginePort,
    Executor,
    FirstModel,
    Home,
    JobsName,
    OscPort,
    PagePort,
    Precision,
    Workers,
    placed,
    run_bridge,
    worker_options,
)


def serve(
    port: OscPort = DEFAULT_OSC_PORT,
    engine_port: EnginePort = DEFAULT_ENGINE_PORT,
    page_port: PagePort = DEFAULT_PAGE_PORT,
    page: Annotated[bool, typer.Option(help="Serve the studio page on this computer.")] = True,
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
    home: Home = None,
    model: FirstModel = "pocket",
    device: Device = "auto",
    dtype: Precision = "auto",
    executor: Executor = ExecutorKind.LOCAL,
    workers: Workers = 1,
    wait: Annotated[bool, typer.Option("--wait", help="If another one runs, wait until it ends, then start.")] = False,
    log: Annotated[Path | None, typer.Option(help="Write the log to this file.")] = None,
    jobs: JobsName = "",
) -> int:
    """Start bridge and engine and keep them running until Ctrl-C."""
    from engine.service.options import EngineOptions

    if log is not None:
        speak_to(log)
    settings = Settings(device=device, dtype=dtype, engine_port=engine_port, osc_port=port, page_port=page_port)
    settings = placed(settings, home, takes)
    engine = EngineOptions(
        worker=worker_options(settings, jobs, model), port=engine_port, executor=executor, workers=workers
    )
    return run_bridge(settings, engine=engine, page=page, wait=wait)

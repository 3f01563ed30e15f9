"""`ditto-live serve`: bridge and engine on this computer, for the device in Live."""

from pathlib import Path
from typing import Annotated

import typer

from engine.settings import DEFAULT_ENGINE_PORT, DEFAULT_OSC_PORT, DEFAULT_PAGE_PORT, Settings

from ..running import placed, run_bridge, worker_options


def serve(
    port: Annotated[int, typer.Option(help="UDP port for OSC; if taken, the next free one.")] = DEFAULT_OSC_PORT,
    engine_port: Annotated[int, typer.Option(help="TCP port of the engine.")] = DEFAULT_ENGINE_PORT,
    page_port: Annotated[int, typer.Option(help="TCP port of the studio page; if taken, the next free one.")] = (
        DEFAULT_PAGE_PORT
    ),
    page: Annotated[bool, typer.Option(help="Serve the studio page on this computer.")] = True,
    takes: Annotated[Path | None, typer.Option(help="Where takes go.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where the journal, keys and logs lie.")] = None,
    model: Annotated[str, typer.Option(help="Loaded at once; others when they are asked for.")] = "pocket",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    executor: Annotated[str, typer.Option(help="local, or ray for a cluster.")] = "local",
    workers: Annotated[int, typer.Option(help="How many loops are made at once; one for each GPU.")] = 1,
    jobs: Annotated[str, typer.Option(help="What makes the loops, as module:name.", hidden=True)] = "",
) -> int:
    """Start bridge and engine and keep them running until Ctrl-C."""
    from engine.service.process import EngineOptions

    settings = Settings(device=device, dtype=dtype, engine_port=engine_port, osc_port=port, page_port=page_port)
    settings = placed(settings, home, takes)
    engine = EngineOptions(
        worker=worker_options(settings, jobs, model), port=engine_port, executor=executor, workers=workers
    )
    return run_bridge(settings, engine=engine, page=page)

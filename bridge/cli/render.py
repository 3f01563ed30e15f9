"""`ditto-live render`: make loops here and now, without bridge or engine process."""

import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import typer

from engine.events import Event, Take
from engine.settings import Settings

from .asked import Asked, build_request
from .follow import Outcome, follow
from .guard import INTERRUPTED, say
from .options import LoopOptions, takes_loop_options
from .output import Kept, Shelf, check_writable, load_controls, shelf
from .progress import Display, display
from .starts import read_start

if TYPE_CHECKING:
    from engine.models.protocol import Model

_PANEL = "Where it goes"


@takes_loop_options
def render(
    options: LoopOptions,
    out: Annotated[
        Path | None, typer.Option(help="WAV to write; else a new take in the takes folder.", rich_help_panel=_PANEL)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="PNG page about the best take.", rich_help_panel=_PANEL)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_PANEL)] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=_PANEL)] = "auto",
    dtype: Annotated[
        str, typer.Option(help="auto, float32, bfloat16 or float16.", rich_help_panel=_PANEL)
    ] = "auto",
) -> int:
    """Make a loop from words, a curve, a melody, a rhythm, and write it as WAV.

    Beside the WAV lie a .json with the request and the scores, and a .safetensors with the noise it came from.
    """
    started = time.monotonic()
    settings = Settings(device=device, dtype=dtype)
    load_controls(options.controls)
    asked = build_request(options, read_start(options, settings))
    destination = shelf(out, asked.request, settings)
    if report is not None:
        check_writable(report, "--report")
    outcome = make(asked, settings, destination)
    seconds = time.monotonic() - started
    if report is not None and destination.kept:
        _write_report(destination, report)
    _tell(asked, outcome, destination, seconds, report, as_json=json)
    if outcome.interrupted:
        return INTERRUPTED
    return 0 if destination.kept else 1
